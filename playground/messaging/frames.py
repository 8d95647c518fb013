"""What a client may send over the socket. Pure: imports no Django."""

import uuid
from typing import Annotated, Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from playground.core.errors import InvalidInput
from playground.policy import bodies

MAX_BYTES: Final = 256 * 1024


class _Frame(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Resume(_Frame):
    """Go on after a number."""

    type: Literal["resume"]
    after_seq: int = Field(0, ge=0, le=2**62)
    stream_epoch: str | None = Field(None, max_length=64)


class Send(_Frame):
    """Post a message."""

    type: Literal["send"]
    content: str
    dedup_key: str | None = None


class Cancel(_Frame):
    """Stop a run."""

    type: Literal["cancel"]
    run_id: uuid.UUID


class Ping(_Frame):
    """Ask for a sign of life."""

    type: Literal["ping"]


Frame = Annotated[Resume | Send | Cancel | Ping, Field(discriminator="type")]
_adapter: TypeAdapter[Resume | Send | Cancel | Ping] = TypeAdapter(Frame)


def parse(text: str | None) -> Resume | Send | Cancel | Ping:
    """Read a frame; None stands for a binary one.

    Raises:
        InvalidInput: ``frame.binary``, ``frame.too-large``, ``frame.unknown-type``,
            ``frame.invalid``, or what is wrong with the JSON: ``request.…``.
    """
    if text is None:
        raise InvalidInput("frame.binary", "Frames are text.")
    encoded = text.encode("utf-8", "surrogatepass")
    if len(encoded) > MAX_BYTES:
        raise InvalidInput("frame.too-large", f"A frame has at most {MAX_BYTES} bytes.")
    bodies.check_json(encoded)
    try:
        return _adapter.validate_python(orjson.loads(encoded))
    except ValidationError as error:
        if any(fault["type"].startswith("union_tag") for fault in error.errors()):
            raise InvalidInput(
                "frame.unknown-type", "The type is resume, send, cancel or ping."
            ) from None
        names = sorted({".".join(map(str, fault["loc"][1:])) for fault in error.errors()} - {""})
        detail = f"Wrong or missing: {', '.join(names)}." if names else "A frame is an object."
        raise InvalidInput("frame.invalid", detail) from None
