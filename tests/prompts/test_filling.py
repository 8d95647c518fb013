"""A form of a prompt's inputs, and variables of what was typed into it."""

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from playground.prompts.content import content_of
from playground.prompts.pages.filling import examples, fields, fill
from playground.prompts.templating.discovering import discover
from playground.prompts.templating.rendering import render

MEMBER = {
    "type": "object",
    "properties": {
        "member": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "years": {"type": "integer"}},
            "required": ["name"],
        },
        "tone": {"enum": ["warm", "plain"]},
        "skills": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["member", "tone", "skills"],
}
WORDS = st.sampled_from(["a", "b", "a.b", "c d", "", "x"])
SCHEMAS = st.recursive(
    st.sampled_from(
        [{}, {"type": "string"}, {"type": "integer"}, {"type": "boolean"}, {"enum": ["u", "v"]}]
    ),
    lambda inner: (
        st.builds(
            lambda properties, required: {
                "type": "object",
                "properties": properties,
                "required": [name for name in required if name in properties],
            },
            st.dictionaries(WORDS, inner, max_size=4),
            st.lists(WORDS, unique=True),
        )
        | st.builds(lambda items: {"type": "array", "items": items}, inner)
    ),
    max_leaves=8,
)
OBJECTS = st.builds(
    lambda properties: {"type": "object", "properties": properties, "required": [*properties]},
    st.dictionaries(WORDS, SCHEMAS, max_size=4),
)


def test_it_lays_objects_out_flat_and_what_is_required_first() -> None:
    assert [(one.name, one.kind, one.required) for one in fields(MEMBER)] == [
        ("member.name", "text", True),
        ("skills", "lines", True),
        ("tone", "select", True),
        ("member.years", "number", False),
    ]


def test_it_builds_the_objects_again_from_what_was_typed() -> None:
    typed = {"member.name": "Ada", "member.years": "12", "tone": "warm", "skills": "SQL\nGo"}

    filled = fill(MEMBER, typed)

    assert filled.variables == {
        "member": {"name": "Ada", "years": 12},
        "tone": "warm",
        "skills": ["SQL", "Go"],
    }
    assert filled.made_up == ()


def test_it_makes_up_what_is_required_and_leaves_out_what_is_not() -> None:
    filled = fill(MEMBER, {"tone": "plain"})

    assert filled.variables["member"] == {"name": "‹member.name›"}
    assert filled.made_up == ("member.name", "skills")


def test_it_tells_false_from_no_answer() -> None:
    schema = {"type": "object", "properties": {"remote": {"type": "boolean"}}}

    assert fill(schema, {"remote": "false"}).variables == {"remote": False}
    assert fill(schema, {"remote": "true"}).variables == {"remote": True}
    assert fill(schema, {"remote": ""}).variables == {}


@given(OBJECTS)
def test_it_makes_up_what_fits_the_schema_whatever_that_is(schema: dict[str, object]) -> None:
    Draft202012Validator(schema).validate(fill(schema, {}).variables)


def test_it_renders_what_was_discovered_with_nothing_typed() -> None:
    content = content_of(
        {
            "messages": [
                {
                    "role": "user",
                    "template": "{{ a.b }} {% for x in xs %}{{ x.y }},{% endfor %}"
                    "{% if z is defined %}{{ z }}{% endif %}",
                }
            ]
        }
    )

    filled = fill(discover(content), {})

    assert render(content, filled.variables).messages[0]["content"] == "‹a.b› ‹y›,‹y›,"


def test_it_gives_examples_where_the_schema_has_some_and_invents_nothing() -> None:
    schema = {
        "type": "object",
        "properties": {
            "member": {
                "type": "object",
                "properties": {
                    "name": {"type": "string", "examples": ["Ada"]},
                    "city": {"type": "string"},
                },
                "required": ["name", "city"],
            },
            "tone": {"type": "string", "enum": ["warm", "brief"]},
            "job": {"type": "string", "examples": ["Lead"]},
        },
        "required": ["member", "tone"],
    }

    assert examples(schema) == {"member": {"name": "Ada"}, "tone": "warm"}
