"""Working on the runs of a lane, in this process."""

import time

import pytest
from django.db import connection, transaction

from playground.core.errors import DeveloperError, ProviderError
from playground.messaging import draining, leases, retrying, runs
from playground.messaging.interruptions import LeaseLost
from playground.messaging.models import Lane, Message, Run
from playground.messaging.surviving import persistently
from playground.messaging.working import RunCancelled, Work
from tests.messaging.checks import assert_sound, log_of

pytestmark = pytest.mark.django_db(transaction=True)


def echo(work: Work) -> None:
    work.step("1", kind="skill", name="echo", title="Echo", status="running")
    work.delta("you said ")
    work.delta(work.message.content)
    work.step("1", kind="skill", name="echo", title="Echo", status="ok", ms=1)
    work.usage(input_tokens=2, output_tokens=3)
    work.append("assistant", f"you said {work.message.content}", dedup_key=f"answer:{work.run_id}")


def drain_all(lane: Lane) -> None:
    """Drain without waiting for backoffs to pass."""
    while Run.objects.filter(lane=lane).active().exists():
        with connection.cursor() as cursor:
            cursor.execute("UPDATE messaging_run SET available_at = clock_timestamp()")
            cursor.execute("UPDATE messaging_lane SET runnable_at = clock_timestamp()")
        draining.drain(lane.pk)


def test_it_answers_in_order_when_several_messages_wait(lane, say, handled_by):
    handled_by(echo)
    acked = [say(word).message_id for word in ("one", "two", "three")]

    draining.drain(lane.pk)

    assert_sound(lane.pk, acked=acked)
    answers = Message.objects.filter(lane=lane, role="assistant").order_by("seq")
    assert [answer.content for answer in answers] == [
        "you said one",
        "you said two",
        "you said three",
    ]
    lane.refresh_from_db()
    assert (lane.lease_owner, lane.lease_until, lane.runnable_at) == ("", None, None)
    assert Run.objects.filter(lane=lane).last().usage == {"input_tokens": 2, "output_tokens": 3}


def test_it_shows_the_turns_in_order_when_a_message_came_before_the_answer(lane, say, handled_by):
    seen = []

    def remember(work: Work) -> None:
        seen.append([message.content for message in work.history()])
        echo(work)

    handled_by(remember)
    for word in ("one", "two"):
        say(word)

    draining.drain(lane.pk)

    assert seen == [["one"], ["one", "you said one", "two"]]


def test_it_tries_again_and_dies_when_the_error_stays(lane, say, handled_by):
    def fail(work: Work) -> None:
        raise ProviderError("provider.down", "The provider is down.")

    handled_by(fail)
    appended = say()

    drain_all(lane)

    run = Run.objects.get(pk=appended.run_id)
    assert (run.status, run.attempt, run.error_code) == ("dead", 3, "provider.down")
    assert [e["type"] for e in log_of(lane.pk)].count("run.retrying") == 2
    assert_sound(lane.pk)


def test_it_says_nothing_secret_when_an_error_was_not_foreseen(lane, say, handled_by):
    def fail(work: Work) -> None:
        raise RuntimeError("the password is swordfish")

    handled_by(fail)
    appended = say()

    drain_all(lane)

    run = Run.objects.get(pk=appended.run_id)
    assert (run.status, run.error_code) == ("dead", "internal")
    assert "swordfish" not in run.error_detail


def test_it_fails_at_once_when_trying_again_cannot_help(lane, say, handled_by):
    def fail(work: Work) -> None:
        raise DeveloperError("agent.step-limit", "Too many steps.")

    handled_by(fail)
    appended = say()

    draining.drain(lane.pk)

    run = Run.objects.get(pk=appended.run_id)
    assert (run.status, run.attempt, run.error_code) == ("failed", 1, "agent.step-limit")


