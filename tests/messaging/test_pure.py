"""The pure core: statuses, retrying, folding, frames, hints."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.errors import DeveloperError, InvalidInput, ProviderError
from playground.messaging import events, frames, statuses
from playground.messaging.folding import fold
from playground.messaging.following import Feed, Subscriber
from playground.messaging.hinting import Delta, merged
from playground.messaging.reading import Partial
from playground.messaging.retrying import CAP_S, Fate, backoff_s, judge
from playground.messaging.statuses import RunStatus

RUNS = [str(uuid.UUID(int=number)) for number in range(3)]
LANE = uuid.UUID(int=9)


@given(st.lists(st.sampled_from(list(RunStatus)), max_size=20))
def test_it_stays_ended_when_a_run_has_ended(wishes):
    status = RunStatus.QUEUED
    for wish in wishes:
        try:
            statuses.check(status, wish)
        except statuses.ForbiddenTransition:
            continue
        assert status in statuses.ACTIVE or status is RunStatus.DEAD
        status = wish


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_it_waits_within_bounds_when_it_retries(attempt, chance):
    assert 0 <= backoff_s(attempt, chance=chance) <= CAP_S


@given(st.integers(1, 5), st.integers(1, 5), st.booleans())
def test_it_ends_after_the_last_attempt_when_errors_stay(attempt, most, retryable):
    error = ProviderError("p", "p") if retryable else DeveloperError("d", "d")

    verdict = judge(error, attempt=attempt, max_attempts=most)

    if not retryable:
        assert verdict.fate is Fate.FAIL
    else:
        assert verdict.fate is (Fate.RETRY if attempt < most else Fate.DIE)


run_ids = st.sampled_from(RUNS)
lane_events = st.one_of(
    st.builds(
        events.MessageCreated,
        role=st.sampled_from(["user", "assistant"]),
        run_id=run_ids,
        content=st.text(max_size=5),
        data=st.none(),
    ),
    st.builds(events.RunQueued, run_id=run_ids),
    st.builds(events.RunStarted, run_id=run_ids, attempt=st.integers(1, 3)),
    st.builds(
        events.RunStep,
        run_id=run_ids,
        step_id=st.sampled_from(["a", "b"]),
        data=st.none(),
        attempt=st.integers(1, 3),
    ),
    st.builds(events.RunPlan, run_id=run_ids),
    st.builds(events.RunRetrying, run_id=run_ids),
    st.builds(events.RunEnded, run_id=run_ids, usage=st.just({})),
    st.builds(events.ThreadUpdated, data=st.dictionaries(st.sampled_from("ab"), st.integers())),
)


@given(st.lists(lane_events, max_size=30), st.data())
def test_it_reaches_the_same_state_when_it_resumes_anywhere(log, data):
    numbered = [
        {"seq": seq, "type": event.type, **events.payload(event)}
        for seq, event in enumerate(log, start=1)
    ]
    cut = data.draw(st.integers(0, len(log)))
    overlap = data.draw(st.integers(0, cut))

    resumed = fold(numbered[overlap:], onto=fold(numbered[:cut]))

    assert resumed == fold(numbered)


@given(lane_events)
def test_it_reads_what_it_wrote_when_an_event_is_stored(event):
    assert events.parse({"type": event.type, **events.payload(event)}) == event


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (None, "frame.binary"),
        ("{", "request.malformed-json"),
        ("[]", "frame.invalid"),
        ('"x"', "frame.invalid"),
        ('{"type":"dance"}', "frame.unknown-type"),
        ('{"type":"send"}', "frame.invalid"),
        ('{"type":"resume","after_seq":-1}', "frame.invalid"),
        ('{"type":"ping","x":"\\u0000"}', "request.nul"),
        ("[" * 100 + "]" * 100, "request.too-deep"),
        ('{"type":"send","content":"' + "x" * 262_144 + '"}', "frame.too-large"),
        ('{"type":"ping"}\ud800', "request.not-utf8"),
    ],
)
def test_it_names_the_fault_when_a_frame_is_wrong(text, code):
    with pytest.raises(InvalidInput) as caught:
        frames.parse(text)

    assert caught.value.code == code


@given(st.lists(st.text(min_size=1, max_size=4), max_size=20), st.data())
def test_it_pieces_the_text_together_when_pieces_repeat(pieces, data):
    run, feed, whole = uuid.uuid4(), Feed(LANE, head=0, stream_epoch="e"), ""
    deltas = []
    for piece in pieces:
        deltas.append(Delta(LANE, run, 1, 0, len(whole), piece))
        whole += piece
    order = sorted(range(len(deltas)))
    for index in order:
        for again in range(data.draw(st.integers(max(0, index - 2), index)), index + 1):
            each = deltas[again]
            feed.piece({"run": run, "attempt": 1, "base": 0, **_place(each)})

    assert not feed.rough
    assert (feed.texts[str(run)].text if whole else "") == whole
    assert "".join(one.text for one in merged(deltas)) == whole
    assert len(merged(deltas)) == (1 if deltas else 0)


def _place(delta: Delta) -> dict:
    return {"offset": delta.offset, "text": delta.text}


def test_it_asks_for_the_stored_text_when_a_piece_is_missing():
    feed = Feed(LANE, head=0, stream_epoch="e")
    place = {"run": RUNS[0], "attempt": 1, "base": 0}

    feed.piece({**place, "offset": 0, "text": "one "})
    feed.piece({**place, "offset": 8, "text": "three"})

    assert feed.rough
    assert feed.texts[RUNS[0]].text == "one "
    feed.settle([Partial(RUNS[0], 1, 0, "one two ")])
    assert not feed.rough
    assert feed.texts[RUNS[0]].text == "one two three"


def test_it_drops_pieces_for_nobody_else_when_one_socket_is_slow():
    feed = Feed(LANE, head=0, stream_epoch="e")
    slow, quick = Subscriber(wants_snapshots=False), Subscriber(wants_snapshots=False)
    feed.subscribers |= {slow, quick}

    received = []
    for number in range(1000):
        place = {"run": RUNS[0], "attempt": 1, "base": 0, "offset": number, "text": "x"}
        feed.piece(place)
        received += [quick.deltas.popleft() for _ in range(len(quick.deltas))]

    assert len(received) == 1000
    assert slow.wants_snapshots
    assert not slow.deltas
