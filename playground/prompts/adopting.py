"""Save the prompts of another product's document, with the report of what became of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from playground.core.context import RequestContext
from playground.core.errors import InvalidInput
from playground.prompts.importing.reporting import Report
from playground.prompts.saving_many import Saved, Wanted, save_all

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
    adopted, _ = adopt_agreed(context, report, lambda _: not dry_run)
    if adopted.errors and not dry_run:
        first = adopted.errors[0]
        raise InvalidInput(
            "prompt.import-refused",
            f"Nothing was saved. {first['name']}: {first['detail']}",
            errors=adopted.errors,
        )
    return adopted


def adopt_agreed(
    context: RequestContext, report: Report, agreed: Callable[[Adopted], bool]
) -> tuple[Adopted, bool]:
    """Save what a document held where that is agreed to; return what it is, and whether it was.

    Nobody else saves the same prompts between the question and the saving.

    Args:
        agreed: asked about what would be saved, where nothing of it is refused.

    Raises:
        PolicyDenied: the context may not save one of them.
    """
    wanted = [Wanted(each.name, each.content, each.note[:MAX_NOTE]) for each in report.prompts]
    with transaction.atomic():
        adopted = Adopted(report, tuple(save_all(context, wanted)))
        saves = not adopted.errors and agreed(adopted)
        if not saves:
            transaction.set_rollback(True)
    return adopted, saves
