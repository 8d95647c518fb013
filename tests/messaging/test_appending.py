"""Appending to a lane."""

import threading

import pytest
from django.db import connection

from playground.core.errors import Conflict, InvalidInput, NotFound
from playground.core.ids import new_id
from playground.messaging.appending import append_event, append_message
from playground.messaging.models import Event, Message, Run
from tests.messaging.checks import assert_sound, log_of


def test_it_numbers_messages_like_their_events_when_they_start_runs(lane, say):
    first, second = say("one"), say("two")

    assert (first.seq, second.seq) == (1, 3)
    assert [event["type"] for event in log_of(lane.pk)] == ["message.created", "run.queued"] * 2
    assert Run.objects.get(pk=first.run_id).message_id == first.message_id
    assert Message.objects.get(pk=first.message_id).run_id == first.run_id


def test_it_answers_as_before_when_a_key_comes_again(lane, say):
    first = say("one", key="k")

    again = say("one", key="k")

    assert again.duplicate
    assert (again.message_id, again.seq, again.run_id) == (
        first.message_id,
        first.seq,
        first.run_id,
    )
    assert Event.objects.filter(lane=lane).count() == 2
    assert_sound(lane.pk, acked=[first.message_id], ended=False)


def test_it_refuses_when_a_key_comes_with_another_body(lane, say):
    say("one", key="k")

    with pytest.raises(Conflict) as caught:
        say("two", key="k")

    assert caught.value.code == "message.dedup-conflict"
    assert_sound(lane.pk, ended=False)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("a\x00b", "message.nul"),
        ("a\ud800b", "message.encoding"),
        ("x" * 200_001, "message.too-large"),
    ],
)
def test_it_refuses_when_content_cannot_be_stored(lane, say, content, code):
    with pytest.raises(InvalidInput) as caught:
        say(content)

    assert caught.value.code == code
    assert not Event.objects.filter(lane=lane).exists()


def test_it_refuses_when_the_lane_is_unknown(db):
    with pytest.raises(NotFound):
        append_message(new_id(), role="user", content="x", author="user:alice")


def test_it_takes_one_message_when_the_same_is_posted_five_times_at_once(
    transactional_db, lane, say
):
    answers, errors = [], []
    start = threading.Barrier(5)

    def post() -> None:
        try:
            start.wait()
            answers.append(say("once", key="same"))
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=post) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not errors
    assert len({(one.message_id, one.seq, one.run_id) for one in answers}) == 1
    assert sorted(one.duplicate for one in answers) == [False, True, True, True, True]
    assert_sound(lane.pk, acked=[answers[0].message_id], ended=False)


def test_it_leaves_no_gap_when_many_append_at_once(transactional_db, lane, say):
    acked: list = []

    def post() -> None:
        try:
            for _ in range(10):
                acked.append(say().message_id)
                append_event(lane.pk, {"type": "thread.updated", "data": {"title": "t"}})
        finally:
            connection.close()

    threads = [threading.Thread(target=post) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(acked) == 60
    assert_sound(lane.pk, acked=acked, ended=False)
