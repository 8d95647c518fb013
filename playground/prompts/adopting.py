"""Save the prompts of another product's document, with the report of what became of them."""

from dataclasses import dataclass
from typing import Any

from playground.core.context import RequestContext
from playground.core.errors import InvalidInput
from playground.prompts.importing.reporting import Report
from playground.prompts.saving_many import Saved, Wanted, save_all, trying

MAX_NOTE = 200


@dataclass(frozen=True, slots=True)
class Adopted:
    """What an import did, or, tried only, would have done."""

    report: Report
    saved: tuple[Saved, ...]

    @property
    def errors(self) -> list[dict[str, Any]]:
        """Return what was refused, and where in it the reason stands."""
        return [
            {
                "name": each.wanted.name,
                "code": each.error.code,
                "detail": each.error.detail,
                "message": each.error.extra.get("message"),
            }
            for each in self.saved
            if each.error is not None
        ]

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON, with the version that each prompt became."""
        told = self.report.as_json()
        outcomes = {id(each.wanted.content): each for each in self.saved}
        for said, imported in zip(told["prompts"], self.report.prompts, strict=True):
            each = outcomes[id(imported.content)]
            said["outcome"] = each.outcome.value
            said["version"] = each.version.number if each.version else None
        return {**told, "errors": self.errors}


def adopt(context: RequestContext, report: Report, *, dry_run: bool = False) -> Adopted:
    """Save what a document held: all of it, or nothing where a part is refused.

    Args:
        dry_run: save nothing and tell what would happen.

    Raises:
        PolicyDenied: the context may not save one of them.
        InvalidInput: ``prompt.import-refused`` with ``errors``; not in a dry run.
    """
    wanted = [Wanted(each.name, each.content, each.note[:MAX_NOTE]) for each in report.prompts]
    if dry_run:
        with trying():
            return Adopted(report, tuple(save_all(context, wanted)))
    adopted = Adopted(report, tuple(save_all(context, wanted)))
    if adopted.errors:
        first = adopted.errors[0]
        raise InvalidInput(
            "prompt.import-refused",
            f"Nothing was saved. {first['name']}: {first['detail']}",
            errors=adopted.errors,
        )
    return adopted
