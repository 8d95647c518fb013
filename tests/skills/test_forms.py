from playground.core import forms
from skills import registry

SCHEMA = registry.get("hiring.search_candidates").input_schema


def test_it_makes_a_control_for_each_argument_when_given_a_schema() -> None:
    kinds = {each.name: each.kind for each in forms.fields(SCHEMA)}

    assert kinds == {
        "query": "text",
        "location": "text",
        "seniority": "select",
        "skills": "lines",
        "industry": "text",
        "min_years": "number",
        "limit": "number",
    }


def test_it_reads_arguments_when_a_form_was_filled() -> None:
    typed = {"query": "engineers", "skills": "Python, Kafka\nGo", "limit": "3", "location": ""}

    assert forms.arguments(SCHEMA, typed) == {
        "query": "engineers",
        "skills": ["Python", "Kafka", "Go"],
        "limit": 3,
    }


def test_it_passes_on_what_it_cannot_read_when_a_number_is_none() -> None:
    assert forms.arguments(SCHEMA, {"query": "a", "limit": "many"})["limit"] == "many"


def test_it_keeps_what_was_typed_when_something_was_wrong() -> None:
    shown = forms.fields(SCHEMA, typed={"query": "kept"}, errors={"query": "too short"})

    assert (shown[0].value, shown[0].error) == ("kept", "too short")
