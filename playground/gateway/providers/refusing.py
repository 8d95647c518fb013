"""Read an endpoint's refusal: its HTTP status, or the error object that a 200 may hide.

Source: the error objects of OpenAI, Azure, vLLM, llama.cpp, TGI, Ollama, Gemini, Anthropic and
OpenRouter; ``dialects.error_of`` says where each writes them.
"""

import email.utils
import math
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

from playground.core.errors import ProviderError
from playground.gateway.providers.dialects import error_of

# The first that matches decides: "invalid_api_key" is about the key, not about the request.
_MEANINGS = tuple(
    (re.compile(pattern, re.IGNORECASE), status)
    for pattern, status in (
        (r"insufficient.?quota|billing|spend.?limit", 402),
        (r"rate.?limit|too.?many|throttl|resource.?exhausted", 429),
        (r"overload|unavailable|capacity|deadline|time.?out", 503),
        (r"authenticat|unauthori|api.?key|permission|forbidden|access.?denied", 401),
        (r"not.?found", 404),
        (r"server.?error|internal|api_error|^aborted$", 500),
        (r"invalid|bad.?request|context|not.?supported|unsupported|validation", 400),
        (r"too.?(?:large|long)|content.?filter|responsible.?ai", 400),
    )
)
# What the identifiers of errors are made of, so that no part of a key or of a text is one.
_VOCABULARY = frozenset(
    "access account already api argument auth authentication authorization bad billing capacity "
    "code connection content context deadline denied deployment disabled engine error exceeded "
    "exhausted expired failed failure filter filtered forbidden gateway generation image input "
    "insufficient internal invalid is key large length limit long max message messages missing "
    "model not of out output overloaded parameter payload permission policy precondition prompt "
    "quota range rate refused request requests resource response responsible schema server "
    "service size spend string timeout to token tokens too tool type unauthorized unavailable "
    "unknown unprocessable unsupported validation value violation".split()
)
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_IDENTIFIER = re.compile(r"[A-Za-z]+(?:[_.][A-Za-z]+)*")
_SPENT = re.compile(r"insufficient.?quota|billing|spend.?limit", re.IGNORECASE)
LONGEST_WAIT_S = 86_400


def refusal(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> ProviderError:
    """Classify an error answer; of its text only a short identifier is kept."""
    error = error_of(body)
    meant = status if status != 200 else _meaning(error)
    if status == 429 and any(_SPENT.search(str(value)) for value in _named(error)):
        # An empty account is a 429, too, at OpenAI and Anthropic: no waiting fills that.
        meant = 402
    if meant == 400 and _said_no_key(error):
        meant = 401
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
    wait_s = retry_after_s(headers or {})
    wait: dict[str, Any] = {} if wait_s is None else {"retry_after_s": wait_s}
    if meant == 429:
        return ProviderError(
            "provider.rate-limited", "The model's endpoint is over its limit.", **wait
        )
    if meant >= 500 or meant == 408:
        return ProviderError(
            "provider.failed", f"The model's endpoint answered {meant}{_reason(error)}.", **wait
        )
    if meant == 402:
        return ProviderError(
            "provider.out-of-credit",
            "The account with the model's provider has no credit left.",
            retryable=False,
        )
    if not meant:
        return ProviderError("provider.failed", "The model's endpoint answered with an error.")
    if _is_filtered(error):
        return ProviderError(
            "provider.content-filtered",
            "The content filter of the model's endpoint refused the request.",
            http_status=400,
            retryable=False,
        )
    return ProviderError(
        "provider.refused",
        f"The model's endpoint refused the request ({meant}{_reason(error)}).",
        retryable=False,
    )


def retry_after_s(headers: Mapping[str, str]) -> int | None:
    """Return the whole seconds that an endpoint asks to wait, None where it does not say.

    Source: RFC 9110, 10.2.3; ``retry-after-ms`` as OpenAI's own client reads it:
    https://github.com/openai/openai-python/blob/main/src/openai/_base_client.py
    """
    named = {name.lower(): value.strip() for name, value in headers.items()}
    for name, parts in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            asked = float(named[name]) / parts
        except (KeyError, ValueError):
            continue
        if math.isfinite(asked):
            return math.ceil(min(max(asked, 0), LONGEST_WAIT_S))
    date = email.utils.parsedate_tz(named.get("retry-after", ""))
    if date is None:
        return None
    asked = email.utils.mktime_tz(date) - time.time()
    return math.ceil(min(max(asked, 0), LONGEST_WAIT_S))


def is_error(answer: Any) -> bool:
    """Return whether what came with a 200 is an error nevertheless."""
    if isinstance(answer, list):
        return bool(answer) and isinstance(answer[0], dict) and is_error(answer[0])
    return bool(answer.get("error")) or answer.get("object") == "error"


def _is_filtered(error: dict[str, Any]) -> bool:
    """Return whether Azure's content filter speaks.

    Source: https://www.dotnetstudioai.com/hospital/fix-azure-openai-content-filter-error-csharp,
    https://learn.microsoft.com/en-us/answers/questions/5896505
    """
    return any(
        value in ("content_filter", "ResponsibleAIPolicyViolation") for value in _named(error)
    )


def _said_no_key(error: dict[str, Any]) -> bool:
    """Return whether Gemini says with a 400 that the key is none.

    Source: https://github.com/continuedev/continue/issues/10290
    """
    details = error.get("details")
    return isinstance(details, list) and any(
        isinstance(each, dict) and each.get("reason") == "API_KEY_INVALID" for each in details
    )


def _named(error: dict[str, Any]) -> Iterator[str | int]:
    """Yield what the error calls itself.

    Source: https://learn.microsoft.com/en-us/microsoft-cloud/dev/dev-proxy/concepts/
    anthropic-529-overloaded-error (``details.error_code`` of Anthropic's spend limit)
    """
    inner, details = error.get("innererror"), error.get("details")
    for value in (
        *(error.get(key) for key in ("code", "status", "status_code", "type", "error_type")),
        inner.get("code") if isinstance(inner, dict) else None,
        details.get("error_code") if isinstance(details, dict) else None,
    ):
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
            and len(value) <= 48
            and _IDENTIFIER.fullmatch(value)
            and all(part.lower() in _VOCABULARY for part in _PART.findall(value))
        ):
            return f", {value}"
    return ""
