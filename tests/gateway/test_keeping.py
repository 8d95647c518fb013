"""The ledger's keeper: one row that cannot be kept loses no other."""

import logging
from typing import Any

import pytest

from playground.gateway import connecting, keeping
from playground.gateway.models import LedgerRow
from playground.gateway.quotas.ledger_queue import LedgerQueue
from playground.gateway.quotas.limits import Amount
from playground.gateway.quotas.reservations import Outcome
from playground.gateway.quotas.reserving import PREFIX, ledger_key

pytestmark = [
    pytest.mark.django_db(transaction=True, databases="__all__"),
    pytest.mark.usefixtures("valkey"),
]


async def settle(**row: Any) -> None:
    held = await connecting.quotas().reserve([], Amount(1, 0), row={"team": "hiring"} | row)
    await connecting.quotas().settle(held, Amount(1, 0), outcome=Outcome.SUCCEEDED, row={})


@pytest.mark.parametrize(
    "bad",
    [
        {"input_tokens": 2**64 - 1},
        {"first_token_ms": "soon: sk-secret"},
        {"key_id": "no uuid: sk-secret"},
        {"input_tokens": {"a": 1}},
        {"subject": None},
    ],
    ids=["endless", "words", "key", "object", "missing"],
)
async def test_it_keeps_the_others_when_a_row_is_bad(
    bad: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    good = {"subject": "user:ada", "model": "m", "operation": "chat", "purpose": "test"}
    await settle(**good)
    await settle(**good | bad)
    await settle(**good)

    await LedgerQueue(connecting.client(), consumer="test").drain(keeping.keep)

    assert await LedgerRow.objects.acount() >= 2
    assert "sk-secret" not in caplog.text


async def test_it_reads_on_when_an_entry_is_none_of_ours() -> None:
    await connecting.client().xadd(ledger_key(PREFIX), {b"opened": b"{not json"})
    await settle(subject="user:ada", model="m", operation="chat", purpose="test")

    queue = LedgerQueue(connecting.client(), consumer="test")
    await queue.drain(keeping.keep)

    assert await LedgerRow.objects.acount() == 1
    assert await queue.waiting() == 0
