"""Prove that nobody changed the audit log."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from playground.policy import auditing
from playground.policy.models import AuditHead


class Command(BaseCommand):
    help = "Recompute every hash of the audit log and report each place where a chain is broken."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--team", help="only this team's chain")

    def handle(self, *args: Any, **options: Any) -> None:
        heads = AuditHead.objects.order_by("team")
        if options["team"] is not None:
            heads = heads.filter(team=options["team"])
        ends = list(heads)
        faults = auditing.verify(options["team"])
        for fault in faults:
            self.stderr.write(f"{fault.team} row {fault.seq}: {fault.what}")
        if faults:
            raise CommandError(f"{len(faults)} faults found")
        for head in ends:
            self.stdout.write(f"{head.team}: {head.seq} rows, the last is {head.hash}")
        rows = sum(head.seq for head in ends)
        self.stdout.write(f"{len(ends)} chains with {rows} rows hold")
