"""What is found in text, and what is left alone."""

import pytest

from playground.gateway.guardrails import entities
from playground.gateway.guardrails.entities import (
    EVERYTHING,
    PII,
    SECRETS,
    Entity,
    Finding,
    find,
    redact,
)
from tests.gateway.guardrails.samples import ENTITIES, HARMLESS

AROUND = [("", ""), ("see ", ""), ("see ", " now please."), ("", ", thanks"), ("Hi:\n", "\nBye")]


@pytest.mark.parametrize(("before", "after"), [*AROUND, ("电话", "谢谢")])
@pytest.mark.parametrize(("kind", "text", "value"), ENTITIES)
def test_it_finds_the_entity_when_it_stands_in_prose(
    kind: Entity, text: str, value: str, before: str, after: str
) -> None:
    whole = before + text + after
    start = whole.index(value)

    found = find(whole)

    assert found == [Finding(kind, start, start + len(value))]


@pytest.mark.parametrize("text", HARMLESS)
def test_it_leaves_text_alone_when_it_only_looks_like_an_entity(text: str) -> None:
    for whole in (text, f"Well, {text} is it.", f"{text}\n{text}"):
        assert redact(whole) == (whole, [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mail bob@example.com or call +49 170 1234567.", "Mail [e-mail] or call [phone]."),
        ("a@b.io,c@d.io;e@f.io", "[e-mail],[e-mail];[e-mail]"),
        ("4111 1111 1111 1111 12/27 123", "[card] 12/27 123"),
        ("4111 1111 1111 1111 5555 5555 5555 4444", "[card] [card]"),
        ("DE89 3704 0044 0532 0130 00 AND MORE", "[iban] AND MORE"),
        ("123-45-6789 192.168.17.254", "[ssn] [ip]"),
        ("postgres://ada:Tr0ub4dor@db.example/x", "postgres://[secret]@db.example/x"),
        ('{"password": "a b c", "x": 1}', '{"password": "[secret]", "x": 1}'),
        ("Authorization: Bearer 0123456789abcdef", "Authorization: Bearer [secret]"),
    ],
)
def test_it_keeps_the_words_between_when_entities_stand_close(text: str, expected: str) -> None:
    redacted, _ = redact(text)

    assert redacted == expected


@pytest.mark.parametrize("kinds", [PII, SECRETS, *({kind} for kind in Entity)])
def test_it_finds_only_the_kinds_that_are_asked_for(kinds: frozenset[Entity]) -> None:
    for kind, text, value in ENTITIES:
        found = {finding.kind for finding in find(f"see {text} now", kinds)}

        assert found <= kinds
        if kind in kinds:
            assert value not in redact(f"see {text} now", kinds)[0]


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        (Entity.CARD, "4111 1111 1111 1112"),
        (Entity.CARD, "4111111111111112"),
        (Entity.IBAN, "DE89 3704 0044 0532 0130 01"),
        (Entity.IBAN, "XX89 3704 0044 0532 0130 00"),
        (Entity.IBAN, "DE89 3704 0044 0532 0130"),
    ],
)
def test_it_leaves_a_number_alone_when_its_checksum_is_wrong(kind: Entity, number: str) -> None:
    assert find(f"see {number} now", {kind}) == []


def test_it_groups_every_kind_when_policies_name_groups() -> None:
    assert PII | SECRETS == EVERYTHING
    assert not PII & SECRETS


@pytest.mark.parametrize("prefix", ["", "say ", "so"])
@pytest.mark.parametrize(
    "hint",
    [
        "@", "7", "٣", "Version", "release", "sk-", "ghp_", "xoxb-", "AKIA", "ASIA", "AIza", "ya29",
        "eyJ", "-----B", "Bearer", "passwd", "Passwort", "passphrase", "PWD", "contraseña",
        "contrasena", "apikey", "api_key", "accessKey", "private-key", "clientsecret", "_pass",
        "密码", "口令", "secret", "TOKEN",
    ],
)  # fmt: skip
def test_it_looks_closer_at_whatever_hints_at_something(prefix: str, hint: str) -> None:
    assert not entities._is_harmless(f"{prefix}{hint} and more")
