"""A stream comes out as the whole text would, and no part of an entity gets out before."""

import random
import re
import string
from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.gateway.guardrails import scanning
from playground.gateway.guardrails.entities import Entity, find, redact
from playground.gateway.guardrails.streaming import StreamRedactor
from tests.gateway.guardrails.samples import ENTITIES, HARMLESS, JWT, PEM

NUMBERS = {Entity.PHONE, Entity.CARD, Entity.IBAN, Entity.SSN}
AROUND = [("", ""), ("see ", " now please."), ("Hi ", ", 12 thanks"), ("电话", "谢谢")]
words = st.sampled_from(
    [
        "hello ",
        "world, ",
        "12 ",
        "in 2024 ",
        "(",
        ") ",
        "\n",
        "a@",
        "+",
        "x" * 90,
        "- ",
        "你好",
        ": ",
    ]
)
fragments = st.lists(
    st.one_of(
        words,
        st.sampled_from([text for _, text, _ in ENTITIES]),
        st.sampled_from(HARMLESS),
        st.text(alphabet=string.printable + "äß密码", max_size=12),
    ),
    max_size=8,
)


def streamed(pieces: Iterable[str]) -> str:
    redactor = StreamRedactor()
    return "".join([*map(redactor.feed, pieces), redactor.end()])


def shreds(kind: Entity, value: str) -> set[str]:
    """Return the pieces of a value that must never be seen."""
    if kind in NUMBERS:
        runs = re.findall(r"\d{4,}", value)
        return {run[at : at + 4] for run in runs for at in range(len(run) - 3)}
    return {value[at : at + 6] for at in range(max(1, len(value) - 5))}


def leaks(kind: Entity, value: str, released: str, around: str) -> list[str]:
    bare = around + "[e-mail][private_key]"
    return [shred for shred in shreds(kind, value) if shred in released and shred not in bare]


@pytest.mark.parametrize(("kind", "text", "value"), ENTITIES)
@pytest.mark.parametrize(("before", "after"), AROUND)
def test_it_leaks_nothing_when_the_text_is_cut_in_two(
    kind: Entity, text: str, value: str, before: str, after: str
) -> None:
    whole = before + text + after
    expected, _ = redact(whole)
    around = whole.replace(value, "\0")

    for cut in range(len(whole) + 1):
        redactor = StreamRedactor()
        first = redactor.feed(whole[:cut])
        out = first + redactor.feed(whole[cut:]) + redactor.end()

        assert out == expected
        assert leaks(kind, value, first, around) == []
        assert leaks(kind, value, out, around) == []


@pytest.mark.parametrize(("kind", "text", "value"), ENTITIES)
@pytest.mark.parametrize(("before", "after"), AROUND)
def test_it_leaks_nothing_when_characters_come_one_by_one(
    kind: Entity, text: str, value: str, before: str, after: str
) -> None:
    whole = before + text + after
    redactor = StreamRedactor()
    released = ""

    for character in whole:
        released += redactor.feed(character)
        assert leaks(kind, value, released, whole.replace(value, "\0")) == []

    assert released + redactor.end() == redact(whole)[0]


@settings(max_examples=400)
@given(fragments, st.randoms(use_true_random=False))
def test_it_gives_the_same_text_when_pieces_are_random(
    parts: list[str], chance: random.Random
) -> None:
    whole = "".join(parts)
    cuts = sorted(chance.randint(0, len(whole)) for _ in range(chance.randint(0, 12)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    redactor = StreamRedactor()

    out = "".join([*map(redactor.feed, pieces), redactor.end()])

    expected, findings = redact(whole)
    assert out == expected
    assert redactor.findings == Counter(finding.kind for finding in findings)
    assert streamed(whole) == expected


@pytest.mark.parametrize("chunk", [1, 7, 1000, 10**6])
@pytest.mark.parametrize(
    ("before", "secret", "after"),
    [
        ("see ", JWT + "Ab1_" * 2600, " now"),
        ("see eyJ", "Ab1_" * 2600, " now"),
        ("see sk-", "aB3dE" * 2100, " now"),
        ("Bearer ", "aB3.~+/" * 1500, " now"),
        ("password=", "q7#Xw!" * 1800, " now"),
        ('"password": "', "q7#Xw!" * 1800, '" now'),
        ("key ", PEM.replace("MIIE", "MIIE" * 3000), " now"),
        ("key ", PEM.replace("\n", "\\n").replace("MIIE", "MIIE" * 3000), " now"),
        ("key ", PEM[:-30] * 20, ""),
    ],
)
def test_it_leaks_nothing_when_a_secret_is_10_kb_long(
    before: str, secret: str, after: str, chunk: int
) -> None:
    whole = before + secret + after

    out = streamed(whole[at : at + chunk] for at in range(0, len(whole), chunk))

    assert out == redact(whole)[0]
    assert len(out) < 60
    assert out.endswith(after)
    assert leaks(Entity.JWT, secret, out, before + after) == []


@pytest.mark.parametrize(
    "pattern", ["a", "7", "a@", "1 ", "-", "eyJ-", "sk-", "12.", "é", "(", "0"]
)
@pytest.mark.parametrize("chunk", [997, 10**6])
def test_it_holds_little_when_a_run_never_ends(pattern: str, chunk: int) -> None:
    whole = (pattern * 200_000)[:200_000]
    redactor = StreamRedactor()
    fed = 0
    released = 0

    for at in range(0, len(whole), chunk):
        piece = whole[at : at + chunk]
        fed += len(piece)
        released += len(redactor.feed(piece))
        if not redactor.findings and pattern not in {"eyJ-", "sk-"}:
            assert fed - released <= scanning.WINDOW

    redactor.end()


@pytest.mark.parametrize("length", range(900, 2300, 61))
@pytest.mark.parametrize(("kind", "text", "value"), ENTITIES[::5])
def test_it_leaks_nothing_when_an_entity_stands_in_an_endless_run(
    kind: Entity, text: str, value: str, length: int
) -> None:
    whole = "=" * length + "," + text + "," + "=" * 3000

    out = streamed(whole[at : at + 50] for at in range(0, len(whole), 50))

    assert out == redact(whole)[0]
    if find(f"=,{text},"):
        assert value not in out


@pytest.mark.parametrize("text", ["hello ", "world, ", "It works. ", "\n", "- ", "你好"])
def test_it_holds_nothing_back_when_words_are_plain(text: str) -> None:
    redactor = StreamRedactor()

    assert [redactor.feed(text) for _ in range(3)] == [text] * 3


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["hello", " world", "! "], ["", "hello ", "world! "]),
        (["In 2024 ", "t", "he "], ["In ", "2024 ", "the "]),
        (["4111 ", "1111 1111 ", "1111", "."], ["", "", "", ""]),
        (["the token ", "is ", "gone "], ["the ", "token is ", "gone "]),
        (["1, 2, ", "3 apples "], ["1, 2, ", "3 apples "]),
    ],
)
def test_it_holds_no_longer_than_it_must(pieces: list[str], expected: list[str]) -> None:
    redactor = StreamRedactor()

    assert [redactor.feed(piece) for piece in pieces] == expected
