"""Lists page by page: the workbenches, in an order that the address names, and their cells."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from playground.console.workbench.keeping import open_workbench
from playground.console.workbench.listing import MAX_PAGE, PAGE
from playground.console.workbench.models import Workbench
from playground.console.workbench.running import run_columns, stop
from playground.policy.models import User
from tests.console.workbench.conftest import Bench, draft

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

Sign = Callable[..., Client]


@pytest.fixture
def three(alice: User, bob: User) -> list[Workbench]:
    """Return an untitled workbench of Bob's, then ``answers`` and ``Zebra`` of Alice's."""
    User.objects.filter(pk=bob.pk).update(display_name="Aaron")
    opened = [(bob, ""), (alice, "answers"), (alice, "Zebra")]
    return [open_workbench(owner.context(), name=name) for owner, name in opened]


def names_in(page: str) -> list[str]:
    return re.findall(r'<td class="main"><a href="[^"]+">([^<]+)</a>', page)


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("", ["Zebra", "answers", "Untitled workbench"]),
        ("name", ["answers", "Untitled workbench", "Zebra"]),
        ("-name", ["Zebra", "Untitled workbench", "answers"]),
        ("updated", ["Untitled workbench", "answers", "Zebra"]),
        ("owner", ["Untitled workbench", "answers", "Zebra"]),
        ("-owner", ["Zebra", "answers", "Untitled workbench"]),
        ("nonsense", ["Zebra", "answers", "Untitled workbench"]),
    ],
)
def test_it_sorts_workbenches_as_the_address_says(
    alice: User, three: list[Workbench], client_for: Sign, sort: str, order: list[str]
) -> None:
    page = client_for(alice).get(f"/workbench?sort={sort}").content.decode()

    assert names_in(page) == order


def test_it_marks_the_heading_and_turns_the_order_round_by_it(
    alice: User, three: list[Workbench], client_for: Sign
) -> None:
    page = client_for(alice).get("/workbench?sort=name&q=e").content.decode()

    assert 'aria-sort="ascending"><a href="/workbench?q=e&amp;sort=-name">' in page
    assert '<input type="hidden" name="sort" value="name">' in page


@pytest.mark.parametrize("sort", ["name", "-name", "updated", "-updated", "owner", "-owner"])
def test_it_goes_on_below_where_there_are_more_than_fit_a_page(
    alice: User, three: list[Workbench], client_for: Sign, sort: str
) -> None:
    for number in range(PAGE):
        # Same names and owners: the place among equals counts, too.
        open_workbench(alice.context(), name=f"Many {number % 3} é~&")
    client = client_for(alice)

    first = client.get(f"/workbench?sort={sort}").content.decode()
    found = re.search(r'rel="next" href="([^"]+)"', first)
    assert found is not None
    rest = client.get(
        found[1].replace("&amp;", "&") + "&rows=1", headers={"HX-Request": "true"}
    ).content.decode()

    links = re.findall(r'class="main"><a href="([^"]+)"', first + rest)
    assert len(links) == len(set(links)) == PAGE + 3
    assert f"{PAGE + 3} workbenches" in first
    assert not rest.strip().startswith("<!doctype")


def test_it_sorts_finds_and_pages_workbenches_over_the_api(
    alice: User, three: list[Workbench], api_for: Sign
) -> None:
    api = api_for(alice)

    first = api.get("/api/workbench?sort=-name&limit=2").json()
    rest = api.get(f"/api/workbench?sort=-name&limit=2&cursor={first['next']}").json()
    found = api.get("/api/workbench?q=zEB").json()
    every = api.get(f"/api/workbench?limit={MAX_PAGE}").json()

    assert [each["name"] for each in first["items"]] == ["Zebra", ""]
    assert ([each["name"] for each in rest["items"]], rest["next"]) == (["answers"], None)
    assert [each["name"] for each in found["items"]] == ["Zebra"]
    assert [each["name"] for each in every["items"]] == ["Zebra", "answers", ""]


@pytest.mark.parametrize("cursor", ["x", "W10=", "WzEsMl0=", "bnVsbA==", "WyJhIiwiYiJd", "é"])
def test_it_refuses_a_cursor_of_another_list(
    alice: User, three: list[Workbench], client_for: Sign, api_for: Sign, cursor: str
) -> None:
    page = client_for(alice).get(f"/workbench?cursor={cursor}")
    told = api_for(alice).get(f"/api/workbench?cursor={cursor}")

    assert page.status_code == 422
    assert (told.status_code, told.json()["code"]) == (422, "cursor.invalid")


def test_it_finds_nothing_and_says_so_when_no_name_fits(
    alice: User, three: list[Workbench], client_for: Sign
) -> None:
    page = client_for(alice).get("/workbench?q=nothing").content.decode()

    assert "No workbench has this name" in page
    assert "0 of 3" in page


def test_it_gives_cells_row_by_row_and_page_by_page(
    alice: User, bench_of: Bench, api_for: Sign
) -> None:
    rows = {"names": ["word"], "rows": [["one"], ["two"], ["three"]]}
    bench = bench_of(draft(), draft(), table=rows)
    run_columns(alice.context(), bench.pk, table=True)
    first, second = (str(column.pk) for column in bench.columns.all())
    where, api = f"/api/workbench/{bench.pk}/cells", api_for(alice)

    found, cursor = [], ""
    while True:
        page = api.get(f"{where}?limit=4&cursor={cursor}" if cursor else f"{where}?limit=4").json()
        found.append([(cell["row"], cell["column_id"]) for cell in page["items"]])
        if not (cursor := page["next"]):
            break
    whole = api.get(where).json()

    assert found == [
        [(1, first), (1, second), (2, first), (2, second)],
        [(3, first), (3, second)],
    ]
    assert (len(whole["items"]), whole["next"]) == (6, None)
    assert {"id", "column_id", "batch", "row", "status", "turns"} <= whole["items"][0].keys()
    assert api.get(f"{where}?limit=201").status_code == 422
    assert api.get(f"{where}?cursor=WzFd").json()["code"] == "cursor.invalid"


def test_it_gives_no_cell_twice_when_a_column_is_run_again_between_two_pages(
    alice: User, bench_of: Bench, api_for: Sign
) -> None:
    bench = bench_of(table={"names": ["word"], "rows": [["one"], ["two"], ["three"]]})
    run_columns(alice.context(), bench.pk, table=True)
    where, api = f"/api/workbench/{bench.pk}/cells", api_for(alice)

    first = api.get(f"{where}?limit=2").json()
    stop(alice.context(), bench.pk)
    run_columns(alice.context(), bench.pk, table=True)
    rest = api.get(f"{where}?limit=2&cursor={first['next']}").json()

    assert [cell["row"] for cell in first["items"] + rest["items"]] == [1, 2, 3]
