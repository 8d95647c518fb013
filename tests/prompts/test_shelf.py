"""What is kept in memory is bounded."""

from hypothesis import given
from hypothesis import strategies as st

from playground.prompts.held.shelf import Shelf

STEPS = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.integers(0, 9), st.booleans()), max_size=60
)


@given(STEPS)
def test_it_keeps_what_was_used_last_within_its_bounds(steps: list[tuple[str, int, bool]]) -> None:
    shelf: Shelf[str, int] = Shelf(things=3, weight=12)
    model: dict[str, int] = {}

    for key, weight, puts in steps:
        if puts:
            model.pop(key, None)
            model[key] = weight
            while len(model) > 1 and (len(model) > 3 or sum(model.values()) > 12):
                del model[next(iter(model))]
            shelf.put(key, weight, weight=weight)
        else:
            assert shelf.get(key) == model.get(key)
            if key in model:
                model[key] = model.pop(key)

    assert shelf.items() == list(model.items())


def test_it_drops_only_what_is_still_there() -> None:
    shelf: Shelf[str, list[int]] = Shelf(things=3)
    old, new = [1], [2]
    shelf.put("a", old)
    shelf.put("a", new)

    shelf.drop("a", old)
    assert shelf.get("a") is new

    shelf.drop("a", new)
    assert shelf.get("a") is None


def test_it_keeps_the_newest_however_heavy_it_is() -> None:
    shelf: Shelf[str, int] = Shelf(things=3, weight=10)
    shelf.put("a", 1, weight=5)
    shelf.put("b", 2, weight=99)

    assert shelf.items() == [("b", 2)]

    shelf.clear()
    assert shelf.items() == []
