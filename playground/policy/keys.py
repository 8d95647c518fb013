"""API keys: ``pg_<prefix>_<secret>``, shown once, stored as a SHA-256.

The secret has 256 random bits, so a fast hash is enough: there is nothing to guess.
"""

import datetime as dt
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from uuid import UUID

from django.db.models.functions import Now

from playground.core.clock import now
from playground.core.context import RequestContext
from playground.core.errors import InvalidInput, NotFound, PolicyDenied
from playground.policy.deciding import Resource, require
from playground.policy.models import ApiKey, Team, User
from playground.policy.people import person_for

_KEY = re.compile(r"pg_([0-9a-f]{12})_([A-Za-z0-9_-]{43})", re.ASCII)
# Writing the time of use on every call would turn each read into a write.
_USE_GRAIN = dt.timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A new key together with the only copy of its secret."""

    key: ApiKey
    secret: str


def create(
    *,
    user: User,
    team: Team,
    name: str,
    purpose: str = "agent-development",
    expires_at: dt.datetime | None = None,
) -> CreatedKey:
    """Create a key for the user in the team, without asking a policy."""
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        user=user,
        team=team,
        name=name,
        prefix=prefix,
        hash=_hash(secret),
        purpose=purpose,
        expires_at=expires_at,
    )
    return CreatedKey(key, f"pg_{prefix}_{secret}")


def create_own(
    context: RequestContext, *, name: str, expires_in_days: int | None = None
) -> CreatedKey:
    """Create a key for the subject in the context's team.

    Raises:
        PolicyDenied: the subject may hold no keys.
        InvalidInput: the name is empty or too long, or the time out of range.
    """
    name = name.strip()
    if not 1 <= len(name) <= 100:
        raise InvalidInput("key.name-invalid", "Give the key a name of 1 to 100 characters.")
    if expires_in_days is not None and not 1 <= expires_in_days <= 3650:
        raise InvalidInput("key.expiry-invalid", "A key lives from 1 to 3650 days.")
    require(context, "create", Resource("ApiKey", "new", context.team, owner=context.subject))
    user = person_for(context)
    if user is None:
        raise PolicyDenied("key.users-only", "Only a user can hold a key.")
    team = Team.objects.visible_to(context).get()
    expires_at = now() + dt.timedelta(days=expires_in_days) if expires_in_days else None
    return create(user=user, team=team, name=name, purpose=context.purpose, expires_at=expires_at)


def revoke(context: RequestContext, key_id: UUID) -> None:
    """Make one of the subject's keys useless from now on.

    Raises:
        NotFound: the subject has no such key in this team.
        PolicyDenied: a policy keeps the subject from it.
    """
    key = ApiKey.objects.visible_to(context).filter(id=key_id).first()
    if key is None:
        raise NotFound("key.not-found", "There is no such key.")
    require(context, "delete", Resource("ApiKey", str(key.id), context.team, context.subject))
    ApiKey.objects.filter(id=key.id, revoked_at=None).update(revoked_at=Now())


def recognise(presented: str) -> ApiKey | None:
    """Return the usable key that the text is, with user and team loaded, else None."""
    match = _KEY.fullmatch(presented)
    if match is None:
        return None
    prefix, secret = match.groups()
    key = ApiKey.objects.usable().select_related("user", "team").filter(prefix=prefix).first()
    # The comparison runs for unknown prefixes too, so that the time tells nothing.
    matches = hmac.compare_digest(_hash(secret), key.hash if key else "0" * 64)
    if key is None or not matches or not key.user.is_active:
        return None
    if key.last_used_at is None or now() - key.last_used_at > _USE_GRAIN:
        ApiKey.objects.filter(id=key.id).update(last_used_at=Now())
    return key


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
