"""The append-only audit log: one hash chain a team.

Rows are written by the database function ``policy_audit_append``, which alone may insert. It locks
the team's chain head, so the rows of a team are gapless and in commit order.
"""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from playground.core.canonical import canonical_json
from playground.core.context import RequestContext
from playground.policy.models import AuditHead, AuditRow

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Fault:
    """One place where a chain does not hold."""

    team: str
    seq: int
    what: str


def record(
    context: RequestContext,
    *,
    action: str,
    resource: str,
    outcome: str,
    reasons: Sequence[str] = (),
    policies: Sequence[str] = (),
    details: Mapping[str, Any] | None = None,
) -> int:
    """Append a row to the chain of the context's team and return its sequence number.

    The row is committed on return, also inside a caller's open transaction: what is rolled back
    was nevertheless tried.

    Args:
        resource: URN such as ``thread:<uuid>``.
        outcome: ``allowed``, ``denied``, or ``done`` for facts no policy decides.
        details: JSON without floats, secrets or text of conversations.
    """
    entry = {
        "subject": context.subject,
        "actor": context.actor,
        "purpose": context.purpose,
        "action": action,
        "resource": resource,
        "outcome": outcome,
        "reasons": list(reasons),
        "policies": list(policies),
        "request_id": context.request_id,
        "details": dict(details or {}),
    }
    text = canonical_json(entry).decode()
    with _own_transaction() as database, database.cursor() as cursor:
        cursor.execute("SELECT policy_audit_append(%s, %s)", [context.team, text])
        return int(cursor.fetchone()[0])


@contextlib.contextmanager
def _own_transaction() -> Iterator[BaseDatabaseWrapper]:
    # Within a transaction the chain's lock would be held to its end, and its rollback would
    # take the row along. The short connection aside costs about 5 ms and is rarely needed.
    if not connection.in_atomic_block:
        yield connection
        return
    aside = connection.copy()
    try:
        yield aside
    finally:
        aside.close()


def chain_hash(*, previous: str, team: str, seq: int, at: str, entry: Any) -> str:
    """Return the hash that the row must carry; the database computes the same."""
    text = "\n".join((previous, team, str(seq), at, canonical_json(entry).decode()))
    return hashlib.sha256(text.encode()).hexdigest()


def verify(team: str | None = None) -> list[Fault]:
    """Walk the chains and return every fault; an empty list proves them whole."""
    heads = {head.team: head for head in AuditHead.objects.all()}
    in_rows = AuditRow.objects.order_by("team").values_list("team", flat=True).distinct()
    teams = sorted({*heads, *in_rows}) if team is None else [team]
    return [fault for each in teams for fault in _verify_chain(each, heads.get(each))]


def _verify_chain(team: str, head: AuditHead | None) -> Iterator[Fault]:
    previous, expected = GENESIS, 1
    # Rows that arrive during the walk lie beyond the head read before it.
    rows = AuditRow.objects.filter(team=team, seq__lte=head.seq if head else 2**62)
    for row in rows.order_by("seq").iterator(chunk_size=2000):
        if row.seq != expected:
            yield Fault(team, expected, f"rows {expected} to {row.seq - 1} are missing")
        if row.previous_hash != previous:
            yield Fault(team, row.seq, "the row does not follow the one before it")
        computed = chain_hash(
            previous=row.previous_hash,
            team=row.team,
            seq=row.seq,
            at=row.at_text,
            entry=row.entry,
        )
        if computed != row.hash:
            yield Fault(team, row.seq, "the row was changed")
        previous, expected = row.hash, row.seq + 1
    if head is None:
        yield Fault(team, expected, "the chain has no head")
    elif (head.seq, head.hash) != (expected - 1, previous):
        yield Fault(team, head.seq, "the end of the chain is missing or was changed")
