"""What answers at an address of ``/v1``; rooms above the gateway register theirs."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from playground.gateway.door.answers import Answer
from playground.gateway.door.asking import Asking


@dataclass(frozen=True, slots=True)
class Route:
    """Who answers a method at an address.

    Attributes:
        calls_models: needs the permission to call models, and is limited by their quotas instead
            of by the caller's rate.
    """

    method: str
    answer: Callable[[Asking, Answer], Awaitable[None]]
    calls_models: bool = False


Routing = Callable[[str], Route | None]
_rooms: dict[str, Routing] = {}


def register(prefix: str, routing: Routing) -> None:
    """Let a room answer below a prefix, such as ``/v1/prompts/``.

    ``routing`` gets what follows the prefix, which ``Asking.rest`` holds as well.
    """
    _rooms[prefix] = routing


def registered(address: str) -> tuple[Route | None, str]:
    """Return the route that a room has registered for the address, and what follows its prefix."""
    for prefix, routing in _rooms.items():
        if address.startswith(prefix):
            rest = address.removeprefix(prefix)
            return routing(rest), rest
    return None, ""
