"""What the API takes: nothing that it does not know."""

from collections.abc import Mapping
from typing import Any

from ninja import Schema
from pydantic import ConfigDict

from playground.core.errors import InvalidInput


class BodyIn(Schema):
    """A body or query; a member that it does not know is refused, as a slip of the pen."""

    model_config = ConfigDict(extra="forbid")


def know(query: type[Schema], said: Mapping[str, Any]) -> None:
    """Refuse an address that says a name which the query does not know: Ninja passes over those.

    Raises:
        InvalidInput: ``request.invalid`` with ``errors``.
    """
    unknown = sorted(said.keys() - query.model_fields.keys())
    if unknown:
        raise InvalidInput(
            "request.invalid",
            "Some fields are missing or wrong.",
            errors=[
                {"type": "extra_forbidden", "loc": ["query", name[:64]], "msg": "is not known here"}
                for name in unknown
            ],
        )
