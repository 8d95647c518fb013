import asyncio

import pytest

from playground.gateway.quotas.ledger_queue import LedgerQueue, Row
from playground.gateway.quotas.limits import Amount
from playground.gateway.quotas.reservations import Outcome
from playground.gateway.quotas.reserving import Quotas, ledger_key


class Shelf:
    """Keep rows; fail as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.batches: list[list[int]] = []

    async def keep(self, rows: list[Row]) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError("the database is away")
        self.batches.append([row["tokens"] for row in rows])


async def calls(quotas: Quotas, count: int) -> None:
    for number in range(count):
        held = await quotas.reserve([], Amount(number, 0), row={})
        await quotas.settle(held, Amount(number, 0), outcome=Outcome.SUCCEEDED)


async def test_it_hands_over_batches_in_order_when_rows_wait(quotas, client):
    queue, shelf = LedgerQueue(client, consumer="one", batch=2), Shelf()
    await calls(quotas, 5)

    waited = await queue.waiting()
    kept = [await queue.drain(shelf.keep), await queue.drain(shelf.keep)]

    assert (waited, kept, await queue.waiting()) == (5, [5, 0], 0)
    assert shelf.batches == [[0, 1], [2, 3], [4]]


async def test_it_brings_a_batch_again_when_keeping_it_failed(quotas, client):
    queue, shelf = LedgerQueue(client, consumer="one", batch=2), Shelf(failures=1)
    await calls(quotas, 3)

    with pytest.raises(OSError, match="away"):
        await queue.drain(shelf.keep)
    waited = await queue.waiting()
    await queue.drain(shelf.keep)

    assert waited == 3
    assert shelf.batches == [[0, 1], [2]]


async def test_it_takes_over_the_rows_when_another_consumer_died(quotas, client):
    dead, shelf = LedgerQueue(client, consumer="dead"), Shelf(failures=1)
    await calls(quotas, 3)
    with pytest.raises(OSError, match="away"):
        await dead.drain(shelf.keep)

    patient = await LedgerQueue(client, consumer="two").drain(shelf.keep)
    await asyncio.sleep(0.06)
    claiming = LedgerQueue(client, consumer="two", claim_after_s=0.05)
    claimed = await claiming.drain(shelf.keep)

    assert (patient, claimed, await claiming.waiting()) == (0, 3, 0)
    assert shelf.batches == [[0, 1, 2]]


async def test_it_hands_each_row_to_one_when_several_drain_at_once(quotas, client):
    shelf = Shelf()
    await calls(quotas, 40)

    await asyncio.gather(
        *(LedgerQueue(client, consumer=f"c{n}", batch=3).drain(shelf.keep) for n in range(4))
    )

    assert sorted(token for batch in shelf.batches for token in batch) == list(range(40))


async def test_it_goes_on_following_when_keeping_fails_for_a_while(quotas, client):
    shelf = Shelf(failures=2)
    queue = LedgerQueue(client, consumer="one")
    task = asyncio.create_task(queue.follow(shelf.keep, every_s=0.01))

    await calls(quotas, 2)
    async with asyncio.timeout(5):
        while sum(map(len, shelf.batches)) < 2:
            await asyncio.sleep(0.01)
    task.cancel()

    assert sorted(token for batch in shelf.batches for token in batch) == [0, 1]


async def test_it_forgets_consumers_that_are_gone_and_have_nothing(quotas, client):
    dead, waiting, shelf = (
        LedgerQueue(client, consumer="dead"), LedgerQueue(client, consumer="waiting"),
        Shelf(failures=1),
    )  # fmt: skip
    await dead.drain(shelf.keep)
    await calls(quotas, 1)
    with pytest.raises(OSError, match="away"):
        await waiting.drain(shelf.keep)

    await LedgerQueue(client, consumer="new").forget_consumers(idle_s=-1)

    names = {known["name"] for known in await client.xinfo_consumers(ledger_key(), "ledger")}
    assert names == {b"waiting"}
