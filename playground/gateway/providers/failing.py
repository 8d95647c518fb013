"""Say in our own errors how an endpoint failed to answer."""

import contextlib
from collections.abc import Iterator

import aiohttp

from playground.core.errors import ProviderError
from playground.gateway.providers.outbound import Refused


@contextlib.contextmanager
def reachable() -> Iterator[None]:
    """Turn failures of the connection into errors of the provider.

    Raises:
        ProviderError: ``provider.address-refused``, ``.unreachable``, ``.timeout`` or ``.cut``.
    """
    try:
        yield
    except Refused as error:
        raise address_refused() from error
    except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
        if isinstance(getattr(error, "os_error", None), Refused):
            raise address_refused() from error
        raise unreachable() from error
    except TimeoutError as error:
        raise ProviderError("provider.timeout", "The model did not answer in time.") from error
    except (aiohttp.ClientError, OSError) as error:
        raise cut() from error


UNREADABLE = (
    ValueError,
    KeyError,
    TypeError,
    IndexError,
    AttributeError,
    OverflowError,
    RecursionError,
)
"""What reading something else than was expected raises."""


@contextlib.contextmanager
def readable() -> Iterator[None]:
    """Turn failures of reading into ``provider.bad-answer``."""
    try:
        yield
    except UNREADABLE as error:
        raise garbage("its answer could not be read") from error


def address_refused() -> ProviderError:
    return ProviderError(
        "provider.address-refused",
        "The model's endpoint is said to be outside this network but its address is not.",
        retryable=False,
    )


def unreachable() -> ProviderError:
    return ProviderError("provider.unreachable", "The model's endpoint cannot be reached.")


def garbage(detail: str) -> ProviderError:
    return ProviderError("provider.bad-answer", f"The model's endpoint: {detail}.")


def cut() -> ProviderError:
    return ProviderError(
        "provider.cut", "The connection to the model broke before its answer ended."
    )
