"""What fits a schema, what is told of what does not, and that nothing makes it slow."""

import json
import time
from typing import Any

import pytest

from playground.core.errors import InvalidInput
from playground.gateway.guardrails.keywords import Budget, TooMuch
from playground.gateway.guardrails.schemas import MAX_TOLD, check, violations

ORDER = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]+$"},
        "items": {
            "type": "array",
            "uniqueItems": True,
            "items": {
                "type": "object",
                "properties": {"price": {"type": "number", "maximum": 100}},
                "required": ["price"],
            },
        },
    },
    "patternProperties": {"^x-": {"type": "string"}},
    "additionalProperties": False,
    "required": ["id"],
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"id": "AB-1", "items": [{"price": 3}], "x-note": "hi"}', []),
        ('{"id": "secret"}', ["/id: pattern"]),
        ('{"items": []}', ["/: required id"]),
        ('{"id": "AB-1", "items": [{"price": 3}, {"price": 4711}]}', ["/items/1/price: maximum"]),
        ('{"id": "AB-1", "items": [{}]}', ["/items/0: required price"]),
        ('{"id": "AB-1", "items": [{"price": 1}, {"price": 1}]}', ["/items: uniqueItems"]),
        ('{"id": "AB-1", "secret": 1}', ["/: additionalProperties"]),
        ('{"id": "AB-1", "x-secret": 1}', ["/*: type string"]),
        ("secret", ["/: not JSON"]),
        ('```json\n{"id": "AB-1"}\n```', ["/: not JSON"]),
        ('{"id": NaN}', ["/: not JSON"]),
        ("[" * 100_000, ["/: not JSON"]),
        ("[" * 100 + "]" * 100, ["/: too deeply nested to check"]),
        ("9" * 5000, ["/: not JSON"]),
    ],
)
def test_it_tells_path_and_keyword_but_no_value_when_text_does_not_fit(
    text: str, expected: list[str]
) -> None:
    told = violations(ORDER, text)

    assert told == expected
    assert "secret" not in "".join(told)


def test_it_tells_only_some_when_there_are_many_violations() -> None:
    told = violations({"items": {"type": "string"}}, json.dumps([1] * 1000))

    assert told == [f"/{index}: type string" for index in range(MAX_TOLD)]


def test_it_follows_a_reference_when_it_stays_inside_the_schema() -> None:
    tree = {"properties": {"left": {"$ref": "#"}, "size": {"type": "integer"}}}

    assert violations(tree, '{"left": {"left": {"size": "x"}}}') == [
        "/left/left/size: type integer"
    ]


def keep_and_use(schema: dict[str, Any]) -> None:
    check(schema)
    violations(schema, "{}")


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "https://example.com/schema.json"},
        {"properties": {"a": {"$ref": "other.json"}}},
        {"$dynamicRef": "file:///etc/passwd"},
        {"$ref": "#/$defs/missing"},
        {"$ref": "#/$defs/a/enum/0", "$defs": {"a": {"enum": ["x"]}}},
        {"type": "nonsense"},
        {"pattern": "(?=look)ahead"},
        {"pattern": r"(a)\1"},
        {"pattern": "["},
        {"pattern": "a" * 1001},
        {"patternProperties": {"(((a{99}){99}){99}){99}": True}},
        {"patternProperties": {"^a": True}, "unevaluatedProperties": False},
        {"$ref": "#/$defs/a", "$dynamicRef": "#/$defs/a", "unevaluatedItems": False, "$defs": {}},
        {"allOf": [{"pattern": f"^(.{{0,30}}.{{0,30}}){{0,9}}$|{n}"} for n in range(99)]},
        {"patternProperties": {f"^{n}": True for n in range(101)}},
        {"allOf": [{"pattern": f"(a{{100}}){{ 100 }}{n}"} for n in range(5)]},
        {"pattern": "(?x)(a{100}) {100}"},
        {"enum": ["x" * 70_000]},
        {"const": float("nan")},
        {"const": object()},
    ],
)
def test_it_refuses_the_schema_when_it_is_invalid_or_out_of_bounds(schema: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        keep_and_use(schema)

    assert refused.value.code == "guardrail.schema-refused"


@pytest.mark.parametrize(
    ("schema", "text", "expected"),
    [
        ({"enum": [1, "a", [True], {"b": None}]}, "1.0", []),
        ({"enum": [1, "a", [True], {"b": None}]}, '{"b": null}', []),
        ({"enum": [1, "a", [True], {"b": None}]}, "[1]", ["/: enum"]),
        ({"enum": [1, "a", [True], {"b": None}]}, "true", ["/: enum"]),
        ({"const": [0, {"a": False}]}, '[0, {"a": false}]', []),
        ({"const": [0, {"a": False}]}, '[0, {"a": 0}]', ["/: const"]),
        ({"uniqueItems": True}, "[1, true, [], {}, null]", []),
        ({"uniqueItems": True}, '[{"a": 1, "b": 2}, {"b": 2, "a": 1.0}]', ["/: uniqueItems"]),
        ({"properties": {"enum": {"enum": ["x"]}}}, '{"enum": "y"}', ["/enum: enum"]),
        ({"pattern": r"^[\w-]{1,64}$"}, json.dumps("ü-" * 32), []),
    ],
)
def test_it_compares_as_json_does(schema: dict[str, Any], text: str, expected: list[str]) -> None:
    assert violations(schema, text) == expected


def deep() -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(500):
        schema = {"not": schema}
    return schema


def doubling() -> dict[str, Any]:
    defs = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}
    return {"$defs": {**defs, "d40": {"type": "string"}}, "$ref": "#/$defs/d0"}


