"""What people and programs say of the answers of runs."""

import uuid
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import DatabaseError

from playground.core import spans
from playground.core.context import RequestContext
from playground.core.errors import Conflict, NotFound, PolicyDenied, Unavailable
from playground.messaging import feedback
from playground.messaging.events import RunFeedback
from playground.messaging.feedback import Given, give, take_back
from playground.messaging.models import Feedback, Lane, Run, Source
from playground.policy.models import AuditRow
from tests.messaging.checks import assert_sound, log_of
from tests.messaging.test_draining import drain_all, echo

pytestmark = pytest.mark.django_db(transaction=True)

UP, DOWN = Given("thumbs", True), Given("thumbs", False)


@pytest.fixture
def run_id(lane, say, handled_by) -> uuid.UUID:
    """Return a run that has answered."""
    handled_by(echo)
    appended = say()
    drain_all(lane)
    return appended.run_id


@pytest.fixture
def heard() -> Iterator[list[RunFeedback]]:
    """Hear what is said, as a room does that learns from it."""
    before, said = list(feedback._listeners), []
    feedback.register(said.append)
    yield said
    feedback._listeners[:] = before


@pytest.fixture(params=["full", "redacted", "none"])
def capture(request) -> Iterator[str]:
    spans.configure(capture=request.param)
    yield request.param
    spans.configure(
        capture=settings.PLAYGROUND_CAPTURE, hash_key=settings.SECRET_KEY.encode("utf-8")
    )


def test_it_replaces_what_was_said_when_somebody_says_otherwise(lane, run_id, alice, bob, heard):
    give(run_id, Given("thumbs", True, "Just right."), by=alice.context())
    give(run_id, DOWN, by=bob.context())
    changed = give(run_id, DOWN, by=alice.context())

    assert (changed.score, changed.comment) == (0, "Just right.")
    assert Feedback.objects.count() == 2
    assert [(one.author, one.score) for one in heard] == [
        ("user:alice", 1),
        ("user:bob", 0),
        ("user:alice", 0),
    ]
    assert_sound(lane.pk)


def test_it_says_it_once_when_the_same_is_said_again(lane, run_id, alice, heard):
    for _ in range(3):
        give(run_id, UP, by=alice.context())

    assert len(heard) == 1
    assert [event["type"] for event in log_of(lane.pk)].count("run.feedback") == 1


def test_it_is_as_if_nothing_was_said_when_it_is_taken_back(lane, run_id, alice, bob, heard):
    give(run_id, Given("thumbs", False, "Call +49 30 1234567"), by=alice.context())
    give(run_id, UP, by=bob.context())

    take_back(run_id, "thumbs", by=alice.context())

    assert [one.author for one in Feedback.objects.all()] == ["user:bob"]
    assert heard[-1] == RunFeedback(run_id=run_id, key="thumbs", author="user:alice")
    assert "1234567" not in str(log_of(lane.pk))
    assert_sound(lane.pk)
    with pytest.raises(NotFound):
        take_back(run_id, "thumbs", by=alice.context())


def test_it_keeps_of_a_comment_what_the_capture_mode_allows(run_id, alice, capture):
    said = "Ask ana@example.org, she has the list."

    kept = give(run_id, Given("thumbs", True, said), by=alice.context()).comment

    assert kept == {
        "full": said,
        "redacted": "Ask [e-mail], she has the list.",
        "none": "",
    }.get(capture)


def test_it_leaves_the_lane_where_it_is_among_those_last_used(lane, run_id, alice):
    before = Lane.objects.get(pk=lane.pk).updated_at

    give(run_id, UP, by=alice.context())

    assert Lane.objects.get(pk=lane.pk).updated_at == before


@pytest.mark.parametrize("error", [Unavailable("x.away", "Away."), DatabaseError("gone")])
def test_it_keeps_what_was_said_when_nobody_can_learn_from_it(run_id, alice, heard, error):
    def fails(_said: RunFeedback) -> None:
        raise error

    feedback.register(fails)
    feedback._listeners.reverse()

    give(run_id, UP, by=alice.context())

    assert Feedback.objects.count() == 1
    assert len(heard) == 1


def test_it_waits_for_the_end_when_the_run_is_at_work(say, alice):
    appended = say()

    with pytest.raises(Conflict) as refused:
        give(appended.run_id, UP, by=alice.context())

    assert refused.value.code == "feedback.run-active"


