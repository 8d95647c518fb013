"""Read a document of another product, whichever it is. Pure: no Django."""

from enum import StrEnum
from typing import Any, Protocol

from playground.core.errors import InvalidInput
from playground.prompts.importing.langfuse import read_langfuse
from playground.prompts.importing.langsmith import read_langsmith
from playground.prompts.importing.mlflow import read_mlflow
from playground.prompts.importing.openai import read_openai
from playground.prompts.importing.reporting import Report


class Source(StrEnum):
    """Where a document comes from."""

    LANGSMITH = "langsmith"
    LANGFUSE = "langfuse"
    MLFLOW = "mlflow"
    OPENAI = "openai"


class Reader(Protocol):
    """Turn a document into prompts."""

    def __call__(self, document: Any, *, team: str, name: str) -> Report: ...


_READERS: dict[Source, Reader] = {
    Source.LANGSMITH: read_langsmith,
    Source.LANGFUSE: read_langfuse,
    Source.MLFLOW: read_mlflow,
    Source.OPENAI: read_openai,
}


def read_document(source: Source, document: Any, *, team: str, name: str) -> Report:
    """Return the prompts of a document, and what changed or was lost.

    Args:
        team: whose fragments the prompts include.
        name: of a prompt that the document does not name.

    Raises:
        InvalidInput: ``prompt.import-invalid``, or ``prompt.invalid`` for what no prompt may say.
    """
    try:
        report = _READERS[source](document, team=team, name=name)
    except (AttributeError, KeyError, IndexError, TypeError) as error:
        raise InvalidInput(
            "prompt.import-invalid", f"this is not the form of {source}: {type(error).__name__}"
        ) from error
    if not report.prompts and not report.skipped:
        raise InvalidInput("prompt.import-invalid", "the document holds no prompt")
    return report
