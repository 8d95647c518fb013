"""LangGraph's PostgreSQL checkpointer, held to the lease of the lane.

Three things differ from the library's own. A write commits only while the lane's lease is still
ours: a worker that was thought dead cannot move a conversation. The id of each new checkpoint is
recorded on the lane in the same transaction. And reading without an id gives the recorded one, not
the highest: a checkpoint that was written but never became the head is never resumed.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connections
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
)
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg import Connection, Cursor
from psycopg.rows import DictRow, dict_row, tuple_row
from psycopg_pool import ConnectionPool

from agents.running import Turn

RUN_KEY = "playground_run"
POOL_SIZE = 10
_CONNECTION_FIELDS = frozenset(
    ("dbname", "user", "password", "host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey")
)

_pools: dict[str, ConnectionPool[Connection[DictRow]]] = {}
_pools_lock = threading.Lock()


def pool() -> ConnectionPool[Connection[DictRow]]:
    """Return this process's connections for checkpoints, by the application role.

    A connection is checked before use, so a restarted server costs one retry, not a failed run.
    """
    parameters = connections["default"].get_connection_params()
    wanted = {key: value for key, value in parameters.items() if key in _CONNECTION_FIELDS}
    key = repr(sorted((name, value) for name, value in wanted.items() if name != "password"))
    with _pools_lock:
        if key not in _pools:
            _pools[key] = ConnectionPool(
                kwargs={**wanted, "autocommit": True, "row_factory": dict_row},
                connection_class=Connection[DictRow],
                min_size=0,
                max_size=POOL_SIZE,
                max_idle=60.0,
                timeout=10.0,
                check=ConnectionPool.check_connection,
                name="checkpoints",
                open=True,
            )
        return _pools[key]


def close_pools() -> None:
    """Close all connections, before the process ends or the database goes away."""
    with _pools_lock:
        for each in _pools.values():
            each.close(timeout=2.0)
        _pools.clear()


class FencedSaver(PostgresSaver):
    """Keep the checkpoints of one attempt of one run."""

    def __init__(self, turn: Turn) -> None:
        super().__init__(pool())
        self._fence = turn.fence
        self._run_id = turn.run_id
        self._lane_id = turn.lane_id
        self._writing = threading.local()

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint by id; without one, the lane's head if it is this run's."""
        if get_checkpoint_id(config):
            return super().get_tuple(config)
        head = self._head()
        if not head:
            return None
        configurable = {**config["configurable"], "checkpoint_id": head}
        found = super().get_tuple({**config, "configurable": configurable})
        if found is None or found.metadata.get(RUN_KEY) != self._run_id:
            return None
        return found

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint and make it the lane's head, in one transaction.

        Raises:
            LeaseLost: another worker holds the lane.
        """
        with self._transaction() as cursor:
            stored = super().put(config, checkpoint, metadata, new_versions)
            if not config["configurable"].get("checkpoint_ns"):
                self._fence.record_head(cursor, checkpoint["id"])
            return stored

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store what a finished node wrote.

        Raises:
            LeaseLost: another worker holds the lane.
        """
        with self._transaction():
            super().put_writes(config, writes, task_id, task_path)

    @contextmanager
    def _transaction(self) -> Iterator[Cursor[Any]]:
        with (
            self.lock,
            pool().connection() as connection,
            connection.transaction(),
            connection.cursor(row_factory=tuple_row) as guard,
            connection.cursor(binary=True, row_factory=dict_row) as cursor,
        ):
            self._fence.check(guard)
            self._writing.cursor = cursor
            try:
                yield guard
            finally:
                self._writing.cursor = None

    @contextmanager
    def _cursor(self, *, pipeline: bool = False) -> Iterator[Cursor[DictRow]]:
        cursor = getattr(self._writing, "cursor", None)
        if cursor is not None:
            yield cursor
            return
        with super()._cursor(pipeline=pipeline) as other:
            yield other

    def _head(self) -> str:
        with pool().connection() as connection, connection.cursor(row_factory=tuple_row) as cursor:
            row = cursor.execute(
                "SELECT head_checkpoint FROM messaging_lane WHERE id = %s", [self._lane_id]
            ).fetchone()
        return str(row[0] or "") if row else ""