def test_it_keeps_no_more_than_fits_when_a_program_says_too_much(run_id, alice, monkeypatch):
    monkeypatch.setattr(feedback, "MOST_PER_RUN", 3)
    for number in range(3):
        give(run_id, Given(f"k{number}", 1), by=alice.context())

    with pytest.raises(Conflict) as refused:
        give(run_id, Given("k3", 1), by=alice.context())

    assert refused.value.code == "feedback.full"
    assert give(run_id, Given("k2", 0.5), by=alice.context()).score == 0.5


def test_it_says_who_said_it_in_the_audit_log_and_not_what(run_id, alice):
    give(run_id, Given("thumbs", False, "A bad answer"), by=alice.context())

    rows = [row.entry for row in AuditRow.objects.filter(team="hiring")]
    done = next(entry for entry in rows if entry["action"] == "give_feedback")
    assert (done["subject"], done["resource"], done["details"]) == (
        "user:alice",
        f"run:{run_id}",
        {"key": "thumbs"},
    )
    assert "bad answer" not in str(rows)


def test_it_lets_members_say_what_they_think_and_viewers_not(run_id, vera, alice):
    member = RequestContext(subject="member:42", team="hiring", actor=alice.urn)

    assert give(run_id, UP, by=member).author == "member:42"
    with pytest.raises(PolicyDenied):
        give(run_id, UP, by=vera.context())


def test_it_speaks_for_a_program_when_a_key_says_it(run_id, api_for, alice, bob, vera):
    api = api_for(alice)
    said = {"key": "relevance", "score": 0.8, "comment": "3 of 4 found"}

    first = api.post(f"/api/runs/{run_id}/feedback", said, content_type="application/json")
    again = api.post(
        f"/api/runs/{run_id}/feedback",
        {"key": "relevance", "score": True, "source": "human"},
        content_type="application/json",
    )
    listed = api_for(vera).get(f"/api/runs/{run_id}/feedback").json()

    assert (first.status_code, again.status_code) == (201, 201)
    assert (first.json()["source"], first.json()["score"]) == (Source.PROGRAM, 0.8)
    assert first.json()["id"] == again.json()["id"]
    assert [(one["key"], one["score"], one["comment"]) for one in listed["items"]] == [
        ("relevance", 1.0, "")
    ]
    assert api_for(bob).delete(f"/api/runs/{run_id}/feedback/relevance").status_code == 404
    assert api.delete(f"/api/runs/{run_id}/feedback/relevance").status_code == 204
    assert not Feedback.objects.exists()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"key": "thumbs", "score": 0.5}, "feedback.score-invalid"),
        ({"key": "thumbs", "score": 2}, "feedback.score-invalid"),
        ({"key": "relevance", "score": 1e13}, "feedback.score-invalid"),
        ({"key": "relevance", "score": 10**400}, "request.malformed-json"),
        ({"key": "relevance", "score": "0.8"}, "request.invalid"),
        ({"key": "relevance"}, "request.invalid"),
        ({"key": "Relevance!", "score": 1}, "feedback.key-invalid"),
        ({"key": "", "score": 1}, "feedback.key-invalid"),
        ({"key": "k", "score": 1, "comment": "x" * 2001}, "feedback.comment-invalid"),
        ({"key": "k", "score": 1, "source": "god"}, "request.invalid"),
    ],
)
def test_it_refuses_what_nothing_can_be_learnt_from(run_id, api_for, alice, said, code):
    answer = api_for(alice).post(
        f"/api/runs/{run_id}/feedback", said, content_type="application/json"
    )

    assert answer.json()["code"] == code
    assert answer.status_code in (400, 422)
    assert not Feedback.objects.exists()


def test_it_answers_as_if_there_were_no_run_when_it_is_another_teams(run_id, api_for, charlie):
    api, said = api_for(charlie), {"key": "thumbs", "score": 1}

    for run in (run_id, uuid.uuid4()):
        path = f"/api/runs/{run}/feedback"
        answers = [
            api.get(path),
            api.post(path, said, content_type="application/json"),
            api.delete(f"{path}/thumbs"),
        ]
        assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {
            (404, "run.not-found")
        }
    assert not Run.objects.get(pk=run_id).feedback.exists()
