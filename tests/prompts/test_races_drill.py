"""Two people at once, over HTTP and in two processes: one wins, nothing is lost."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from playground.policy.models import AuditRow, User
from playground.prompts.models import Prompt, PromptVersion, Ramp
from playground.prompts.saving import save_version
from tests.prompts.conftest import chat
from tests.prompts.ramped import PATH, greeting, started
from tests.prompts.served import Web, at_once, code_of, webs

__all__ = ["greeting"]
pytestmark = [
    pytest.mark.drill,
    pytest.mark.timeout(400),
    pytest.mark.django_db(transaction=True, databases="__all__"),
]

ROUNDS = 20
API = f"/api/prompts/{PATH}"


@pytest.fixture(scope="module")
def both(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[list[Web]]:
    with webs(2) as running:
        yield running


def content(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "system", "template": text}]}


def test_it_moves_a_label_once_when_two_move_it(
    both: list[Web], rhea: User, greeting: Prompt, key_for: Callable[[User], str]
) -> None:
    one, other = both
    key = key_for(rhea)

    def move(web: Web, version: int, expected: int | None) -> Any:
        body = {"version": version, "expected": expected, "reason": "race"}
        return web.ask(key, "PUT", f"{API}/labels/raced", body)

    save_version(rhea.context(), PATH, content=chat("Hey."))
    at = None
    for _ in range(ROUNDS):
        wanted = [version for version in (1, 2, 3) if version != at][:2]
        answers = at_once(move, (one, wanted[0], at), (other, wanted[1], at))
        assert sorted(status for status, _ in answers) == [200, 409], answers
        assert "prompt.label-moved" in map(code_of, answers)
        at = greeting.labels.get(name="raced").version.number
        assert at == wanted[[status for status, _ in answers].index(200)]

    moved = AuditRow.objects.filter(entry__action="move_label", entry__details__label="raced")
    assert moved.count() == ROUNDS


def test_it_saves_once_when_two_save_on_the_same_version(
    both: list[Web], rhea: User, greeting: Prompt, key_for: Callable[[User], str]
) -> None:
    key = key_for(rhea)
    kept = []

    for number in range(ROUNDS):
        newest = greeting.versions.order_by("-number").values_list("number", flat=True)[0]
        texts = [f"one {number}", f"other {number}"]

        def save(web: Web, text: str, based_on: int = newest) -> Any:
            body = {"content": content(text), "based_on": based_on}
            return web.ask(key, "POST", f"{API}/versions", body)

        answers = at_once(save, *zip(both, texts, strict=True))
        assert sorted(status for status, _ in answers) == [201, 409], answers
        assert "prompt.edited-meanwhile" in map(code_of, answers)
        kept.append(texts[[status for status, _ in answers].index(201)])

    saved = PromptVersion.objects.filter(prompt=greeting, number__gt=2).order_by("number")
    assert [version.messages[0]["template"] for version in saved] == kept


def test_it_keeps_one_whole_draft_when_two_windows_write_it(
    both: list[Web], rhea: User, greeting: Prompt, key_for: Callable[[User], str]
) -> None:
    key = key_for(rhea)

    for number in range(ROUNDS):
        texts = [f"{who} {number} " * 500 for who in ("one", "other")]

        def write(web: Web, text: str) -> Any:
            body = {"content": content(text), "based_on": 2}
            return web.ask(key, "PUT", f"{API}/draft", body)

        answers = at_once(write, *zip(both, texts, strict=True))
        assert all(status == 200 for status, _ in answers), answers
        _, draft = both[number % 2].ask(key, "GET", f"{API}/draft")
        assert draft["content"]["messages"][0]["template"] in texts


def test_it_lets_one_win_when_a_stage_is_advanced_paused_and_rolled_back_at_once(
    both: list[Web], rhea: User, greeting: Prompt, key_for: Callable[[User], str]
) -> None:
    key = key_for(rhea)
    turns = [*both, both[0]]

    for number in range(ROUNDS):
        ramp = started(rhea, stages=[{"percent": 10}, {"percent": 50}])

        def do(web: Web, action: str, ramp: Ramp = ramp) -> Any:
            body = {"reason": f"race {action}"}
            return web.ask(key, "POST", f"{API}/ramps/{ramp.pk}/{action}", body)

        actions = ("advance", "pause", "rollback")
        answers = at_once(do, *zip(turns, actions, strict=False))
        for status, body in answers:
            assert status in (200, 409), (number, body)
        lost = {code_of(answer) for answer in answers if answer[0] == 409}
        assert lost <= {"ramp.state", "ramp.judged-meanwhile"}
        ramp.refresh_from_db()
        done = [event.what for event in ramp.events.all()][2:]
        verbs = ("advanced", "paused", "rolled_back")
        won = {v for v, (status, _) in zip(verbs, answers, strict=True) if status == 200}
        # Going back is always open, and nothing comes after it.
        assert set(done) == won
        assert len(done) == len(won)
        assert done[-1] == "rolled_back"
        assert ramp.state == "rolled_back"
        assert ramp.stage == ("advanced" in won)
        audited = AuditRow.objects.filter(entry__resource=ramp.urn, entry__outcome="done")
        assert audited.count() == len(done) + 2


def test_it_advances_one_stage_when_two_advance(
    both: list[Web], rhea: User, greeting: Prompt, key_for: Callable[[User], str]
) -> None:
    key = key_for(rhea)

    for _ in range(ROUNDS // 4):
        ramp = started(rhea, stages=[{"percent": each} for each in (10, 20, 30, 40)])

        def advance(web: Web, ramp: Ramp = ramp) -> Any:
            body = {"reason": "on", "early": True}
            return web.ask(key, "POST", f"{API}/ramps/{ramp.pk}/advance", body)

        answers = at_once(advance, *((web,) for web in both))
        ramp.refresh_from_db()
        # One after the other is two stages on; at once, one of them is told.
        assert ramp.stage == sum(status == 200 for status, _ in answers)
        assert {code_of(answer) for answer in answers} <= {"", "ramp.judged-meanwhile"}
        both[0].ask(key, "POST", f"{API}/ramps/{ramp.pk}/rollback", {"reason": "next"})


def test_it_keeps_everybody_in_their_arm_when_all_web_processes_start_anew(
    both: list[Web], rhea: User, greeting: Prompt, key_for: Callable[[User], str]
) -> None:
    key = key_for(rhea)
    ramp = started(rhea, stages=[{"percent": each} for each in (10, 40, 70)])
    people = [f"member:{number}" for number in range(40)]

    def arms(web: Web) -> dict[str, str]:
        path = f"/v1/prompts/{PATH}?label=production&key="
        return {who: web.ask(key, "GET", path + who)[1]["arm"] for who in people}

    grown: list[set[str]] = []
    for stage in range(3):
        if stage:
            body = {"reason": "on", "early": True}
            assert both[0].ask(key, "POST", f"{API}/ramps/{ramp.pk}/advance", body)[0] == 200
            # Both know the new percentage within a second.
            time.sleep(1.5)
        before = arms(both[0])
        assert arms(both[1]) == before
        for web in both:
            web.kill()
        for web in both:
            web.start()
        for web in both:
            web.wait()
        assert arms(both[0]) == before
        assert arms(both[1]) == before
        grown.append({who for who, arm in before.items() if arm == "candidate"})

    assert grown[0] <= grown[1] <= grown[2]
    assert len(grown[2]) > len(grown[0])
