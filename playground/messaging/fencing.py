"""The check, inside a worker's own transaction, that it still holds the lane."""

import uuid
from dataclasses import dataclass
from typing import Any

from playground.messaging.interruptions import LeaseLost

# A stopped process must not keep a lane locked from inside a transaction for longer than this.
IDLE_IN_TRANSACTION = "10s"

# The row stays locked until the transaction ends, so no claim can come between check and write.
_CHECK = """
SELECT lease_epoch, set_config('idle_in_transaction_session_timeout', %s, true)
  FROM messaging_lane
 WHERE id = %s AND lease_epoch = %s AND lease_owner = %s
   FOR NO KEY UPDATE
"""


@dataclass(frozen=True, slots=True)
class Fence:
    """One lease on one lane, named by its epoch."""

    lane_id: uuid.UUID
    epoch: int
    owner: str

    def check(self, target: Any) -> None:
        """Hold the lane until the caller's transaction ends.

        ``target`` is a connection or cursor, of Django or psycopg, inside a transaction on the
        default silo.

        Raises:
            LeaseLost: the lane has been claimed since, or was given back.
        """
        cursor = target if hasattr(target, "fetchone") else target.cursor()
        cursor.execute(_CHECK, [IDLE_IN_TRANSACTION, self.lane_id, self.epoch, self.owner])
        if cursor.fetchone() is None:
            raise LeaseLost(f"lane {self.lane_id}: epoch {self.epoch} is over")

    def record_head(self, cursor: Any, checkpoint_id: str) -> None:
        """Note where the graph stands, in the transaction that stored the checkpoint.

        Raises:
            LeaseLost: as ``check`` does.
        """
        self.check(cursor)
        cursor.execute(
            "UPDATE messaging_lane SET head_checkpoint = %s WHERE id = %s",
            [checkpoint_id, self.lane_id],
        )
