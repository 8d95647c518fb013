"""What the API takes: nothing that it does not know."""

from django.http import HttpRequest
from ninja import Schema
from pydantic import ConfigDict

from playground.core.errors import InvalidInput


class BodyIn(Schema):
    """A body or query; a member that it does not know is refused, as a slip of the pen."""

    model_config = ConfigDict(extra="forbid")


def know(query: type[Schema], request: HttpRequest) -> None:
    """Refuse an address with a name that the query does not know: Ninja passes over those.

    Raises:
        InvalidInput: ``request.invalid`` with ``errors``.
    """
    unknown = sorted(request.GET.keys() - query.model_fields.keys())
    if unknown:
        raise InvalidInput(
            "request.invalid",
            "Some fields are missing or wrong.",
            errors=[
                {"type": "extra_forbidden", "loc": ["query", name[:64]], "msg": "is not known here"}
                for name in unknown
            ],
        )
