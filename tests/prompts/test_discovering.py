"""What variables a prompt needs is read from its templates, through fragments."""

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jinja2 import meta

from playground.core.errors import InvalidInput
from playground.gateway.guardrails.schemas import violations_of
from playground.prompts.content import content_of
from playground.prompts.templating.compiling import ENVIRONMENT, tree_of
from playground.prompts.templating.discovering import discover, widened
from playground.prompts.templating.fragments import Includes, Piece
from tests.prompts.conftest import said_by


def discovered(template: str, includes: Includes | None = None) -> dict[str, Any]:
    content = content_of({"kind": "text", "messages": [{"role": "text", "template": template}]})
    return discover(content, includes or {})


def shape(template: str, includes: Includes | None = None) -> dict[str, Any]:
    return {k: v for k, v in discovered(template, includes).items() if k != "type"}


LIST = {"type": "array", "items": {}}


@pytest.mark.parametrize(
    ("template", "properties", "required"),
    [
        ("{{ b }}{{ a }}", {"a": {}, "b": {}}, ["a", "b"]),
        ("{% for x in xs %}{{ x }}{{ loop.index }}{% endfor %}", {"xs": LIST}, ["xs"]),
        ("{{ a|default('x') }}", {"a": {}}, []),
        ("{{ a|default('x') }}{{ a }}", {"a": {}}, ["a"]),
        ("{% if a is defined %}{{ a }}{% endif %}", {"a": {}}, []),
        ("{% if a is not defined %}no{% else %}{{ a }}{% endif %}", {"a": {}}, []),
        ("{{ a if a is defined else b }}", {"a": {}, "b": {}}, ["b"]),
        ("{{ 'x' if a is defined and a > 1 else '' }}", {"a": {}}, []),
        ("{% if a %}{% set b = 1 %}{% endif %}{{ b }}", {"a": {}, "b": {}}, ["a"]),
        ("{% if a %}{% set b = 1 %}{% else %}{% set b = 2 %}{% endif %}{{ b }}", {"a": {}}, ["a"]),
        ("{% set a = 1 %}{{ a }}", {}, []),
        ("{% macro f(a) %}{{ a }}{{ b }}{% endmacro %}{{ f(1) }}", {"b": {}}, ["b"]),
        ("{{ name.upper() }}", {"name": {}}, ["name"]),
        ("{% for k, v in d.items() %}{{ k }}{{ v }}{% endfor %}", {"d": {"type": "object"}}, ["d"]),
        ("{% for k, v in d|dictsort %}{{ k }}{% endfor %}", {"d": {"type": "object"}}, ["d"]),
        ("{{ range(3)|list }}{{ self }}", {}, []),
        ("{% with a = b %}{{ a }}{% endwith %}", {"b": {}}, ["b"]),
        ("{% for x in xs|sort if x %}{{ x }}{% endfor %}", {"xs": LIST}, ["xs"]),
        ("{{ xs|first }}{{ xs[0] }}", {"xs": LIST}, ["xs"]),
    ],
)
def test_it_finds_what_a_template_reads(
    template: str, properties: dict[str, Any], required: list[str]
) -> None:
    found = shape(template)

    assert found["properties"] == properties
    assert found.get("required", []) == required


def test_it_makes_objects_of_attributes_and_arrays_of_loops() -> None:
    template = (
        "{{ user.name.first }}{% for job in user.jobs %}{{ job['title'] }}"
        "{% for tag in job.tags %}{{ tag }}{% endfor %}{% endfor %}{{ user.age|default(1) }}"
    )

    found = shape(template)["properties"]["user"]

    assert found == {
        "type": "object",
        "properties": {
            "age": {},
            "name": {"type": "object", "properties": {"first": {}}, "required": ["first"]},
            "jobs": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"tags": LIST, "title": {}},
                    "required": ["tags", "title"],
                },
            },
        },
        "required": ["jobs", "name"],
    }


def test_it_looks_through_fragments_that_see_the_variables() -> None:
    includes = {
        "a": Piece("{{ x }}{{ given }}", {"c": Piece("{{ deep }}")}),
        "b": Piece("{% macro f(p) %}{{ p }}{{ unseen }}{% endmacro %}"),
    }
    includes["a"] = Piece("{{ x }}{{ given }}{% include 'c' %}", includes["a"].includes)

    found = shape("{% for x in xs %}{% include 'a' %}{% endfor %}{% import 'b' as b %}", includes)

    assert sorted(found["properties"]) == ["deep", "given", "xs"]


def test_it_gives_up_where_fragments_would_be_read_for_ever() -> None:
    piece = Piece("{{ x }}")
    for level in range(5):
        names = "".join(f"{{% set v{level}_{i} = 1 %}}{{% include 'a' %}}" for i in range(40))
        piece = Piece(names, {"a": piece})

    with pytest.raises(InvalidInput) as caught:
        discovered("{% include 'a' %}", {"a": piece})
    many = "{% if a == 0 %}0" + "".join(f"{{% elif a == {i} %}}{i}" for i in range(3000))

    assert caught.value.code == "prompt.limit"
    with pytest.raises(InvalidInput):
        discovered(many + "{% endif %}")


