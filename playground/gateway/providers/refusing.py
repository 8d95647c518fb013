"""Read an endpoint's refusal: its HTTP status, or the error object that a 200 may hide.

Source: the error objects of OpenAI, Azure, vLLM, llama.cpp, TGI, Ollama, Gemini, Anthropic and
OpenRouter; ``dialects.error_of`` says where each writes them.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from playground.core.errors import ProviderError
from playground.core.redaction import redact
from playground.gateway.providers.dialects import error_of
from playground.gateway.providers.waiting import wait_s

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
# About what was asked; every other 4xx is about the key, the model, or the endpoint itself.
_ABOUT_THE_REQUEST = (400, 413, 422)
_UNSUPPORTED = re.compile(r"--jinja flag|^Unsupported param: |^Cannot use tools with stream")
MAX_NAME = 200
MAX_WORDS = 500
MAX_PARAM = 100
_PARAM = re.compile(r"[A-Za-z_][\w.\[\]-]*", re.ASCII)


class RefusedInWords(ProviderError):
    """An endpoint's refusal with what it said, for the caller alone.

    ``words`` may repeat what was asked: they are no part of the error's detail, which logs and
    traces keep.
    """

    words: str = ""


def refused(
    status: int, body: bytes, headers: Mapping[str, str] | None = None, *, secret: str = ""
) -> ProviderError:
    """Classify an endpoint's refusal; what the caller got wrong is told in the endpoint's words.

    The ``secret`` that it may repeat is blanked out, in whatever case it is written.
    """
    known = refusal(status, body, headers)
    if known.code != "provider.refused":
        return known
    error = error_of(body)
    told = RefusedInWords(
        "provider.refused",
        known.detail,
        http_status=400,
        retryable=False,
        param=_param(error.get("param"), secret),
    )
    # Whole, before it is cut: what is cut in two is no longer recognised, and its beginning stays.
    if isinstance(said := error.get("message"), str):
        told.words = redact(_without(secret, said))[:MAX_WORDS]
    return told


def _param(named: Any, secret: str) -> str | None:
    """Return the name of a field, if it is one and nothing else."""
    if not isinstance(named, str) or len(named) > MAX_PARAM or not _PARAM.fullmatch(named):
        return None
    return named if redact(_without(secret, named)) == named else None


def _without(secret: str, text: str) -> str:
    return re.sub(re.escape(secret), "[key]", text, flags=re.IGNORECASE) if secret else text


def refusal(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> ProviderError:
    """Classify an error answer; of its text only a short identifier is kept."""
    error = error_of(body)
    meant = status if status != 200 else _meaning(error)
    if status == 429 and any(_SPENT.search(str(value)) for value in _named(error)):
        # An empty account is a 429, too, at OpenAI and Anthropic: no waiting fills that.
        meant = 402
    if meant == 400 and _said_no_key(error):
        meant = 401
    if meant >= 500 and _is_unsupported(meant, error):
        meant = 400
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
    waits_s = wait_s(meant, error, headers or {})
    wait: dict[str, Any] = {} if waits_s is None else {"retry_after_s": waits_s}
    if meant == 429:
        return ProviderError(
            "provider.rate-limited", "The model's endpoint is over its limit.", **wait
        )
    if meant == 402:
        return ProviderError(
            "provider.out-of-credit",
            "The account with the model's provider has no credit left.",
            retryable=False,
        )
    if not meant:
        return ProviderError("provider.failed", "The model's endpoint answered with an error.")
    if meant not in _ABOUT_THE_REQUEST:
        return ProviderError(
            "provider.failed", f"The model's endpoint answered {meant}{_reason(error)}.", **wait
        )
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


def _is_unsupported(status: int, error: dict[str, Any]) -> bool:
    """Return whether llama.cpp says that it is not made, or was not started, for such a request.

    Source: https://github.com/ggml-org/llama.cpp/blob/master/tools/server/server-common.cpp
    (``not_supported_error`` is a 501; what its parsing of a request throws is a 500)
    """
    if status == 501:
        return "not_supported_error" in _named(error)
    said = error.get("message")
    return isinstance(said, str) and bool(_UNSUPPORTED.search(said))


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
        if isinstance(value, str) and len(value) > MAX_NAME:
            continue
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
