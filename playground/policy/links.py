"""One-time login links: random, stored hashed, single use, short-lived."""

import datetime as dt
import hashlib
import secrets

from django.db.models.functions import Now

from playground.core.clock import now
from playground.core.errors import Unauthenticated
from playground.policy.models import LoginLink, User

VALID_FOR = dt.timedelta(hours=12)


def issue(user: User, *, valid_for: dt.timedelta = VALID_FOR) -> str:
    """Return a new token that signs the user in once; only its hash is kept.

    Links that expired more than a day ago are removed on the way.
    """
    LoginLink.objects.filter(expires_at__lt=now() - dt.timedelta(days=1)).delete()
    token = secrets.token_urlsafe(32)
    LoginLink.objects.create(user=user, hash=_hash(token), expires_at=now() + valid_for)
    return token


def redeem(token: str) -> User:
    """Use up the token and return whom it signs in.

    One UPDATE decides, so of two people with the same link one gets in.

    Raises:
        Unauthenticated: the token is unknown, used or expired; all three answer alike.
    """
    fresh = LoginLink.objects.filter(
        hash=_hash(token), used_at=None, expires_at__gt=Now(), user__is_active=True
    )
    if not fresh.update(used_at=Now()):
        raise Unauthenticated(
            "login.link-invalid", "This login link was used already, or it has expired."
        )
    return User.objects.get(login_links__hash=_hash(token))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
