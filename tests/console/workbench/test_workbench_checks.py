"""What is said beside a draft in a column: where it is wrong, what it may include and read."""

import json
from collections.abc import Callable

import pytest
from django.test import Client

from playground.policy.models import User
from playground.prompts.content import content_of
from playground.prompts.saving import create_prompt
from tests.console.dom import Element, parse
from tests.console.workbench.conftest import Bench, draft

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

Sign = Callable[..., Client]


def test_it_says_where_a_draft_is_wrong(
    alice: User, charlie: User, bench_of: Bench, api_for: Sign, client_for: Sign
) -> None:
    bench = bench_of(draft("Dear {{ word }},\n{% if %}"), draft())
    first, second = bench.columns.all()
    where = f"/api/workbench/{bench.pk}/columns"

    told = api_for(alice).get(f"{where}/{first.pk}/check").json()["items"]
    page = client_for(alice).get(f"/workbench/{bench.pk}").content.decode()

    assert [(one["code"], one["message"], one["line"]) for one in told] == [("prompt.syntax", 0, 2)]
    assert api_for(alice).get(f"{where}/{second.pk}/check").json()["items"] == []
    assert 'data-message="0" data-line="2"' in page
    assert api_for(charlie).get(f"{where}/{first.pk}/check").status_code == 404


@pytest.mark.parametrize(
    ("template", "code"),
    [
        ('{% include "hiring/nothing" %}', "prompt.fragment-not-found"),
        ("password: hunter2secret99", "lint.secret"),
    ],
)
def test_it_says_what_a_version_of_a_draft_could_not_hold(
    alice: User, bench_of: Bench, api_for: Sign, template: str, code: str
) -> None:
    bench = bench_of(draft(template))
    column = bench.columns.get()

    told = api_for(alice).get(f"/api/workbench/{bench.pk}/columns/{column.pk}/check").json()

    assert code in [one["code"] for one in told["items"]]


def test_it_offers_fragments_and_variables_to_whoever_writes(
    alice: User, bench_of: Bench, client_for: Sign
) -> None:
    guard = content_of({"kind": "fragment", "messages": [{"role": "text", "template": "Be fair."}]})
    create_prompt(alice.context(), name="fairness", content=guard)
    bench = bench_of(draft("{{ job.title }} for {{ word }}"))

    page = parse(client_for(alice).get(f"/workbench/{bench.pk}").content.decode())

    fragments = json.loads(_attribute(page, "bench-form", "data-fragments"))
    schema = json.loads(_attribute(page, "variables", "data-schema"))
    assert "hiring/fairness" in [each["path"] for each in fragments]
    assert "title" in schema["properties"]["job"]["properties"]


def _attribute(page: Element, identifier: str, name: str) -> str:
    found = page.find(identifier)
    assert found is not None
    element = found[0].children[found[1]]
    assert isinstance(element, Element)
    return str(element.attributes[name])
