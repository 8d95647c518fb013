"""Name what must not pass: contact data, numbers of people and accounts, credentials."""

from dataclasses import dataclass
from enum import StrEnum


class Entity(StrEnum):
    """A kind of sensitive text. The patterns live in ``playground.core.recognising``."""

    EMAIL = "email"
    PHONE = "phone"
    CARD = "card"
    IBAN = "iban"
    SSN = "ssn"
    IP = "ip"
    PROVIDER_KEY = "provider_key"
    JWT = "jwt"
    PRIVATE_KEY = "private_key"
    BEARER = "bearer"
    URL_CREDENTIALS = "url_credentials"
    ASSIGNMENT = "assignment"


PII = frozenset(
    {Entity.EMAIL, Entity.PHONE, Entity.CARD, Entity.IBAN, Entity.SSN, Entity.IP},
)
SECRETS = frozenset(Entity) - PII
EVERYTHING = frozenset(Entity)

_LABELS = {Entity.EMAIL: "[e-mail]"} | {kind: f"[{kind}]" for kind in PII - {Entity.EMAIL}}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found.

    Args:
        kind: what it is.
        start: offset of its first character in the whole text.
        end: offset behind its last character.
    """

    kind: Entity
    start: int
    end: int


def label(kind: Entity) -> str:
    """Return what stands in its place."""
    return _LABELS.get(kind, "[secret]")
