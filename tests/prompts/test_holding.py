"""What a process holds of prompts, and how it notices that they change."""

import threading
import time
from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.utils.timezone import now

from playground.core.context import RequestContext
from playground.core.errors import NotFound, PlaygroundError, PolicyDenied
from playground.policy.models import Membership, User
from playground.prompts.changing import PromptChanged
from playground.prompts.content import content_of
from playground.prompts.held import holding, telling, watching
from playground.prompts.held.holding import FRESH_S, PERMITTED_S, find
from playground.prompts.held.revising import revisions
from playground.prompts.held.shelf import Shelf
from playground.prompts.models import Label, Prompt
from playground.prompts.resolving import Steered, choose, choose_at_hand, register_assigner
from playground.prompts.resolving import _assigners as assigners
from playground.prompts.saving import save_version
from tests.prompts.stocked import CHAT, FRAGMENT, context_of, create, label, save
from tests.prompts.test_door import locked

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")
PRODUCTION = {"name": "outreach", "label": "production"}


@pytest.fixture
def context(alice: User) -> RequestContext:
    return context_of(alice)


@pytest.fixture
def prompt(context: RequestContext, valkey: object) -> Prompt:
    create(context, "outreach", CHAT)
    save(context, "outreach", "Second.")
    label(context, "outreach", "production", 1)
    holding.forget()
    return Prompt.objects.get(name="outreach")


def revision_of(prompt: Prompt) -> object:
    return revisions([prompt.pk])[prompt.pk]


