"""What may leave a span in each capture mode."""

import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core import redaction
from playground.core.capture import MAX_VALUE, Capture, CaptureMode, bounded

SECRETS = [
    "bob.smith+x@example.co.uk",
    "+49 170 1234567",
    "(030) 1234-5678",
    "4111 1111 1111 1111",
    "DE89 3704 0044 0532 0130 00",
    "sk-proj-abcdefghijklmnopqrstuv",
    "pg_0123456789abcdefghij",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
    "AKIAIOSFODNN7EXAMPLE",
]
texts = st.text(alphabet=string.ascii_letters + " äöü🙂", min_size=6, max_size=60)
foreign = st.text(alphabet="ЖЩЮЯ ΓΔΘΛ🙂", min_size=3, max_size=60).filter(str.strip)
values = st.recursive(
    foreign,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.just("content"), inner),
    max_leaves=8,
)


def leaves(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    items = value.values() if isinstance(value, dict) else value
    return [leaf for item in items for leaf in leaves(item)]


@pytest.mark.parametrize("secret", SECRETS)
def test_it_blanks_out_a_secret_when_text_holds_one(secret: str) -> None:
    redacted = redaction.redact(f"Please note {secret} for later.")

    assert secret not in redacted
    assert redacted.startswith("Please note ")
    assert redacted.endswith(" for later.")


@pytest.mark.parametrize(
    "text",
    [
        "Python engineers in Berlin, 12 found, 84 ms",
        "2026-11-23 04:11:51.123456",
        "0190a5b4-7c1e-7d3f-8a2b-1234567890ab",
        "version 1.4.2, 1 732 334 tokens at $0.0031",
    ],
)
def test_it_leaves_text_alone_when_nothing_in_it_is_secret(text: str) -> None:
    assert redaction.redact(text) == text


def test_it_blanks_out_values_when_their_field_names_a_secret() -> None:
    capture = Capture(CaptureMode.REDACTED)

    kept = capture.value({"api_key": "hunter2", "max_tokens": 20, "args": '{"password": "p4ss"}'})

    assert kept == {"api_key": "[secret]", "max_tokens": 20, "args": '{"password": "[secret]"}'}


@given(st.sampled_from(SECRETS), texts, texts, st.integers(1, 9))
def test_it_leaks_no_secret_when_a_growing_text_is_cut_anywhere(
    secret: str, before: str, after: str, step: int
) -> None:
    text = f"{before} {secret} {after} " * 4
    sent = ""
    done = 0

    for end in range(0, len(text), step):
        ready = redaction.settled(text[done:end])
        sent += redaction.redact(text[done : done + ready])
        done += ready

    assert secret not in sent


@given(values, foreign)
def test_it_leaks_no_text_when_capture_is_none(value: Any, message: str) -> None:
    capture = Capture(CaptureMode.NONE, hash_key=b"key")

    told = json.dumps(
        [
            capture.value(value),
            capture.attributes({"gen_ai.input.messages": value, "playground.note": message}),
            capture.text(message),
        ],
        ensure_ascii=False,
    )

    for leaf in [*leaves(value), message]:
        assert leaf not in told


def test_it_keeps_names_and_numbers_when_capture_is_none() -> None:
    attributes = {"gen_ai.request.model": "offline/planner", "gen_ai.usage.input_tokens": 12}

    assert Capture(CaptureMode.NONE).attributes(attributes) == attributes


def test_it_fingerprints_alike_only_when_key_and_value_are_the_same() -> None:
    first, second = (Capture(CaptureMode.NONE, hash_key=key) for key in (b"one", b"two"))

    assert first.value("yes") == first.value("yes")
    assert first.value("yes") != second.value("yes")
    assert first.value("yes") != first.value("no")


@pytest.mark.parametrize(
    "value",
    [b"\x00\xff" * 10, "nul\x00 and \ud800", float("nan"), {1: {2, 3}}, object(), 2**200],
)
def test_it_makes_valid_json_when_a_value_is_not(value: Any) -> None:
    text = json.dumps(bounded(value), allow_nan=False)

    assert "\\u0000" not in text
    text.encode("utf-8")


def test_it_notes_the_original_size_when_a_value_is_cut() -> None:
    kept = bounded("x" * 1_000_000)

    assert isinstance(kept, str)
    assert kept.endswith("1000000 characters in all]")
    assert len(json.dumps(bounded([["y" * 5000] * 600] * 600))) < MAX_VALUE * 3


def test_it_ends_when_a_value_holds_itself() -> None:
    loop: list[Any] = []
    loop.append(loop)

    assert "nested too deeply" in json.dumps(bounded(loop))
