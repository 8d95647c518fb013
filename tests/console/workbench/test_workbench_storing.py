"""What a column is made of comes back from the database as it was typed, or is refused."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from playground.console.workbench.checking import checked_variables
from playground.console.workbench.specifying import spec_of
from playground.console.workbench.storing import lost_numbers
from playground.core.errors import InvalidInput
from playground.policy.models import User
from tests.console.workbench.conftest import Bench, draft

NUMBERS = (
    st.integers()
    | st.integers(-(2**65), 2**65)
    | st.floats()
    | st.sampled_from([1e15, 1e16, 1e22, 1e23, -1e23, 2.0**63, 1e300, 5e-324, 1e-7, 0.1, 1.0])
)
VALUES = st.recursive(
    NUMBERS | st.booleans() | st.none() | st.sampled_from(["", "a", "1e23"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=6,
)


def test_it_takes_a_text_that_tells_of_an_escape() -> None:
    told = {"stop": "\\u0000"}

    assert spec_of({"parameters": told}).parameters == told
    assert checked_variables(told) == told


@pytest.mark.django_db
@given(value=VALUES)
def test_it_gives_a_column_back_as_it_was_typed_or_refuses_it(value: Any) -> None:
    body = {"parameters": {"x": value}, "simulated": {"y": value}}
    if any(lost_numbers("x", value)):
        with pytest.raises(InvalidInput, match=r"parameters\.x"):
            spec_of(body)
        return

    spec = spec_of(body).as_json()

    assert spec["parameters"]["x"] == value
    assert _told(_kept(spec)) == _told(spec)


@pytest.mark.parametrize("value", [1e15, -9e15, 2**64 - 1, -(2**63), 0.1, 1e-7, 5e-324, 1.0, -0.0])
@pytest.mark.django_db
def test_it_keeps_every_number_that_comes_back(value: float) -> None:
    spec = spec_of({"parameters": {"x": [value]}}).as_json()

    assert _told(_kept(spec)) == _told(spec)


@pytest.mark.parametrize("typed", ["1e23", "1e16", "-2.5e17", "1e999", str(2**64)])
@pytest.mark.django_db(transaction=True, databases="__all__")
def test_it_says_at_the_field_which_number_it_cannot_keep(
    alice: User, bench_of: Bench, client_for: Callable[..., Client], typed: str
) -> None:
    bench = bench_of()
    column = bench.columns.get()
    form = {f"{column.pk}.simulated": f'{{"look": {{"at": [{typed}]}}}}', "do": "save"}

    answer = client_for(alice).post(f"/workbench/{bench.pk}", form, headers={"HX-Request": "true"})

    column.refresh_from_db()
    assert answer.status_code == 422
    assert "simulated.look.at.0: " in answer.content.decode()
    assert column.spec["simulated"] == {}


@pytest.mark.django_db
@given(value=VALUES)
def test_it_gives_variables_back_as_they_were_typed_or_refuses_them(value: Any) -> None:
    variables = {"x": value, "y": "1e23"}
    if any(lost_numbers("x", value, long=True)):
        with pytest.raises(InvalidInput, match=r"x[.:]"):
            checked_variables(variables)
        return

    assert _told(_kept(checked_variables(variables))) == _told(variables)


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_it_says_at_a_variable_and_in_a_row_that_it_cannot_keep_a_number(
    alice: User, bench_of: Bench, client_for: Callable[..., Client], api_for: Callable[..., Client]
) -> None:
    asks = draft("Say {{ n }}.")
    asks["content"]["inputs"] = {"type": "object", "properties": {"n": {"type": "number"}}}
    bench = bench_of(asks, variables={"n": 0.5}, table={"names": ["n"], "rows": [["1e23"]]})
    client, page = client_for(alice), f"/workbench/{bench.pk}"

    typed = client.post(
        page, {"do": "save", "input.n": "1e23"}, headers={"HX-Request": "true"}
    ).content.decode()
    told = api_for(alice).patch(
        f"/api/workbench/{bench.pk}", '{"variables": {"n": 1e23}}', content_type="application/json"
    )
    client.post(page, {"do": "run-table"}, headers={"HX-Request": "true"})
    [line] = client.get(f"{page}/outputs.jsonl").content.splitlines()

    why = "n: 1e+23 is too large to be kept as it was typed."
    bench.refresh_from_db()
    assert f'data-mistake="input.n">{why}</span>' in typed
    assert (told.json()["code"], told.json()["detail"]) == ("workbench.variables-invalid", why)
    assert bench.variables == {"n": 0.5}
    assert (json.loads(line)["error"]["detail"], json.loads(line)["inputs"]) == (why, {})


def _kept(spec: dict[str, Any]) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::jsonb::text", [json.dumps(spec)])
        kept: dict[str, Any] = json.loads(cursor.fetchone()[0])
    return kept


def _told(value: Any) -> Any:
    """Return a value in which a whole number and one with a point are no longer equal."""
    if isinstance(value, dict):
        return {key: _told(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_told(each) for each in value]
    return type(value), value