CHANGES: dict[str, Callable[[Prompt], object]] = {
    "a label moves": lambda p: p.labels.update(version=p.versions.get(number=2)),
    "a label goes": lambda p: p.labels.all().delete(),
    "a label comes": lambda p: Label.objects.create(
        prompt=p, name="staging", version=p.versions.get(number=1), moved_by="user:alice"
    ),
    "a version is archived": lambda p: p.versions.filter(number=2).update(archived_at=now()),
    "it is renamed": lambda p: Prompt.objects.filter(pk=p.pk).update(name="renamed"),
    "it is archived": lambda p: Prompt.objects.filter(pk=p.pk).update(archived_at=now()),
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_gives_a_prompt_a_new_revision_when(prompt: Prompt, change: str) -> None:
    before = revision_of(prompt)

    CHANGES[change](prompt)

    assert revision_of(prompt) != before


def test_it_gives_no_new_revision_when_the_change_is_taken_back(prompt: Prompt) -> None:
    before = revision_of(prompt)

    with transaction.atomic():
        prompt.labels.all().delete()
        transaction.set_rollback(True)

    assert revision_of(prompt) == before


def test_it_gives_nobody_else_a_new_revision(prompt: Prompt, context: RequestContext) -> None:
    other = create(context, "other", CHAT).prompt
    before = revision_of(other)

    prompt.labels.all().delete()

    assert revision_of(other) == before


def test_it_lets_nobody_wait_when_a_change_is_not_committed(
    prompt: Prompt, context: RequestContext
) -> None:
    done = threading.Event()

    def change() -> None:
        Prompt.objects.filter(pk=prompt.pk).update(title="b")
        connection.close()
        done.set()

    with transaction.atomic():
        prompt.labels.all().delete()
        thread = threading.Thread(target=change)
        thread.start()

        assert done.wait(5)
    thread.join(5)


def test_it_never_serves_what_is_older_than_it_may_be(
    prompt: Prompt, context: RequestContext
) -> None:
    assert find(context, **PRODUCTION).number == 1
    prompt.labels.update(version=prompt.versions.get(number=2))
    # As a process that was paused: nobody told it, and nobody watched meanwhile.
    time.sleep(FRESH_S)

    assert holding.at_hand(context, **PRODUCTION) is None
    assert find(context, **PRODUCTION).number == 2


def test_it_notices_every_change_when_it_asks(prompt: Prompt, context: RequestContext) -> None:
    for number in (2, 1, 2):
        prompt.labels.update(version=prompt.versions.get(number=number))
        holding.refresh()

        assert find(context, **PRODUCTION).number == number


def test_it_weighs_all_that_a_version_holds(
    prompt: Prompt, context: RequestContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = holding._Memory()
    memory.versions = Shelf(things=10, weight=20_000)
    monkeypatch.setattr(holding, "_memory", memory)
    for number in (3, 4):
        tool = {"type": "function", "function": {"name": "f", "description": "d" * 15_000}}
        body = {**CHAT, "tools": [tool], "settings": {"seed": number}}
        save_version(context, "outreach", content=content_of(body))

    for number in (3, 4):
        find(context, name="outreach", version=number)

    assert [number for (_, _, number), _ in memory.versions.items()] == [4]


def test_it_keeps_what_has_not_changed(prompt: Prompt, context: RequestContext) -> None:
    first = find(context, **PRODUCTION)
    holding.refresh()

    assert holding.at_hand(context, **PRODUCTION) is first
    assert find(context, **PRODUCTION).prompt is first.prompt


def test_it_knows_no_prompt_that_is_gone(prompt: Prompt, context: RequestContext) -> None:
    fragment = create(context, "fair", FRAGMENT)
    find(context, name="fair")
    fragment.delete()
    fragment.prompt.delete()
    holding.refresh()

    with pytest.raises(NotFound):
        find(context, name="fair")


def test_it_finds_what_was_made_after_it_was_asked_for(
    prompt: Prompt, context: RequestContext
) -> None:
    with pytest.raises(NotFound):
        find(context, name="later")

    create(context, "later", CHAT)

    assert find(context, name="later").number == 1


def test_it_sees_its_own_change_when_it_is_in_a_transaction(
    prompt: Prompt, context: RequestContext
) -> None:
    choose(context, **PRODUCTION)

    with transaction.atomic():
        prompt.labels.update(version=prompt.versions.get(number=2))

        assert choose(context, **PRODUCTION).version.number == 2
        transaction.set_rollback(True)
    assert choose(context, **PRODUCTION).version.number == 1


def test_it_answers_from_memory_when_the_database_hangs(
    prompt: Prompt, context: RequestContext
) -> None:
    find(context, **PRODUCTION)
    seen: list[int] = []

    def look() -> None:
        seen.append(find(context, **PRODUCTION).number)
        connection.close()

    with locked("prompts_revision"):
        time.sleep(FRESH_S)
        asking = threading.Thread(target=look)
        asking.start()
        time.sleep(0.2)
        others = [threading.Thread(target=look) for _ in range(3)]
        for other in others:
            other.start()
        for other in others:
            other.join(5)

        assert asking.is_alive()
        assert seen == [1, 1, 1]
    asking.join(5)
    assert seen == [1] * 4


@pytest.mark.timeout(30)
def test_it_refuses_within_a_second_whom_the_policies_refuse(
    prompt: Prompt, context: RequestContext, alice: User
) -> None:
    find(context, **PRODUCTION)
    Membership.objects.filter(user=alice).delete()
    removed = time.monotonic()

    def is_refused() -> bool:
        try:
            find(context, **PRODUCTION)
        except PolicyDenied:
            return True
        return False

    while not is_refused():
        time.sleep(0.02)

    assert time.monotonic() - removed < PERMITTED_S + 0.5
    assert holding.at_hand(context, **PRODUCTION) is None


def test_it_asks_the_assigner_and_takes_its_version_from_memory(
    prompt: Prompt, context: RequestContext
) -> None:
    prompts: list[Prompt] = []

    def assign(_: RequestContext, *, prompt: Prompt, label: str, key: str | None) -> Steered | None:
        prompts.append(prompt)
        return None if key is None else Steered(2, "candidate", "told so")

    others = list(assigners)
    register_assigner(assign)
    try:
        one, two = (choose(context, **PRODUCTION, key="a") for _ in range(2))
        at_hand = choose_at_hand(context, **PRODUCTION, key="a")
        plain = choose(context, **PRODUCTION)
        exact = choose(context, name="outreach", version=1, key="a")
    finally:
        assigners[:] = others

    assert (one.version.number, one.arm, one.reason) == (2, "candidate", "told so")
    assert one.version is two.version
    assert at_hand == one
    assert (plain.version.number, plain.arm, exact.version.number) == (1, None, 1)
    assert len(prompts) == 4
    assert prompts[0] is prompts[1]


def test_it_says_no_more_than_that_there_is_nothing(
    prompt: Prompt, context: RequestContext, charlie: User
) -> None:
    find(context, **PRODUCTION)
    stranger = context_of(charlie, "trust")

    for _ in range(2):
        with pytest.raises(PlaygroundError) as caught:
            find(stranger, name="hiring/outreach", label="nope")
        assert caught.value.code == "prompt.not-found"


def test_it_tells_who_holds_what(prompt: Prompt, context: RequestContext) -> None:
    web, worker = telling.Teller("web"), telling.Teller("worker")
    find(context, **PRODUCTION)
    web.tell(holding.told())
    worker.tell({})
    (only,) = telling.processes_holding(prompt.pk)

    find(context, name="outreach")
    web.tell(holding.told())
    worker.tell(holding.told())
    both = telling.processes_holding(prompt.pk)

    assert only.process == web.process
    assert (only.labels, only.latest, only.versions) == ({"production": 1}, 2, (1,))
    assert only.revision == revision_of(prompt)
    assert only.silent_s <= 1
    assert [each.process for each in both] == [web.process, worker.process]
    assert {each.versions for each in both} == {(1, 2)}


def test_it_tells_everything_again_when_redis_has_lost_it(
    prompt: Prompt, context: RequestContext, valkey: "object"
) -> None:
    teller = telling.Teller("web")
    find(context, **PRODUCTION)
    teller.tell(holding.told())
    telling.connection().flushall()
    assert telling.processes_holding(prompt.pk) == []

    teller.tell(holding.told())

    assert len(telling.processes_holding(prompt.pk)) == 1


def test_it_tells_no_more_of_what_it_has_forgotten(prompt: Prompt, context: RequestContext) -> None:
    teller = telling.Teller("web")
    find(context, **PRODUCTION)
    teller.tell(holding.told())
    holding.forget()

    teller.tell(holding.told())

    assert telling.processes_holding(prompt.pk) == []


def test_it_hears_at_once_that_a_prompt_has_changed(
    prompt: Prompt, context: RequestContext
) -> None:
    ear = watching._Ear()
    ear.wait(0.05)
    find(context, **PRODUCTION)

    began = time.monotonic()
    watching.hint(PromptChanged(prompt.urn, prompt.path, "labelled"))
    ear.wait(10)

    assert time.monotonic() - began < 5
    assert holding.at_hand(context, **PRODUCTION) is None
