"""Prompts include fragments, pinned when they are saved; nothing that a fragment does harms."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction

from playground.core.errors import InvalidInput
from playground.policy.models import User
from playground.prompts.archiving import archive_prompt, archive_version
from playground.prompts.bumping import Bumped, bump_dependents
from playground.prompts.comparing import compare, texts_of
from playground.prompts.composing import includes_of
from playground.prompts.depending import dependents
from playground.prompts.finding import find_prompt, version_of
from playground.prompts.labelling import ANYTHING, move_label, put
from playground.prompts.models import Prompt, PromptVersion
from playground.prompts.resolving import find, render_version
from playground.prompts.saving import create_prompt, save_version
from playground.prompts.templating.rendering import render
from tests.prompts.conftest import chat, fragment, until_somebody_waits

pytestmark = pytest.mark.django_db


def said(version: PromptVersion, **variables: Any) -> str:
    return str(render_version(version, variables).messages[0]["content"])


def make(user: User, name: str, template: str) -> PromptVersion:
    return create_prompt(user.context(), name=name, content=fragment(template))


def use(user: User, template: str, name: str = "user") -> PromptVersion:
    return create_prompt(user.context(), name=name, content=chat(template))


def refused(user: User, template: str) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        use(user, template)
    assert not Prompt.objects.filter(name="user").exists()
    return caught.value


def test_it_renders_the_fragment_that_was_there_when_it_was_saved(
    charlie: User, outreach: PromptVersion
) -> None:
    save_version(charlie.context(), "responsible-ai", content=fragment("Be kind."))

    assert said(outreach, name="Ana", audience="all") == "Write to Ana.\nBe fair to all."


def test_it_still_renders_when_the_fragment_is_archived(
    charlie: User, outreach: PromptVersion
) -> None:
    archive_prompt(charlie.context(), "responsible-ai")

    assert said(outreach, name="Ana", audience="all").endswith("Be fair to all.")


def test_it_takes_no_archived_fragment_unless_a_version_is_named(
    alice: User, charlie: User, guardrail: PromptVersion
) -> None:
    archive_prompt(charlie.context(), "responsible-ai")

    error = refused(alice, '{% include "trust/responsible-ai" %}')

    assert error.code == "prompt.fragment-archived"
    assert use(alice, '{% include "trust/responsible-ai@1" %}').number == 1


@pytest.mark.parametrize(
    ("written", "number"),
    [("tone", 2), ("hiring/tone@1", 1), ("tone@latest", 3), ("tone@staging", 1), ("tone@3", 3)],
)
def test_it_takes_the_version_that_the_name_says(alice: User, written: str, number: int) -> None:
    for text in ("One", "Two", "Three"):
        if text == "One":
            make(alice, "tone", text)
        else:
            save_version(alice.context(), "tone", content=fragment(text))
    move_label(alice.context(), "tone", label="staging", version=1)
    _production(alice, "tone", 2)

    version = use(alice, '{% include "' + written + '" %}')

    assert version.inclusions.get().fragment.number == number


def _production(user: User, name: str, number: int) -> None:
    version = version_of(find_prompt(user.context(), name), version=number)
    put(user.context(), version, label="production", expected=ANYTHING, reason="")


@pytest.mark.parametrize(
    ("template", "code", "line", "column"),
    [
        ('a\n {% include "trust/nothing" %}', "prompt.fragment-not-found", 2, 14),
        ('{% include "trust/private" %}', "prompt.fragment-not-found", 1, 13),
        ('{% include "hiring/plain" %}', "prompt.fragment-not-found", 1, 13),
        ('{% import "trust/responsible-ai@9" as x %}', "prompt.fragment-not-found", 1, 12),
        ('{% from "trust/responsible-ai@no" import x %}', "prompt.fragment-not-found", 1, 10),
    ],
)
def test_it_says_where_when_a_fragment_is_not_there(
    alice: User,
    charlie: User,
    guardrail: PromptVersion,
    template: str,
    code: str,
    line: int,
    column: int,
) -> None:
    make(charlie, "private", "For the trust team alone.")
    use(alice, "No fragment", name="plain")

    error = refused(alice, template)

    assert (error.code, error.extra["line"], error.extra["column"]) == (code, line, column)


def test_it_calls_macros_of_fragments(alice: User) -> None:
    make(alice, "macros", "{% macro hi(who) %}Hi {{ who }}!{% endmacro %}")

    version = use(
        alice,
        '{% import "macros" as m %}{% from "macros" import hi %}{{ m.hi(name) }} {{ hi("you") }}',
    )

    assert said(version, name="Ana") == "Hi Ana! Hi you!"
    assert version.inputs["required"] == ["name"]


def test_it_keeps_nothing_of_one_rendering_for_the_next(alice: User) -> None:
    make(alice, "box", "{% set box = namespace(x='empty') %}")
    template = (
        '{% from "box" import box %}{{ box.x }}{% if given %}{% set box.x = given %}{% endif %}'
    )
    version = use(alice, template)

    first = said(version, given="a secret")
    second = said(version, given="")

    assert (first, second) == ("empty", "empty")


def test_it_refuses_a_prompt_that_includes_itself_and_names_the_way(alice: User) -> None:
    make(alice, "a", "A")
    make(alice, "b", '{% include "a" %}')
    make(alice, "c", '{% include "b" %}')

    with pytest.raises(InvalidInput) as caught:
        save_version(alice.context(), "a", content=fragment('{% include "c" %}'))

    assert caught.value.code == "prompt.cycle"
    assert "hiring/a -> hiring/c -> hiring/b -> hiring/a" in caught.value.detail


def test_it_refuses_more_than_five_levels(alice: User) -> None:
    make(alice, "level-1", "deep")
    for level in range(2, 6):
        make(alice, f"level-{level}", f'{{% include "level-{level - 1}" %}}')
    assert said(use(alice, '{% include "level-5" %}', name="five")) == "deep"
    make_six = fragment('{% include "level-5" %}')

    create_prompt(alice.context(), name="level-6", content=make_six)
    error = refused(alice, '{% include "level-6" %}')

    assert error.code == "prompt.nesting"


def test_it_refuses_too_many_fragments(alice: User) -> None:
    names = [
        f"{team}f{number}@{'0' * zeros}1"
        for team in ("", "hiring/")
        for number in range(12)
        for zeros in range(9)
    ]
    for number in range(12):
        make(alice, f"f{number}", "1")

    error = refused(alice, "".join(f'{{% include "{name}" %}}' for name in names))

    assert error.code == "prompt.too-many-fragments"
    assert said(use(alice, "".join(f'{{% include "{name}" %}}' for name in names[:20]))) == "1" * 20


@pytest.mark.parametrize("inner", ["{{ missing }}", "{{ 1 / 0 }}", "{{ name.__class__ }}"])
def test_it_names_fragment_line_and_column_when_one_fails(alice: User, inner: str) -> None:
    make(alice, "part", f"fine\n  {inner}")
    version = use(alice, 'Hello {{ name }}\n\n\n{% include "part" %}')

    with pytest.raises(InvalidInput) as caught:
        # Past the schema, as somebody does who gives inputs of their own.
        render(version.content, {"name": "Ana"}, includes=includes_of(version))

    assert caught.value.extra["fragment"] == "hiring/part@1"
    assert caught.value.extra["line"] == 2
    assert caught.value.extra["column"] >= 3


PAYLOADS = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ m.__init__.__globals__ }}",
    "{{ m._module }}",
    "{{ m._TemplateReference__context }}",
    "{{ m['__class__'] }}",
    "{{ m.f.__globals__ }}",
    "{{ m.f.__code__ }}",
    "{{ self.__init__ }}",
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_it_forbids_the_insides_when_a_fragment_is_imported(alice: User, payload: str) -> None:
    make(alice, "m", "{% macro f() %}x{% endmacro %}")
    version = use(alice, '{% import "m" as m %}' + payload)

    with pytest.raises(InvalidInput) as caught:
        said(version)

    assert caught.value.code == "prompt.forbidden"


def test_it_stops_a_bomb_that_is_spread_over_fragments(alice: User) -> None:
    make(alice, "bomb-1", "x" * 200)
    for level in range(2, 6):
        make(alice, f"bomb-{level}", f'{{% include "bomb-{level - 1}" %}}' * 40)
    version = use(alice, '{% include "bomb-5" %}')
    began = time.monotonic()

    with pytest.raises(InvalidInput) as caught:
        said(version)

    assert caught.value.code == "prompt.limit"
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    "template",
    [
        '{% set y %}{% for i in range(9999) %}{% include "big" %}{% endfor %}{% endset %}',
        '{% import "big" as b %}{% for i in range(9999) %}{% set y = b|string %}{% endfor %}',
        '{% import "big" as b %}{% set y %}{% for i in range(99) %}{{ b }}{% endfor %}{% endset %}',
        '{% from "big" import f %}{{ f() }}',
        '{% import "big" as b %}{{ [b|string] * 9999 }}',
    ],
)
def test_it_counts_what_fragments_do_against_the_prompt(alice: User, template: str) -> None:
    make(alice, "big", "x" * 50_000 + "{% macro f() %}{{ f() }}{% endmacro %}")
    version = use(alice, template)

    with pytest.raises(InvalidInput) as caught:
        said(version)

    assert caught.value.code == "prompt.limit"


def test_it_lists_what_includes_a_fragment(alice: User, outreach: PromptVersion) -> None:
    make(alice, "middle", '{% include "trust/responsible-ai" %}')
    use(alice, '{% include "middle" %}', name="far")

    found = dependents(alice.context(), "trust/responsible-ai")

    assert [(each.path, each.version, each.through) for each in found] == [
        ("hiring/far", 1, "hiring/middle@1"),
        ("hiring/middle", 1, None),
        ("hiring/outreach", 1, None),
    ]
    assert all(each.newest and each.fragment_version == 1 for each in found)


def test_it_shows_dependents_to_their_own_team_only(charlie: User, outreach: PromptVersion) -> None:
    assert dependents(charlie.context(), "responsible-ai") == []


def test_it_bumps_dependents_through_fragments_after_showing_what_would_change(
    alice: User, charlie: User, outreach: PromptVersion
) -> None:
    make(alice, "middle", 'M {% include "trust/responsible-ai" %}')
    use(alice, '{% include "middle" %}', name="a-far")
    use(alice, '{% include "trust/responsible-ai@1" %}', name="pinned")
    save_version(charlie.context(), "responsible-ai", content=fragment("Be kind to {{ whom }}."))

    shown = bump_dependents(alice.context(), "trust/responsible-ai").items
    untouched = find(alice.context(), name="a-far")
    done = bump_dependents(alice.context(), "trust/responsible-ai", dry_run=False).items

    assert untouched.number == 1
    assert [(each.path, each.outcome, each.after) for each in done] == [
        ("hiring/middle", "bumped", 2),
        ("hiring/a-far", "bumped", 2),
        ("hiring/outreach", "bumped", 2),
        ("hiring/pinned", "pinned", None),
    ]
    assert [each.diff for each in shown] == [each.diff for each in done]
    assert "+Be kind to {{ whom }}." in done[0].diff
    far = find(alice.context(), name="a-far")
    assert said(far, whom="Ana") == "M Be kind to Ana."
    assert far.inputs["required"] == ["whom"]
    again = bump_dependents(alice.context(), "trust/responsible-ai", dry_run=False).items
    assert [each.outcome for each in again] == ["pinned"]


def test_it_changes_no_other_fragment_when_it_bumps_one(alice: User) -> None:
    make(alice, "one", "1")
    make(alice, "two", "2")
    use(alice, '{% include "one" %}{% include "two" %}')
    for name in ("one", "two"):
        save_version(alice.context(), name, content=fragment("new " + name))

    bump_dependents(alice.context(), "one", dry_run=False)

    assert said(find(alice.context(), name="user")) == "new one2"


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_it_leaves_alone_what_somebody_saves_while_it_bumps(
    alice: User, charlie: User, outreach: PromptVersion
) -> None:
    save_version(charlie.context(), "responsible-ai", content=fragment("Be kind."))
    written = chat('Write warmly to {{ name }}.\n{% include "trust/responsible-ai@1" %}')

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        Prompt.objects.select_for_update().get(pk=outreach.prompt_id)
        bumping = pool.submit(_bump, alice)
        until_somebody_waits()
        save_version(alice.context(), "outreach", content=written)

    (bumped,) = bumping.result()
    assert (bumped.outcome, bumped.before) == ("failed", 1)
    assert "Version 2 was saved by user:alice" in bumped.detail
    assert outreach.prompt.versions.count() == 2


def _bump(user: User) -> list[Bumped]:
    try:
        return bump_dependents(user.context(), "trust/responsible-ai", dry_run=False).items
    finally:
        connection.close()


def test_it_bumps_nothing_for_viewers(
    alice: User, vera: User, charlie: User, outreach: PromptVersion
) -> None:
    save_version(charlie.context(), "responsible-ai", content=fragment("Be kind."))

    done = bump_dependents(vera.context(), "trust/responsible-ai", dry_run=False).items

    assert [each.outcome for each in done] == ["denied"]
    assert find(alice.context(), name="outreach").number == 1


def test_it_compares_versions_through_fragments(
    alice: User, charlie: User, outreach: PromptVersion
) -> None:
    save_version(charlie.context(), "responsible-ai", content=fragment("Be kind."))
    after = save_version(alice.context(), "outreach", content=outreach.content)

    flat = compare(outreach.content, after.content)
    deep = compare(
        outreach.content,
        after.content,
        old_fragments=texts_of(includes_of(outreach)),
        new_fragments=texts_of(includes_of(after)),
    )

    assert [each.part for each in flat if each.change != "same"] == []
    assert [each.part for each in deep if each.change != "same"] == [
        "fragment trust/responsible-ai"
    ]


def test_it_keeps_an_archived_version_of_a_fragment_in_what_includes_it(
    alice: User, charlie: User, outreach: PromptVersion
) -> None:
    save_version(charlie.context(), "responsible-ai", content=fragment("Be kind."))
    archive_version(charlie.context(), "responsible-ai", version=1)

    assert said(outreach, name="Ana", audience="all").endswith("Be fair to all.")