def test_it_asks_for_messages_where_a_placeholder_stands() -> None:
    messages = [
        {"role": "system", "template": "{{ a }}"},
        {"role": "placeholder"},
        {"role": "placeholder", "name": "examples"},
    ]

    found = discover(content_of({"messages": messages}))

    assert found["properties"]["history"] == {"type": "array", "items": {"type": "object"}}
    assert found["required"] == ["a", "examples"]


NAMES = ("a", "b", "c.x", "c.y", "d.z.w")
ATOMS = (
    *(f"{{{{ {name} }}}}" for name in NAMES),
    *(f"{{{{ {name}|default('-') }}}}" for name in NAMES),
    "text ", "{% set s = 1 %}{{ s }}", "{% set s = c.x %}{{ s }}", "{{ 1 + 1 }}",
)  # fmt: skip
AROUND = (
    ("{% for x in xs %}{{ x }}", "", "{% endfor %}"),
    ("{% for y in e.list %}{{ y.n }}", "", "{% endfor %}"),
    ("{% with b = 2 %}", "", "{% endwith %}"),
    *((f"{{% if {name} is defined %}}", "{% else %}", "{% endif %}") for name in NAMES),
    *((f"{{% if {name} %}}", "{% else %}", "{% endif %}") for name in NAMES),
)


@st.composite
def _templates(draw: st.DrawFn, depth: int = 2) -> str:
    parts = []
    for _ in range(draw(st.integers(0, 3))):
        if depth and draw(st.booleans()):
            opening, middle, closing = draw(st.sampled_from(AROUND))
            first, second = draw(_templates(depth - 1)), draw(_templates(depth - 1))
            parts.append(opening + first + (middle + second if middle else "") + closing)
        else:
            parts.append(draw(st.sampled_from(ATOMS)))
    return "".join(parts)


TEMPLATES = _templates()


def _example(schema: dict[str, Any], *, optional: bool) -> Any:
    """Return a value of the schema, with or without what is not required."""
    if schema.get("type") == "array":
        return [_example(schema["items"], optional=optional)]
    if schema.get("type") != "object":
        return "v"
    required = schema.get("required", [])
    return {
        name: _example(each, optional=optional)
        for name, each in schema.get("properties", {}).items()
        if optional or name in required
    }


def _code(template: str, variables: dict[str, Any]) -> str:
    try:
        said_by(template, variables)
    except InvalidInput as error:
        return error.code
    return ""


@settings(max_examples=150)
@given(TEMPLATES, st.booleans())
def test_it_renders_with_whatever_the_schema_allows(template: str, optional: bool) -> None:
    schema = discovered(template)
    variables = _example(schema, optional=optional)

    assert violations_of(schema, variables) == []
    said_by(template, variables)


@settings(max_examples=100)
@given(TEMPLATES, st.data())
def test_it_fails_or_reads_less_when_something_required_is_missing(
    template: str, data: st.DataObject
) -> None:
    schema = discovered(template)
    required = schema.get("required", [])
    variables = _example(schema, optional=True)
    if not required:
        return
    left_out = data.draw(st.sampled_from(required))
    del variables[left_out]

    assert violations_of(schema, variables) == [f"/: required {left_out}"]
    assert _code(template, variables) in {"", "prompt.undefined"}


@settings(max_examples=100)
@given(TEMPLATES)
@example("{% for x in xs %}{{ x }}{{ a }}{% endfor %}{% set a = c.x %}")
@example("{% for x in xs %}{{ x }}{{ a }}{% endfor %}{{ a }}{% set a = c.x %}")
@example("{% for x in xs %}{% if x %}{{ a }}{% endif %}{% set a = c.x %}{% endfor %}")
@example("{% for x in xs %}{% for y in x %}{{ a }}{% endfor %}{% set a = c.x %}{% endfor %}")
@example("{% with %}{{ a }}{% endwith %}{% if c.x %}{% set a = 1 %}{% endif %}")
@example("{% macro m() %}{{ a }}{% endmacro %}{% set a = c.x %}{{ m() }}")
@example("{% set a = a %}{{ a }}")
def test_it_finds_the_variables_that_jinja_finds(template: str) -> None:
    jinjas = meta.find_undeclared_variables(tree_of(template)) - ENVIRONMENT.globals.keys()

    found = set(discovered(template).get("properties", {}))

    # Jinja also counts what each of two branches sets.
    assert found <= jinjas <= found | {"s"}


def test_it_adds_to_a_schema_what_it_does_not_name_and_changes_nothing_else() -> None:
    person = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    declared = {
        "type": "object",
        "properties": {"person": person, "tone": {"enum": ["warm"]}},
        "additionalProperties": False,
    }

    same = widened(declared, discovered("{{ person.name }} {{ tone }}"))
    more = widened(declared, discovered("{{ person.name }} {{ person.city }} {{ day }}"))

    assert same == declared
    assert more["additionalProperties"] is False
    assert more["properties"]["tone"] == {"enum": ["warm"]}
    assert more["properties"]["day"] == {}
    assert more["required"] == ["day"]
    assert more["properties"]["person"]["properties"] == {"name": {"type": "string"}, "city": {}}
    assert more["properties"]["person"]["required"] == ["city", "name"]
