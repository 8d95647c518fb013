"""Give a caller who calls elsewhere something by which the ramp knows their call again."""

from collections.abc import Mapping
from typing import Any

from django.core import signing

from playground.core.errors import InvalidInput

# Without a time: the same choice has the same voucher, so that its entity tag holds.
_SIGNER = "playground.prompts.observe"


def vouch_for(observed: Mapping[str, Any] | None) -> str | None:
    """Return a text that stands for what ``observing.record`` takes, and that nobody can make up.

    None where the ramp learns nothing from the call.
    """
    if observed is None:
        return None
    return signing.Signer(salt=_SIGNER).sign_object(dict(observed))


def vouched(text: str, *, ramp: str) -> dict[str, Any]:
    """Return what a text stands for.

    Raises:
        InvalidInput: ``ramp.observe-invalid``, it was not given out here, or for another ramp.
    """
    try:
        observed = signing.Signer(salt=_SIGNER).unsign_object(text)
    except signing.BadSignature:
        observed = {}
    if observed.get("ramp") != ramp:
        raise InvalidInput("ramp.observe-invalid", "“observe” is not one of this ramp's.")
    return dict(observed)
