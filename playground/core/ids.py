"""Identifiers: time-ordered UUIDs for rows, URNs for references that cross silos."""

import secrets
import time
import uuid


def new_id() -> uuid.UUID:
    """Return a UUIDv7: 48 bits of Unix milliseconds, then 74 random bits.

    Rows inserted together lie together in the index.
    Source: RFC 9562, section 5.7.
    """
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return uuid.UUID(int=value)


def urn(kind: str, identifier: object) -> str:
    """Name a thing of another silo, as in ``member:42`` or ``run:<uuid>``."""
    return f"{kind}:{identifier}"
