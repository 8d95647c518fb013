"""The settings of each kind of guardrail, checked before they are stored."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from playground.core.errors import InvalidInput
from playground.gateway.guardrails.schemas import violations

Share = Annotated[float, Field(ge=0, le=1)]
TopicName = Annotated[str, Field(min_length=1, max_length=60)]
Examples = Annotated[list[str], Field(min_length=1, max_length=50)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PersonalData(_Settings):
    """``kinds`` are what is looked for; all of them where it is left out."""

    kinds: list[Literal["email", "phone", "card", "iban", "ssn", "ip"]] | None = None


class Secrets(_Settings):
    """``kinds`` are what is looked for; all of them where it is left out."""

    kinds: (
        list[
            Literal["provider_key", "jwt", "private_key", "bearer", "url_credentials", "assignment"]
        ]
        | None
    ) = None


class Injection(_Settings):
    """From which score on a text counts as an injection."""

    threshold: Share = 0.5


class BannedTopics(_Settings):
    """Examples by topic; ``margin`` is how much likelier than a neutral text they must be."""

    topics: Annotated[dict[TopicName, Examples], Field(min_length=1, max_length=20)]
    margin: Annotated[float, Field(gt=0, le=0.3)] | None = None


class AnswerSchema(_Settings):
    """The JSON schema of answers; left out, the one that the caller asks for."""

    answer_schema: Annotated[dict[str, Any] | None, Field(alias="schema")] = None

    @model_validator(mode="after")
    def _is_a_schema(self) -> "AnswerSchema":
        if self.answer_schema is not None:
            try:
                violations(self.answer_schema, "null")
            except InvalidInput as error:
                raise ValueError(error.detail) from error
        return self


class Judge(_Settings):
    """The guard model, what it is told, and what its failure means."""

    model: Annotated[str, Field(min_length=1, max_length=250)]
    fails: Literal["open", "closed"]
    instructions: Annotated[str, Field(max_length=10_000)] | None = None
    timeout_s: Annotated[float, Field(gt=0, le=120)] | None = None


_KINDS: dict[str, type[_Settings]] = {
    "pii": PersonalData,
    "secrets": Secrets,
    "injection": Injection,
    "topics": BannedTopics,
    "schema": AnswerSchema,
    "judge": Judge,
}


def check(kind: str, settings: Any) -> None:
    """Check the settings of a guardrail.

    Raises:
        ValueError: says in words what is wrong, and where.
    """
    try:
        _KINDS[kind].model_validate(settings)
    except ValidationError as error:
        faults = [
            f"{'.'.join(str(at) for at in fault['loc']) or 'settings'}: {fault['msg']}"
            for fault in error.errors(include_url=False)
        ]
        raise ValueError("; ".join(faults)) from error
