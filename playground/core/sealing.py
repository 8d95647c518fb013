"""Encrypt the secrets that must be read again, such as the keys of model endpoints.

What is only compared (our own API keys) is hashed instead.
"""

import base64
import functools

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from playground.core.errors import Unavailable


def seal(text: str) -> bytes:
    """Encrypt and sign a text under ``SECRET_KEY`` (Fernet: AES-128-CBC with HMAC-SHA-256)."""
    return _keys().encrypt(text.encode())


def unseal(sealed: bytes | memoryview) -> str:
    """Decrypt what was sealed under ``SECRET_KEY`` or one of its predecessors.

    Raises:
        Unavailable: ``secret.unreadable``, it was sealed under another key.
    """
    try:
        return _keys().decrypt(bytes(sealed)).decode()
    except InvalidToken as error:
        raise Unavailable(
            "secret.unreadable",
            "A stored secret was encrypted under another PLAYGROUND_SECRET_KEY; enter it again.",
            retryable=False,
        ) from error


def _keys() -> MultiFernet:
    return _derived(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


@functools.lru_cache(maxsize=4)
def _derived(*secrets: str) -> MultiFernet:
    return MultiFernet([Fernet(_derive(secret)) for secret in secrets])


def _derive(secret: str) -> bytes:
    # A key of its own, so that what is sealed and what Django signs never share one.
    derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"playground sealing")
    return base64.urlsafe_b64encode(derivation.derive(secret.encode()))
