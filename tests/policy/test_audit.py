"""The audit log: it grows only, and shows when somebody changed it all the same."""

import io
import threading

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from playground.core import provisioning
from playground.core.context import RequestContext
from playground.policy import auditing
from playground.policy.models import AuditHead, AuditRow


@pytest.fixture
def as_owner(embedded_services, transactional_db):
    """Connect as the role that owns the tables, as somebody with the database's keys could."""
    silo = next(silo for silo in embedded_services.silos if silo.alias == "default")
    with provisioning.connect_owner(silo, embedded_services.credentials.passwords) as owner:
        yield owner


def _record(team="hiring", n=1):
    for number in range(n):
        auditing.record(
            RequestContext("user:alice", team),
            action="view",
            resource=f"thread:{number}",
            outcome="allowed",
        )


@pytest.mark.django_db(transaction=True)
def test_it_holds_when_nobody_touched_it():
    _record(team="north", n=3)
    _record(team="south", n=2)

    assert auditing.verify() == []
    assert list(AuditRow.objects.filter(team="north").values_list("seq", flat=True)) == [1, 2, 3]
    out = io.StringIO()
    call_command("verify_audit", team="north", stdout=out)
    assert "1 chains with 3 rows hold" in out.getvalue()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE policy_auditrow SET entry = '{}'",
        "DELETE FROM policy_auditrow",
        "TRUNCATE policy_auditrow",
        "INSERT INTO policy_auditrow (team, seq, at, entry, previous_hash, hash)"
        " VALUES ('hiring', 9, now(), '{}', '', '')",
        "UPDATE policy_audithead SET seq = 0",
        "DELETE FROM policy_audithead",
        "ALTER TABLE policy_auditrow DISABLE TRIGGER ALL",
        "DROP FUNCTION policy_audit_append(text, text)",
    ],
)
def test_it_refuses_the_application_when_it_would_change_the_log(statement):
    _record()
    before = AuditRow.objects.count()

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert auditing.verify() == []
    assert AuditRow.objects.count() == before


@pytest.mark.parametrize("verb", ["UPDATE", "DELETE", "TRUNCATE", "INSERT"])
def test_it_still_refuses_when_rights_were_granted_by_mistake(as_owner, verb):
    _record()
    role = settings.DATABASES["default"]["USER"]
    statements = {
        "UPDATE": "UPDATE policy_auditrow SET seq = seq",
        "DELETE": "DELETE FROM policy_auditrow",
        "TRUNCATE": "TRUNCATE policy_auditrow",
        "INSERT": "INSERT INTO policy_auditrow SELECT 99, team, 99, at, entry, hash, hash"
        " FROM policy_auditrow",
    }
    as_owner.execute(f"GRANT {verb} ON policy_auditrow TO {role}")
    as_owner.commit()

    try:
        with (
            pytest.raises(DatabaseError, match="refuses"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statements[verb])
    finally:
        as_owner.execute(f"REVOKE {verb} ON policy_auditrow FROM {role}")
        as_owner.commit()


@pytest.mark.parametrize(
    ("tampering", "seq", "what"),
    [
        ("UPDATE policy_auditrow SET entry = jsonb_set(entry, '{outcome}', '\"denied\"')"
         " WHERE seq = 2", 2, "changed"),
        ("UPDATE policy_auditrow SET at = at + interval '1 second' WHERE seq = 3", 3, "changed"),
        ("DELETE FROM policy_auditrow WHERE seq = 2", 2, "missing"),
        ("DELETE FROM policy_auditrow WHERE seq = 4", 4, "end of the chain"),
        ("UPDATE policy_auditrow SET hash = repeat('a', 64) WHERE seq = 1", 1, "changed"),
        ("DELETE FROM policy_audithead", 5, "no head"),
        ("UPDATE policy_auditrow SET seq = seq + 10 WHERE seq >= 2", 4, "end of the chain"),
    ],
)  # fmt: skip
def test_it_names_the_row_when_the_owner_of_the_tables_tampered(as_owner, tampering, seq, what):
    _record(n=4)

    as_owner.execute(tampering)
    as_owner.commit()

    faults = auditing.verify("hiring")
    assert any(fault.seq == seq and what in fault.what for fault in faults), faults
    with pytest.raises(CommandError):
        call_command("verify_audit", stderr=io.StringIO())


@pytest.mark.django_db(transaction=True)
def test_it_keeps_the_row_when_the_surrounding_transaction_is_rolled_back():
    with transaction.atomic():
        _record(team="undone")
        transaction.set_rollback(True)

    assert AuditRow.objects.filter(team="undone").count() == 1
    assert auditing.verify() == []


@pytest.mark.django_db(transaction=True)
def test_it_stays_gapless_when_many_write_at_once():
    def write() -> None:
        try:
            _record(team="busy", n=10)
        finally:
            connection.close()

    writers = [threading.Thread(target=write) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert AuditHead.objects.get(team="busy").seq == 80
    assert auditing.verify() == []


def test_it_refuses_the_application_when_it_would_become_the_owner(as_owner):
    role = settings.DATABASES["default"]["USER"]

    member = as_owner.execute(
        "SELECT pg_has_role(%s, relowner, 'MEMBER') FROM pg_class"
        " WHERE relname = 'policy_auditrow'",
        [role],
    ).fetchone()

    assert member == (False,)
