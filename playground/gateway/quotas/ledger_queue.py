"""Carry ledger rows from Redis to whoever keeps them; each at least once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import orjson
import redis
import redis.asyncio

from playground.gateway.quotas.reserving import PREFIX, ledger_key

log = logging.getLogger(__name__)

Row = dict[str, Any]
Keep = Callable[[Sequence[Row]], Awaitable[None]]

_GROUP = "ledger"
_Entry = tuple[bytes, dict[bytes, bytes] | None]


class LedgerQueue:
    """Read rows as one of several consumers of one group.

    A row may come twice (its reader died before it said that it had kept it, or was slower than
    ``claim_after_s``): keep rows under a unique ``reservation_id``.

    Args:
        client: answers in bytes (not ``decode_responses``).
        consumer: this process's name; after a restart under the same name its rows come first.
        claim_after_s: when the rows of another consumer count as left behind.
    """

    def __init__(
        self,
        client: "redis.asyncio.Redis",
        *,
        consumer: str,
        batch: int = 500,
        claim_after_s: float = 60,
        prefix: str = PREFIX,
    ) -> None:
        # The library's types give sync and async answers in one union.
        self._client = cast(Any, client)
        self._stream = ledger_key(prefix)
        self._consumer = consumer
        self._batch = batch
        self._claim_ms = int(claim_after_s * 1000)

    async def drain(self, keep: Keep) -> int:
        """Hand over, in batches, all rows that wait; return how many.

        An error of ``keep`` is raised; that batch comes again with the next call.
        """
        await self._join()
        kept = 0
        for read in (self._unkept, self._left_behind, self._new):
            while entries := await read():
                # An entry without fields was deleted while pending: somebody else kept it.
                rows = [row for _, fields in entries if fields and (row := _row(fields))]
                if rows:
                    await keep(rows)
                await self._forget([entry_id for entry_id, _ in entries])
                kept += len(rows)
        return kept

    async def follow(self, keep: Keep, *, every_s: float = 0.5) -> None:
        """Drain again and again until cancelled, whatever fails meanwhile."""
        wait_s = every_s
        while True:
            try:
                await self.drain(keep)
                wait_s = every_s
            except Exception as error:
                wait_s = min(wait_s * 2, 30)
                log.warning("ledger rows wait: %s", type(error).__name__)
            await asyncio.sleep(wait_s)

    async def forget_consumers(self, *, idle_s: float = 3600) -> None:
        """Forget consumers that have no rows and have not asked for any for so long."""
        await self._join()
        for known in await self._client.xinfo_consumers(self._stream, _GROUP):
            if known["pending"] == 0 and known["idle"] > idle_s * 1000:
                await self._client.xgroup_delconsumer(self._stream, _GROUP, known["name"])

    async def waiting(self) -> int:
        """Return how many rows are not kept yet."""
        return int(await self._client.xlen(self._stream))

    async def _forget(self, entry_ids: list[bytes]) -> None:
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.xack(self._stream, _GROUP, *entry_ids)
            pipe.xdel(self._stream, *entry_ids)
            await pipe.execute()

    async def _join(self) -> None:
        try:
            await self._client.xgroup_create(self._stream, _GROUP, id="0", mkstream=True)
        except redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def _unkept(self) -> list[_Entry]:
        return await self._read("0")

    async def _new(self) -> list[_Entry]:
        return await self._read(">")

    async def _read(self, since: str) -> list[_Entry]:
        answer = await self._client.xreadgroup(
            _GROUP, self._consumer, {self._stream: since}, count=self._batch
        )
        return [entry for _, entries in answer or [] for entry in entries]

    async def _left_behind(self) -> list[_Entry]:
        _, entries, *_ = await self._client.xautoclaim(
            self._stream, _GROUP, self._consumer, self._claim_ms, "0-0", count=self._batch
        )
        return cast(list[_Entry], entries)


def _row(fields: dict[bytes, bytes]) -> Row | None:
    """Read an entry; one that nobody wrote here, and nobody can read, must not stop the others."""
    try:
        return _read(fields)
    except (ValueError, KeyError, TypeError) as error:
        log.error("an entry of the ledger cannot be read: %s", type(error).__name__)
        return None


def _read(fields: dict[bytes, bytes]) -> Row:
    return {
        **orjson.loads(fields[b"opened"]),
        **orjson.loads(fields[b"closed"]),
        "reservation_id": fields[b"id"].decode(),
        "outcome": fields[b"outcome"].decode(),
        "settled_at_ms": int(fields[b"at"]),
        "tokens": int(fields[b"tokens"]),
        "cost_micro_usd": int(fields[b"cost"]),
        "reserved_tokens": int(fields[b"reserved_tokens"]),
        "reserved_cost_micro_usd": int(fields[b"reserved_cost"]),
    }