@pytest.mark.parametrize(
    ("schema", "text", "expected"),
    [
        (doubling(), '"x"', ["/: too complex to check"]),
        ({"$ref": "#"}, "1", ["/: too complex to check"]),
        ({"pattern": "^(a+)+$"}, json.dumps("a" * 100_000 + "!"), ["/: pattern"]),
        ({"pattern": "(.*)*.*.*.*x$"}, json.dumps("y" * 100_000), ["/: pattern"]),
        ({"uniqueItems": True}, json.dumps([{"a": n} for n in range(5000)]), []),
        (
            {"items": {"uniqueItems": True}},
            json.dumps([[{"a": n} for n in range(1000)]] * 90),
            None,
        ),
        ({"items": {"enum": [*range(9000)]}}, json.dumps([8999] * 90_000), []),
        ({"items": {"enum": [{"a": n} for n in range(4500)]}}, json.dumps([{"a": 0}] * 9000), []),
        ({"anyOf": [{"type": "string"}] * 2500}, json.dumps(["x" * 9] * 70_000), None),
        ({"pattern": "^(.{0,30}.{0,30}){0,9}$"}, json.dumps("a" * 99_000), None),
        ({"pattern": "(?x)([ab]{100}) {100} [01]"}, json.dumps("ab" * 99_000), None),
        ({"pattern": "([ab]{100}){ 100 }[01]"}, json.dumps("ab" * 99_000), None),
        ({"items": {}, "unevaluatedItems": False}, json.dumps([1] * 9_000), []),
        ({"items": {}, "unevaluatedItems": False}, json.dumps([1] * 90_000), None),
        ({"unevaluatedProperties": {}}, json.dumps({str(n): 1 for n in range(90_000)}), None),
        ({"items": {"items": {"type": "string"}}}, json.dumps([[1.5]] * 100_000), None),
        ({"patternProperties": {"^(a|aa)+$": False}}, json.dumps({"a" * 50_000 + "!": 1}), []),
        ({}, "1" * 1_000_001, ["/: too long to check"]),
    ],
)
def test_it_ends_soon_when_schema_or_text_is_hostile(
    schema: dict[str, Any], text: str, expected: list[str] | None
) -> None:
    begun = time.process_time()

    told = violations(schema, text)

    assert time.process_time() - begun < 5
    assert told == expected or (expected is None and told)


def test_it_refuses_the_schema_when_it_nests_too_deeply() -> None:
    with pytest.raises(InvalidInput):
        violations(deep(), "{}")


def test_it_ends_a_check_when_it_took_long() -> None:
    budget = Budget(until=time.thread_time())

    def go_on() -> None:
        for _ in range(100):
            budget.spend()

    with pytest.raises(TooMuch):
        go_on()


def test_it_refuses_a_reference_to_what_is_not_there_before_it_is_followed() -> None:
    tree = {"properties": {"left": {"$ref": "#"}, "kind": {"$ref": "#/$defs/kind"}}}

    check(tree | {"$defs": {"kind": {"enum": ["leaf"], "examples": [{"$ref": "#/other"}]}}})

    with pytest.raises(InvalidInput, match="kind is not in it"):
        check(tree)


def test_it_goes_on_with_a_schema_that_was_kept_before_its_patterns_were_too_many() -> None:
    kept = {"patternProperties": {f"^{n}$": {"type": "string"} for n in range(101)}}

    with pytest.raises(InvalidInput):
        check(kept)

    assert violations(kept, '{"7": "a", "8": 1}') == ["/*: type string"]


def test_it_refuses_a_pattern_at_the_latest_when_it_is_met() -> None:
    with pytest.raises(InvalidInput):
        violations({"pattern": "(?=look)ahead"}, '"a"')
