"""Carry prompts between the store and a folder of plain files, and say where the two differ.

A folder holds ``team/name.prompt``; each call is about the folder of the context's team.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from django.db import transaction

from playground.core.context import RequestContext
from playground.core.errors import InvalidInput
from playground.policy import auditing
from playground.policy.deciding import Resource, require
from playground.prompts.drifting import Finding, drift, finding_of, refused, undeclared
from playground.prompts.files.basing import Base, rebased
from playground.prompts.files.naming import SUFFIX, path_of, prompt_of
from playground.prompts.files.placing import PromptFile, refuse
from playground.prompts.files.reading import read_prompt
from playground.prompts.files.writing import write_prompt
from playground.prompts.labelling import move_label
from playground.prompts.models import Prompt, PromptVersion
from playground.prompts.saving_many import (
    Saved,
    Wanted,
    labelled,
    save_all,
    trying,
)
from playground.prompts.spotting import refuse_secrets, spot_in_text

MAX_FILE_BYTES = 4_000_000


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
        text = write_prompt(version.content, based_on=_base(version)).encode()
        place = folder / path
        written = not place.is_file() or place.read_bytes() != text
        if written:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(text)
        pulled.append(Pulled(str(path), version, written))
    return pulled


def push(
    context: RequestContext,
    folder: Path,
    *,
    note: str = "",
    label: str | None = None,
    force: str = "",
) -> tuple[list[Saved], list[Finding]]:
    """Save the team's files that say something new; with any finding nothing is saved.

    A file that says what it was made from is refused where the store went on since. When all is
    committed, ``rebase`` has the files say what they hold now.

    Args:
        label: is moved to the version of each file.
        force: why files may go over what was saved since; it is audited.

    Raises:
        PolicyDenied: the context may not save one of them, or the label takes a reviewer.
        InvalidInput: ``prompt.fragment-required``, the label demands a fragment.
    """
    files, findings = _read(context.team, folder)
    if findings:
        return [], findings
    _check_reason(force)
    wanted = [
        Wanted(name, file.content, note or force, None if force else file.based_on)
        for name, file in files.items()
    ]
    with transaction.atomic():
        saved = save_all(context, wanted)
        findings = _in_order(_wrong(saved, files))
        if findings:
            transaction.set_rollback(True)
            return [], findings
        if force:
            _record_force(context, saved, files, reason=force)
        if label:
            _label(context, saved, label, reason=note)
    return saved, []


def rebase(folder: Path, saved: Sequence[Saved]) -> list[str]:
    """Have the files say which version they hold now; return those that cannot be written."""
    failed = []
    for each in saved:
        if each.version is None:
            continue
        path = path_of(each.version.prompt.team.slug, each.wanted.name)
        try:
            before = (folder / path).read_bytes()
            after = rebased(before.decode(), _base(each.version)).encode()
            if after != before:
                (folder / path).write_bytes(after)
        except OSError:
            failed.append(str(path))
    return failed


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
    findings += _wrong(saved, files)
    for each in saved:
        if each.error is None:
            name = each.wanted.name
            findings += drift(files[name], each, stored.get(name), label)
    broken = {finding.file for finding in findings}
    for name, version in stored.items():
        path = str(path_of(context.team, name))
        if name not in files and path not in broken:
            findings.append(Finding(path, "file-missing", f"there is no file of {version.ref}"))
    return _in_order(findings)


def teams_in(folder: Path) -> list[str]:
    """Return the teams that the folder has files of."""
    return sorted({path.relative_to(folder).parts[0] for path in folder.glob(f"*/**/*{SUFFIX}")})


def _wrong(saved: Sequence[Saved], files: dict[str, PromptFile]) -> Iterator[Finding]:
    """Find what keeps the files from being saved; one such file keeps all of them."""
    for each in saved:
        file = files[each.wanted.name]
        if each.error is not None:
            yield refused(each, file)
        elif each.composition is not None:
            yield from undeclared(file, each.composition)


def _in_order(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda each: (each.file, each.line, each.column))


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
            findings.append(
                finding_of(str(path), error, error.extra["line"], error.extra["column"])
            )
    return files, findings


def _base(version: PromptVersion) -> Base:
    return Base.of(version.number, version.content_hash)


def _check_reason(force: str) -> None:
    if len(force) > 200 or "\x00" in force:
        raise InvalidInput("prompt.note", "A reason has at most 200 characters.")
    refuse_secrets(spot_in_text(force, "force"))


def _record_force(
    context: RequestContext, saved: Sequence[Saved], files: dict[str, PromptFile], *, reason: str
) -> None:
    """Write down what a forced push went over; the audit log keeps only what is committed."""
    for each in saved:
        base, before, version = files[each.wanted.name].based_on, each.before, each.version
        if before is None or version is None or version == before:
            continue
        if base is not None and base.says(before.content_hash):
            continue
        details = {
            "reason": reason,
            "made_from": base.number if base else None,
            "over": before.number,
            "version": version.number,
        }
        urn = version.prompt.resource(context).urn
        transaction.on_commit(
            partial(
                auditing.record, context, action="push_over", resource=urn, outcome="done",
                details=details,
            )
        )  # fmt: skip
