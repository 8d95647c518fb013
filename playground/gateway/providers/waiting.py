"""Read how long an endpoint asks to be left alone."""

import datetime
import email.utils
import math
import re
import time
from collections.abc import Mapping
from typing import Any

LONGEST_WAIT_S = 86_400
# Go's durations: "1s", "6m0s", "120ms".
_DURATION = re.compile(r"(?:\d{1,9}(?:\.\d{1,9})?(?:h|ms|m|s))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_RESETS = re.compile(
    r"(?:x-ratelimit-reset-|anthropic-ratelimit-)(requests|[a-z-]*tokens)(-reset)?"
)


def wait_s(status: int, error: Mapping[str, Any], headers: Mapping[str, str]) -> int | None:
    """Return the whole seconds that an endpoint asks to wait, None where it does not say.

    Args:
        status: what the refusal amounts to; how full a limit is says something of a 429 only.
        error: the members of its error object.

    Source: RFC 9110, 10.2.3; ``retry-after-ms`` as OpenAI's own client reads it:
    https://github.com/openai/openai-python/blob/main/src/openai/_base_client.py
    """
    named = {name.lower(): value.strip() for name, value in headers.items()}
    asked = _retry_after(named)
    if asked is None and status == 429:
        asked = _retry_delay(error)
    if asked is None and status == 429:
        asked = _until_reset(named)
    return None if asked is None else math.ceil(min(max(asked, 0.0), LONGEST_WAIT_S))


def _retry_after(named: Mapping[str, str]) -> float | None:
    for name, parts in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            asked = float(named[name]) / parts
        except (KeyError, ValueError):
            continue
        if math.isfinite(asked):
            return asked
    date = email.utils.parsedate_tz(named.get("retry-after", ""))
    try:
        return None if date is None else email.utils.mktime_tz(date) - time.time()
    except (ValueError, OverflowError):
        return None


def _retry_delay(error: Mapping[str, Any]) -> float | None:
    """Read Gemini's wait.

    Source: https://github.com/googleapis/python-genai/pull/2114 (``google.rpc.RetryInfo``)
    """
    details = error.get("details")
    for each in details if isinstance(details, list) else ():
        if isinstance(each, dict) and isinstance(delay := each.get("retryDelay"), str):
            return _duration(delay)
    return None


def _until_reset(named: Mapping[str, str]) -> float | None:
    """Read when the limit that is used up is whole again; of several, or if none says so, the last.

    Source: https://platform.openai.com/docs/guides/rate-limits and
    https://docs.anthropic.com/en/api/rate-limits, each under the headers of the answer
    """
    spent: list[float] = []
    others: list[float] = []
    for name, value in named.items():
        if (match := _RESETS.fullmatch(name)) is None:
            continue
        asked = _duration(value) if match[2] is None else _until(value)
        if asked is not None:
            left = name.replace("-reset", "-remaining")
            (spent if named.get(left) == "0" else others).append(asked)
    return max(spent or others, default=None)


def _duration(text: str) -> float | None:
    if not _DURATION.fullmatch(text):
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))


def _until(text: str) -> float | None:
    """Return the seconds until a time as RFC 3339 writes it."""
    try:
        time_told = datetime.datetime.fromisoformat(text)
        return time_told.timestamp() - time.time() if time_told.tzinfo else None
    except (ValueError, OverflowError):
        return None
