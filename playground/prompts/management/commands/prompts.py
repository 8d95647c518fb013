"""Carry prompts between the store, files in git and other products."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from playground.core.context import RequestContext
from playground.core.errors import PlaygroundError
from playground.policy.models import Membership, User
from playground.policy.people import OWNER, memberships_of
from playground.prompts import adopting, syncing
from playground.prompts.drifting import Finding
from playground.prompts.importing.naming import slug_of
from playground.prompts.importing.reading import Source, read_document
from playground.prompts.saving_many import Outcome, Saved

_DIFF_LINES = 60


class Command(BaseCommand):
    help = "Carry prompts between the store, plain files in git, and exports of other products."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        pull = actions.add_parser("pull", help="write the store's prompts into files")
        push = actions.add_parser("push", help="save files that say something new as versions")
        check = actions.add_parser("check", help="exit with 1 where files are wrong or differ")
        take = actions.add_parser("import", help="save prompts that another product exported")
        for action in (pull, push, check):
            action.add_argument("folder", type=Path, help="holds team/name.prompt")
        for action in (pull, check):
            action.add_argument("--label", help="of the versions meant; else the newest ones")
        push.add_argument("--label", help="to move to the versions of the files")
        push.add_argument("--message", default="", help="what changed")
        push.add_argument(
            "--force", default="", metavar="REASON", help="go over what was saved since; audited"
        )
        take.add_argument("--from", dest="source", required=True, choices=[*Source])
        take.add_argument("--dry-run", action="store_true", help="tell only what would happen")
        take.add_argument("file", type=Path, help="JSON; - reads standard input")
        for action in (pull, push, check, take):
            action.add_argument("--team", required=action is take, help="by its short name")
            action.add_argument("--user", default=OWNER, help="who does it, %(default)s")
            form = action.add_mutually_exclusive_group()
            form.add_argument("--json", action="store_true", help="print JSON")
            if action in (push, check):
                form.add_argument(
                    "--github", action="store_true", help="print annotations of GitHub Actions"
                )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['action']}")(options)
        except PlaygroundError as error:
            raise CommandError(f"{error.code}: {error.detail}", returncode=2) from error
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}", returncode=2) from error

    def _pull(self, options: dict[str, Any]) -> None:
        user = _user(options["user"])
        teams = [options["team"]] if options["team"] else _teams_of(user)
        pulled = [
            each
            for team in teams
            for each in syncing.pull(
                _context(user, team), options["folder"], label=options["label"]
            )
        ]
        told = [
            {"file": each.file, "version": each.version.number, "written": each.written}
            for each in pulled
        ]
        lines = (
            f"{'wrote' if each['written'] else 'kept'} {each['file']} (version {each['version']})"
            for each in told
        )
        self._tell(told, lines, options)

    def _push(self, options: dict[str, Any]) -> None:
        told: list[dict[str, Any]] = []
        everything: list[Saved] = []
        with transaction.atomic():
            for context in _contexts(options):
                saved, findings = syncing.push(
                    context,
                    options["folder"],
                    note=options["message"],
                    label=options["label"],
                    force=options["force"],
                )
                if findings:
                    # Leaving takes back what other teams' files have saved.
                    self._fail(findings, options)
                everything += saved
                told += [
                    {
                        "prompt": f"{context.team}/{each.wanted.name}",
                        "outcome": each.outcome.value,
                        "version": each.version.number if each.version else None,
                    }
                    for each in saved
                ]
        for path in syncing.rebase(options["folder"], everything):
            self.stderr.write(f"{path} cannot be written: pull before the next push")
        lines = (
            f"{each['outcome']} {each['prompt']} (version {each['version']})"
            for each in told
            if each["outcome"] != Outcome.UNCHANGED
        )
        self._tell(told, lines, options)

    def _check(self, options: dict[str, Any]) -> None:
        findings = [
            finding
            for context in _contexts(options)
            for finding in syncing.check(context, options["folder"], label=options["label"])
        ]
        if findings:
            self._fail(findings, options)
        self._tell([], [], options)

    def _import(self, options: dict[str, Any]) -> None:
        context = _context(_user(options["user"]), options["team"])
        file: Path = options["file"]
        name = slug_of(file.stem) if str(file) != "-" else "prompt"
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise CommandError(f"{file}: not JSON: {error}", returncode=2) from error
        source = Source(options["source"])
        report = read_document(source, document, team=context.team, name=name)
        told = adopting.adopt(context, report, dry_run=options["dry_run"]).as_json()
        self._tell(told, _lines(told), options)
        if told["errors"]:
            sys.exit(1)

    def _tell(self, told: Any, lines: Iterable[object], options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(told, ensure_ascii=False, indent=2))
            return
        for line in lines:
            self.stdout.write(str(line))

    def _fail(self, findings: Sequence[Finding], options: dict[str, Any]) -> NoReturn:
        lines = (line for each in findings for line in _printed(each, github=options["github"]))
        self._tell([each.as_json() for each in findings], lines, options)
        sys.exit(1)


def _printed(finding: Finding, *, github: bool) -> Iterator[str]:
    if github:
        yield finding.as_annotation()
        return
    yield str(finding)
    changes = finding.diff.splitlines()
    yield from (f"    {line}" for line in changes[:_DIFF_LINES])
    if len(changes) > _DIFF_LINES:
        yield f"    … {len(changes) - _DIFF_LINES} more lines"


def _lines(told: dict[str, Any]) -> list[str]:
    """Return the report of an import, a line for each thing."""
    lines = []
    for prompt in told["prompts"]:
        lines.append(f"{prompt['outcome']} {prompt['name']} (version {prompt['version']})")
        for change in prompt["changes"]:
            place = "" if change["message"] is None else f" in message {change['message']}"
            lines.append(f"  {change['fate']}{place}: {change['what']}: {change['detail']}")
    lines += [f"skipped {each['name']}: {each['reason']}" for each in told["skipped"]]
    lines += [f"error {e['name']}: {e['code']}: {e['detail']}" for e in told["errors"]]
    return lines


def _user(name: str) -> User:
    user = User.objects.filter(username=name, is_active=True).first()
    if user is None:
        raise CommandError(f"there is no user {name}; --user names one", returncode=2)
    return user


def _teams_of(user: User) -> list[str]:
    return [membership.team.slug for membership in memberships_of(user)]


def _context(user: User, team: str) -> RequestContext:
    try:
        return user.context(team=team)
    except Membership.DoesNotExist:
        raise CommandError(f"{user.username} is in no team {team}", returncode=2) from None


def _contexts(options: dict[str, Any]) -> list[RequestContext]:
    """Return a context for the team that is named, or for each that the folder has files of."""
    user = _user(options["user"])
    folder: Path = options["folder"]
    if not folder.is_dir():
        raise CommandError(f"there is no folder {folder}", returncode=2)
    teams = [options["team"]] if options["team"] else syncing.teams_in(folder)
    if not teams:
        raise CommandError(f"{folder} holds no team/name.prompt", returncode=2)
    return [_context(user, team) for team in teams]
