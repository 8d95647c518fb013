"""Read what a guardrail's settings say: one shape a check, and nothing beside it."""

from typing import Annotated, Any, ClassVar, Final, Literal

from jsonschema.exceptions import SchemaError
from jsonschema.validators import validator_for
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from playground.core.errors import InvalidInput, said_of
from playground.gateway.guardrails import schemas
from playground.gateway.guardrails.kinds import PII, SECRETS, Entity

# Only these find a place in the text that can be covered; the others judge it as a whole.
REDACTING: Final = frozenset({"pii", "secrets"})

Word = Annotated[str, Field(min_length=1)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class _EntitySettings(_Settings):
    """``kinds`` are those to look for; all of the check's without it."""

    known: ClassVar[frozenset[Entity]]
    kinds: list[str] | None = Field(default=None, min_length=1)

    @field_validator("kinds")
    @classmethod
    def _are_of_the_check(cls, kinds: list[str] | None) -> list[str] | None:
        if strange := sorted(set(kinds or ()) - cls.known):
            known = ", ".join(sorted(cls.known))
            raise ValueError(f"unknown: {', '.join(strange)}; known: {known}")
        return kinds


class PersonalSettings(_EntitySettings):
    """Personal data."""

    known = PII


class SecretSettings(_EntitySettings):
    """Secrets and keys."""

    known = SECRETS


class InjectionSettings(_Settings):
    """Prompt injection. ``threshold`` is the least score, 0 to 1, that counts."""

    threshold: float = Field(default=0.5, ge=0, le=1)


class TopicSettings(_Settings):
    """Banned topics. Each has examples; ``margin`` is the score from which a text counts."""

    topics: dict[Word, Annotated[list[Word], Field(min_length=1)]] = Field(min_length=1)
    margin: float | None = Field(default=None, ge=0)


class SchemaSettings(_Settings):
    """The JSON schema that an answer must fit; without it, the one that the caller asks for."""

    schema_: dict[str, Any] | None = Field(default=None, alias="schema")

    @field_validator("schema_")
    @classmethod
    def _is_a_schema(cls, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        if schema is not None:
            try:
                validator_for(schema).check_schema(schema)
                # What calls would be refused for is refused here.
                schemas.check(schema)
            except SchemaError as error:
                raise ValueError(f"this is not a JSON schema: {error.message}") from error
            except InvalidInput as error:
                raise ValueError(error.detail) from error
        return schema


class JudgeSettings(_Settings):
    """A guard model. ``fails`` says what counts when it cannot be asked; time in seconds."""

    model: Word
    instructions: Word | None = None
    fails: Literal["open", "closed"] = "closed"
    timeout_s: float = Field(default=10, gt=0)


_SHAPES: Final[dict[str, type[_Settings]]] = {
    "pii": PersonalSettings,
    "secrets": SecretSettings,
    "injection": InjectionSettings,
    "topics": TopicSettings,
    "schema": SchemaSettings,
    "judge": JudgeSettings,
}


def validated(check: str, settings: dict[str, Any]) -> BaseModel:
    """Return the settings of a check as what it reads.

    Raises:
        ValueError: the check is unknown, or says which members are missing, wrong or unknown.
    """
    shape = _SHAPES.get(check)
    if shape is None:
        raise ValueError(f"there is no check {check!r}")
    try:
        return shape.model_validate(settings)
    except ValidationError as error:
        known = ", ".join(sorted(each.alias or name for name, each in shape.model_fields.items()))
        faults = "; ".join(_worded(fault) for fault in error.errors(include_url=False))
        raise ValueError(f"{faults}. A rule of this check knows: {known}.") from error


def _worded(fault: Any) -> str:
    place = ".".join(str(step) for step in fault["loc"]) or "settings"
    match fault["type"]:
        case "extra_forbidden":
            return f"{place} is unknown"
        case "missing":
            return f"{place} is missing"
        case _:
            said = said_of(fault)
            return f"{place}: {said[:1].lower()}{said[1:]}"
