"""Carry prompts between the store and a folder of plain files, and say where the two differ.

A folder holds ``team/name.prompt``; each call is about the folder of the context's team.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from django.db import transaction

from playground.core.context import RequestContext
from playground.core.errors import InvalidInput, PlaygroundError
from playground.policy.deciding import Resource, require
from playground.prompts.composing import Composition
from playground.prompts.content import HISTORY, Placeholder
from playground.prompts.files.naming import SUFFIX, path_of, prompt_of
from playground.prompts.files.placing import PromptFile, refuse
from playground.prompts.files.reading import read_prompt
from playground.prompts.files.writing import write_prompt
from playground.prompts.labelling import move_label
from playground.prompts.models import Prompt, PromptVersion
from playground.prompts.saving_many import (
    Outcome,
    Saved,
    Wanted,
    labelled,
    save_all,
    trying,
)
from playground.prompts.templating.discovering import discover

MAX_FILE_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a file, or differs from the store. Lines begin at 1."""

    file: str
    code: str
    detail: str
    line: int = 1
    column: int = 1

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
        }


@dataclass(frozen=True, slots=True)
class Pulled:
    """A file that holds a version now; ``written`` is false where it held it before."""

    file: str
    version: PromptVersion
    written: bool


def pull(context: RequestContext, folder: Path, *, label: str | None = None) -> list[Pulled]:
    """Write the team's prompts into files: at the label, where they have it, else the newest.

    Raises:
        PolicyDenied: the context may not see a prompt.
    """
    pulled: list[Pulled] = []
    for version in _versions(context, label):
        path = path_of(context.team, version.prompt.name)
        text = write_prompt(version.content).encode()
        place = folder / path
        written = not place.is_file() or place.read_bytes() != text
        if written:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(text)
        pulled.append(Pulled(str(path), version, written))
    return pulled


def push(
    context: RequestContext, folder: Path, *, note: str = "", label: str | None = None
) -> tuple[list[Saved], list[Finding]]:
    """Save the team's files that say something new; with any finding nothing is saved.

    Args:
        label: is moved to the version of each file.

    Raises:
        PolicyDenied: the context may not save one of them, or the label takes a reviewer.
        InvalidInput: ``prompt.fragment-required``, the label demands a fragment.
    """
    files, findings = _read(context.team, folder)
    if findings:
        return [], findings
    wanted = [Wanted(name, file.content, note) for name, file in files.items()]
    with transaction.atomic():
        saved = save_all(context, wanted)
        findings = [_refused(each, files) for each in saved if each.error is not None]
        if label and not findings:
            _label(context, saved, label, reason=note)
    return saved, findings


def check(context: RequestContext, folder: Path, *, label: str | None = None) -> list[Finding]:
    """Find what is wrong with the team's files, and where they and the store differ.

    The files are saved as ``push`` would, fragments and all, and that is undone.

    Args:
        label: compare with the versions at the label; without one with the newest.

    Raises:
        PolicyDenied: the context may not save one of them.
    """
    files, findings = _read(context.team, folder)
    wanted = [Wanted(name, file.content) for name, file in files.items()]
    stored = {version.prompt.name: version for version in _versions(context, label)}
    with trying():
        saved = save_all(context, wanted)
    for each in saved:
        file = files[each.wanted.name]
        if each.error is not None:
            findings.append(_refused(each, files))
        elif each.composition is not None:
            findings += _undeclared(file, each.composition)
            findings += _drift(file, each, stored.get(each.wanted.name), label)
    broken = {finding.file for finding in findings}
    for name, version in stored.items():
        path = str(path_of(context.team, name))
        if name not in files and path not in broken:
            findings.append(Finding(path, "file-missing", f"there is no file of {version.ref}"))
    return sorted(findings, key=lambda each: (each.file, each.line, each.column))


def teams_in(folder: Path) -> list[str]:
    """Return the teams that the folder has files of."""
    return sorted({path.relative_to(folder).parts[0] for path in folder.glob(f"*/**/*{SUFFIX}")})


def _label(context: RequestContext, saved: Sequence[Saved], label: str, *, reason: str) -> None:
    for each in saved:
        if each.version is not None:
            number = each.version.number
            move_label(context, each.wanted.name, label=label, version=number, reason=reason)


def _versions(context: RequestContext, label: str | None) -> Iterator[PromptVersion]:
    prompts = Prompt.objects.of_team(context).active().select_related("team")
    require(context, "view", Resource(kind="Prompt", id="all", team=context.team))
    for prompt in prompts:
        version = labelled(context, prompt.name, label)
        if version is not None:
            yield version


def _read(team: str, folder: Path) -> tuple[dict[str, PromptFile], list[Finding]]:
    """Return the files by the names of their prompts, and what cannot be read."""
    files: dict[str, PromptFile] = {}
    findings: list[Finding] = []
    for place in sorted((folder / team).glob(f"**/*{SUFFIX}")):
        path = PurePosixPath(place.relative_to(folder).as_posix())
        try:
            _, name = prompt_of(path)
            if place.stat().st_size > MAX_FILE_BYTES:
                raise refuse(str(path), 1, 1, f"it has more than {MAX_FILE_BYTES} bytes")
            files[name] = read_prompt(place.read_bytes(), path=str(path))
        except InvalidInput as error:
            findings.append(_finding(str(path), error, error.extra["line"], error.extra["column"]))
    return files, findings


def _refused(saved: Saved, files: dict[str, PromptFile]) -> Finding:
    """Say where in its file stands what was refused; the error tells it of a template."""
    file, error = files[saved.wanted.name], saved.error
    assert error is not None
    extra = error.extra
    if "message" not in extra or extra.get("fragment"):
        field = str(extra.get("field", "")).split(".")[0]
        return _finding(file.path, error, file.fields.get(field, 1), 1)
    line, column = file.place(extra["message"], extra.get("line", 1), extra.get("column", 1))
    return _finding(file.path, error, line, column)


def _finding(path: str, error: PlaygroundError, line: int, column: int) -> Finding:
    # The place is said already, in the file instead of the template.
    said = re.sub(r"^(?:Line \d+, column \d+: |\S+:\d+:\d+: )", "", error.detail)
    return Finding(path, error.code, said, line, column)


def _undeclared(file: PromptFile, composition: Composition) -> Iterator[Finding]:
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


def _drift(
    file: PromptFile, saved: Saved, stored: PromptVersion | None, label: str | None
) -> Sequence[Finding]:
    where = f"label {label}" if label else "the store"
    if stored is None:
        known = saved.outcome is not Outcome.CREATED
        code = "label-missing" if known and label else "prompt-missing"
        return [Finding(file.path, code, f"{where} has no version of it")]
    if saved.composition is None or saved.composition.is_said_by(stored):
        return []
    return [Finding(file.path, "differs", f"it does not say what {stored.ref} says in {where}")]
