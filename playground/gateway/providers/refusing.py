"""Read an endpoint's refusal: its HTTP status, or the error object that a 200 may hide.

Source: the error objects of OpenAI, Azure, vLLM, llama.cpp, TGI, Ollama, Gemini and OpenRouter.
"""

import re
from collections.abc import Iterator
from typing import Any

import orjson

from playground.core.errors import ProviderError
from playground.core.redaction import redact

# The first that matches decides: "invalid_api_key" is about the key, not about the request.
_MEANINGS = tuple(
    (re.compile(pattern, re.IGNORECASE), status)
    for pattern, status in (
        (r"insufficient.?quota|billing", 402),
        (r"rate.?limit|too.?many|throttl|resource.?exhausted", 429),
        (r"overload|unavailable|capacity|deadline|time.?out", 503),
        (r"authenticat|unauthori|api.?key|permission|forbidden|access.?denied", 401),
        (r"not.?found", 404),
        (r"server.?error|internal|api_error|^aborted$", 500),
        (r"invalid|bad.?request|context|not.?supported|unsupported|validation", 400),
    )
)
# Words as programs write them, so that random letters are none.
_WORD = r"(?:[A-Z]{2,20}|[A-Z]?[a-z]{2,20}(?:[A-Z][a-z]{2,20}){0,5})"
_IDENTIFIER = re.compile(rf"(?=.{{2,48}}\Z){_WORD}(?:[_.]{_WORD})*")
_LIKE_A_KEY = re.compile(r"(?i)(?:sk|pk|rk|gsk|hf|gh[oprsu]|key|token|bearer|secret)[_.]")


def refusal(status: int, body: bytes) -> ProviderError:
    """Classify an error answer; of its text only a short identifier is kept."""
    error = _error_of(body)
    meant = status if status != 200 else _meaning(error)
    if status == 429 and _meaning(error) == 402:
        # OpenAI says 429 for an empty account, too: no waiting fills that.
        meant = 402
    if 300 <= meant < 400:
        return ProviderError(
            "provider.redirected",
            "The model's endpoint sends the request to another address, which is not followed.",
            retryable=False,
        )
    if meant in (401, 403):
        return ProviderError(
            "provider.unauthorized",
            "The model's endpoint refuses the key it was given.",
            retryable=False,
        )
    if meant == 404:
        return ProviderError(
            "provider.unknown-model", "The endpoint does not know this model.", retryable=False
        )
    if meant == 429:
        return ProviderError("provider.rate-limited", "The model's endpoint is over its limit.")
    if meant >= 500 or meant == 408:
        return ProviderError(
            "provider.failed", f"The model's endpoint answered {meant}{_reason(error)}."
        )
    return ProviderError(
        "provider.refused",
        f"The model's endpoint refused the request ({meant or status}{_reason(error)}).",
        retryable=False,
    )


def is_error(answer: dict[str, Any]) -> bool:
    """Return whether what came with a 200 is an error nevertheless."""
    return bool(answer.get("error")) or answer.get("object") == "error"


def _error_of(body: bytes) -> dict[str, Any]:
    try:
        answer = orjson.loads(body)
    except ValueError:
        return {}
    if not isinstance(answer, dict):
        return {}
    error = answer.get("error")
    if isinstance(error, dict):
        return error
    # vLLM and TGI write the members of the error beside it.
    return answer | {"message": error} if isinstance(error, str) else answer


def _named(error: dict[str, Any]) -> Iterator[Any]:
    for key in ("code", "status", "status_code", "type", "error_type"):
        value = error.get(key)
        if isinstance(value, str | int) and not isinstance(value, bool):
            yield value


def _meaning(error: dict[str, Any]) -> int:
    """Return the HTTP status that an error object amounts to; 0 where it does not tell."""
    for value in _named(error):
        if re.fullmatch(r"[45]\d\d", str(value)):
            return int(value)
    for value in _named(error):
        for pattern, status in _MEANINGS:
            if pattern.search(str(value)):
                return status
    return 0


def _reason(error: dict[str, Any]) -> str:
    for value in _named(error):
        if (
            isinstance(value, str)
            and _IDENTIFIER.fullmatch(value)
            and not _LIKE_A_KEY.match(value)
            and redact(value) == value
        ):
            return f", {value}"
    return ""