def test_it_keeps_the_line_when_the_first_run_waits_to_be_retried(
    lane, say, handled_by, monkeypatch
):
    monkeypatch.setattr(retrying, "BASE_S", 600.0)
    monkeypatch.setattr(retrying.random, "random", lambda: 0.9)

    def fail_first(work: Work) -> None:
        if work.attempt == 1 and work.message.content == "one":
            raise ProviderError("provider.down", "The provider is down.")
        echo(work)

    handled_by(fail_first)
    say("one")
    say("two")

    draining.drain(lane.pk)
    draining.drain(lane.pk)

    assert not Message.objects.filter(lane=lane, role="assistant").exists()
    drain_all(lane)
    assert_sound(lane.pk)


def test_it_lets_a_control_message_pass_when_others_wait(lane, say, handled_by):
    handled_by(echo)
    say("one")
    say("two")
    say("now", control=True)

    draining.drain(lane.pk)

    answers = Message.objects.filter(lane=lane, role="assistant").order_by("seq")
    assert [answer.content.split()[-1] for answer in answers] == ["now", "one", "two"]


def test_it_ends_cancelled_when_somebody_stops_it_midway(lane, say, handled_by, alice):
    def wait(work: Work) -> None:
        runs.cancel(work.run_id, by=alice.context())
        while True:
            work.raise_if_cancelled()

    handled_by(wait)
    appended = say()

    draining.drain(lane.pk)

    assert Run.objects.get(pk=appended.run_id).status == "cancelled"
    assert_sound(lane.pk)


def test_it_says_an_answer_once_when_an_attempt_died_after_it(lane, say, handled_by):
    def answer_then_fail(work: Work) -> None:
        answer = f"answer of attempt {work.attempt}"
        work.append("assistant", answer, dedup_key=f"answer:{work.run_id}")
        if work.attempt == 1:
            raise ProviderError("provider.down", "The provider is down.")

    handled_by(answer_then_fail)
    say()

    drain_all(lane)

    answers = Message.objects.filter(lane=lane, role="assistant")
    assert [answer.content for answer in answers] == ["answer of attempt 1"]
    assert_sound(lane.pk)


def test_it_ends_dead_with_the_reason_when_the_worker_crashes_each_time(lane, say):
    appended = say()
    for _ in range(3):
        lease = leases.claim(lane.pk)
        draining._next(lease)
        Lane.objects.filter(pk=lane.pk).update(lease_until=None)

    draining.drain(lane.pk)

    run = Run.objects.get(pk=appended.run_id)
    assert (run.status, run.error_code) == ("dead", "run.crashed")
    assert_sound(lane.pk)


def test_it_refuses_each_write_when_the_lease_is_lost(lane, say, handled_by):
    refused = []

    def late(work: Work) -> None:
        Lane.objects.filter(pk=lane.pk).update(lease_until=None)
        other = leases.claim(lane.pk)
        assert other is not None
        writes = (
            lambda: work.append("assistant", "late", dedup_key="late"),
            lambda: work.step("s", kind="k", name="n", title="t", status="ok"),
            lambda: work.plan([{"id": "1", "title": "t", "status": "done"}]),
            lambda: work.set_head("c"),
            work.clear_partial,
        )
        for write in writes:
            try:
                write()
            except LeaseLost as error:
                refused.append(error)
        raise RunCancelled

    handled_by(late)
    say()
    before = len(log_of(lane.pk))

    draining.drain(lane.pk)

    assert len(refused) == 5
    assert len(log_of(lane.pk)) == before + 1  # the attempt's start
    assert Run.objects.get(lane=lane).status == "running"


def test_it_writes_again_when_the_server_ended_a_transaction_that_stood_still(lane):
    tries = []

    def write() -> int:
        with transaction.atomic(), connection.cursor() as cursor:
            tries.append(cursor)
            while len(tries) == 1:
                cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '5ms'")
                time.sleep(0.02)
            return Lane.objects.filter(pk=lane.pk).update(head_checkpoint="c")

    written = persistently(write, until=lambda: time.monotonic() + 30)

    assert (written, len(tries)) == (1, 2)


def test_it_gives_a_lane_to_one_when_two_claim_it(lane, say):
    say()

    assert leases.claim(lane.pk) is not None
    assert leases.claim(lane.pk) is None
    assert leases.claim_some(5) == []
