"""Say what is wrong with a prompt's file, and where it and the store say different things."""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from playground.core.errors import PlaygroundError
from playground.prompts.composing import Composition
from playground.prompts.content import HISTORY, Content, Placeholder
from playground.prompts.files.basing import FIELD, Base
from playground.prompts.files.placing import PromptFile
from playground.prompts.files.writing import write_prompt
from playground.prompts.models import PromptVersion
from playground.prompts.saving_many import Outcome, Saved
from playground.prompts.templating.discovering import discover


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a file, or differs from the store. Lines begin at 1.

    Attributes:
        diff: unified, where the two say different things.
    """

    file: str
    code: str
    detail: str
    line: int = 1
    column: int = 1
    diff: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.code}: {self.detail}"

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "code": self.code,
            "detail": self.detail,
            **({"diff": self.diff} if self.diff else {}),
        }

    def as_annotation(self) -> str:
        """Return it as GitHub Actions shows it beside the line.

        Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
        """
        place = f"file={_escaped(self.file)},line={self.line},col={self.column}"
        return f"::error {place},title={_escaped(self.code)}::{_escaped(self.detail, in_text=True)}"


def refused(saved: Saved, file: PromptFile) -> Finding:
    """Say where in its file stands what was refused; the error tells it of a template."""
    error = saved.error
    assert error is not None
    extra = error.extra
    if error.code == "prompt.edited-meanwhile" and saved.before is not None:
        said = finding_of(file.path, error, file.fields.get(FIELD, 1), 1)
        return replace(said, diff=_what_happened(file, saved.before))
    if "message" not in extra or extra.get("fragment"):
        field = str(extra.get("field", "")).split(".")[0]
        return finding_of(file.path, error, file.fields.get(field, 1), 1)
    line, column = file.place(extra["message"], extra.get("line", 1), extra.get("column", 1))
    return finding_of(file.path, error, line, column)


def finding_of(path: str, error: PlaygroundError, line: int, column: int) -> Finding:
    # The place is said already, in the file instead of the template.
    said = re.sub(r"^(?:Line \d+, column \d+: |\S+:\d+:\d+: )", "", error.detail)
    return Finding(path, error.code, said, line, column)


def undeclared(file: PromptFile, composition: Composition) -> Iterator[Finding]:
    """Find variables that templates or fragments read and the inputs do not name."""
    content = composition.content
    declared = (content.inputs or {}).get("properties", {})
    read = discover(content.model_copy(update={"inputs": None}), composition.includes)
    # The conversation goes in by itself, whoever declares what.
    for name in sorted(read["properties"].keys() - declared.keys() - {HISTORY}):
        line, column = _place_of(name, file)
        yield Finding(
            file.path, "variable-undeclared", f"the inputs do not name {name}", line, column
        )


def _place_of(name: str, file: PromptFile) -> tuple[int, int]:
    for index, message in enumerate(file.content.messages):
        if isinstance(message, Placeholder):
            continue
        for number, line in enumerate(re.split(r"\r\n|\r|\n", message.template), 1):
            found = re.search(rf"\{{[{{%].*?(?<![\w.]){re.escape(name)}\b", line)
            if found:
                return file.place(index, number, found.end() - len(name) + 1)
    return 1, 1


def drift(
    file: PromptFile, saved: Saved, stored: PromptVersion | None, label: str | None
) -> Sequence[Finding]:
    where = f"label {label}" if label else "the store"
    if stored is None:
        known = saved.outcome is not Outcome.CREATED
        code = "label-missing" if known and label else "prompt-missing"
        return [Finding(file.path, code, f"{where} has no version of it")]
    if saved.composition is None or saved.composition.is_said_by(stored):
        return []
    detail = f"it does not say what {stored.ref} says in {where}"
    if file.based_on is not None and not file.based_on.says(stored.content_hash):
        base = _known(file.based_on, stored)
        made_from = f"version {base.number}" if base else "a version that the prompt never had here"
        detail += f", and was made from {made_from}"
    changes = _diff((stored.ref, stored.content), (file.path, saved.composition.content))
    return [Finding(file.path, "differs", detail, diff=changes)]


def _what_happened(file: PromptFile, newest: PromptVersion) -> str:
    """Show what was saved since the version that the file was made from, if that is known here."""
    base = file.based_on
    known = _known(base, newest) if base else None
    if known is None:
        return _diff((newest.ref, newest.content), (file.path, file.content))
    return _diff((known.ref, known.content), (newest.ref, newest.content))


def _known(base: Base, version: PromptVersion) -> PromptVersion | None:
    """Return the version of the same prompt that says what the base says."""
    return version.prompt.versions.newest_first().hashed(base.hash).first()


def _diff(before: tuple[str, Content], after: tuple[str, Content]) -> str:
    old, new = (write_prompt(each).splitlines(keepends=True) for each in (before[1], after[1]))
    return "".join(difflib.unified_diff(old, new, before[0], after[0]))


def _escaped(text: str, *, in_text: bool = False) -> str:
    for plain, code in [("%", "%25"), ("\r", "%0D"), ("\n", "%0A")]:
        text = text.replace(plain, code)
    return text if in_text else text.replace(":", "%3A").replace(",", "%2C")
