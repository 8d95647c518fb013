"""What a ramp's charts say: an interval where it lies, words that hold, slots that add up."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.errors import InvalidInput
from playground.prompts.ramps.charts import (
    Seen,
    arms_chart,
    exposure_chart,
    strip,
)
from playground.prompts.ramps.form import COLUMNS, Form, faults_of, rows_of
from playground.prompts.ramps.planning import plan_of
from playground.prompts.ramps.sequential import Interval, judge
from playground.prompts.ramps.slotting import slot_of
from playground.prompts.ramps.wording import difference, write

START = dt.datetime(2026, 3, 1, 9, 0, tzinfo=dt.UTC)
NUMBERS = st.floats(-1, 1, allow_nan=False)


@given(NUMBERS, NUMBERS, st.floats(0, 0.5), st.booleans())
def test_it_draws_a_regression_right_of_the_threshold(
    one: float, other: float, tolerated: float, lower_is_better: bool
) -> None:
    bounds = (min(one, other), max(one, other))
    verdict = judge(Interval(*bounds), tolerated=tolerated, lower_is_better=lower_is_better)

    drawn = strip(
        "error_rate", bounds=bounds, middle=sum(bounds) / 2, tolerated=tolerated,
        lower_is_better=lower_is_better, verdict=verdict,
    )  # fmt: skip

    assert drawn.bar is not None
    assert 0 <= drawn.bar[0] <= drawn.bar[1] <= 100
    assert 50 <= drawn.threshold <= 100
    if verdict == "regressed":
        assert drawn.bar[0] >= drawn.threshold
    if verdict == "fine":
        assert drawn.bar[1] <= drawn.threshold
    assert drawn.verdict.startswith(verdict.capitalize())


@pytest.mark.parametrize(
    ("bounds", "lower_is_better", "verdict", "said"),
    [
        ((0.03, 0.05), True, "regressed", "Regressed: worse by at least 3 pp, 2 pp tolerated."),
        ((-0.05, -0.03), False, "regressed", "Regressed: worse by at least 3 pp, 2 pp tolerated."),
        ((-0.01, 0.012), True, "fine", "Fine: worse by at most 1.2 pp, 2 pp tolerated."),
        ((-0.05, -0.01), True, "fine", "Fine: better by at least 1 pp, 2 pp tolerated."),
        (
            (-0.031, 0.04), True, "undecided",
            "Undecided: between 3.1 pp better and 4 pp worse, 2 pp tolerated.",
        ),
        (None, True, "undecided", "Undecided: too few calls to say anything."),
    ],
)  # fmt: skip
def test_it_says_the_verdict_in_words(
    bounds: tuple[float, float] | None, lower_is_better: bool, verdict: str, said: str
) -> None:
    drawn = strip(
        "error_rate", bounds=bounds, middle=0.0, tolerated=0.02,
        lower_is_better=lower_is_better, verdict=verdict,
    )  # fmt: skip

    assert drawn.verdict == said


def test_it_keeps_the_threshold_in_sight_when_the_interval_is_wide() -> None:
    drawn = strip(
        "error_rate", bounds=(-1.0, 1.0), middle=0.0, tolerated=0.02,
        lower_is_better=True, verdict="undecided",
    )  # fmt: skip

    assert (drawn.open_left, drawn.open_right, drawn.bar) == (True, True, (0.0, 100.0))
    assert 55 <= drawn.threshold <= 85
    assert drawn.edge == "12 pp"


def test_it_says_that_nobody_is_left_to_compare_with() -> None:
    drawn = strip(
        "latency_ms", bounds=None, middle=0.0, tolerated=500, lower_is_better=True,
        verdict="undecided", alone=True,
    )  # fmt: skip

    assert "nobody is left" in drawn.verdict
    assert drawn.bar is None


@pytest.mark.parametrize(
    ("kind", "value", "written", "apart"),
    [
        ("error_rate", 0.0123, "1.2 %", "1.2 pp"),
        ("latency_ms", 840.4, "840 ms", "840 ms"),
        ("latency_ms", 3200.0, "3.2 s", "3.2 s"),
        ("cost_usd", 0.0031, "$0.0031", "$0.0031"),
        ("score:tone", 0.0, "0", "0"),
        ("score:tone", 12.0, "12", "12"),
    ],
)
def test_it_writes_a_metric_in_its_own_unit(
    kind: str, value: float, written: str, apart: str
) -> None:
    assert (write(kind, value), difference(kind, value)) == (written, apart)


def test_it_adds_up_who_was_exposed_so_far() -> None:
    seen = [
        Seen(START, "baseline", 9, 0.0),
        Seen(START, "candidate", 1, 0.0),
        Seen(START + dt.timedelta(minutes=10), "candidate", 3, 0.0),
    ]

    chart = exposure_chart(
        seen, start=START, end=START + dt.timedelta(minutes=15), seconds=300, unit="member"
    )

    assert [slot.title for slot in chart.slots if slot.bars] == [
        "09:00: Candidate 1, Baseline 9",
        "09:05: Candidate 1, Baseline 9",
        "09:10: Candidate 4, Baseline 9",
        "09:15: Candidate 4, Baseline 9",
    ]


def test_it_weighs_hours_by_their_calls_when_it_draws_means() -> None:
    hours = [
        Seen(START, "candidate", 1, 100.0),
        Seen(START + dt.timedelta(hours=1), "candidate", 9, 1800.0),
    ]

    chart = arms_chart(
        "latency_ms", hours, start=START, end=START + dt.timedelta(hours=1), seconds=10_800
    )

    assert chart.slots[0].title == "1 Mar 09:00: Candidate 190 ms"
    assert [dot.key for dot in chart.dots] == ["candidate"]


def test_it_does_not_call_it_empty_when_no_call_failed() -> None:
    nothing = arms_chart("error_rate", [], start=START, end=START, seconds=3600)
    fine = arms_chart(
        "error_rate", [Seen(START, "candidate", 5, 0.0)], start=START, end=START, seconds=3600
    )

    assert (nothing.empty, fine.empty) == (True, False)


def test_it_draws_a_ramp_of_a_year_to_its_end() -> None:
    days = [dt.timedelta(days=day) for day in range(365)]
    seen = [Seen(START + day, "candidate", 1, 100.0) for day in days]
    end = START + days[-1]

    shown = {"start": START, "end": end, "seconds": slot_of(days[-1].total_seconds())}
    means = arms_chart("latency_ms", seen, **shown)
    exposed = exposure_chart(seen, **shown, unit="member")

    assert 80 <= len(means.slots) <= 121
    assert means.slots[-1].title.endswith("2027: Candidate 100 ms")
    assert exposed.slots[-1].title.endswith("Candidate 365, Baseline 0")


# The form


class Sent(dict[str, list[str]]):
    """What a browser sends."""

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        return self[name][-1] if self.get_all(name) else default

    def get_all(self, name: str) -> list[str]:
        return list(super().get(name) or [])

    getlist = get_all


def test_it_reads_back_the_plan_that_it_wrote() -> None:
    plan = plan_of(
        {
            "label": "production", "candidate": 3, "unit": "thread",
            "stages": [{"percent": 12.5, "min_minutes": 5}, {"percent": 100, "min_samples": 7}],
            "rules": [
                {"attribute": "key", "op": "in", "value": ["a", "b"], "arm": "candidate"},
                {"attribute": "actor", "op": "exists", "value": False, "arm": "baseline"},
                {"attribute": "age", "op": "gte", "value": 18.5, "arm": "candidate"},
                {"attribute": "plan", "op": "in", "value": ["pro", "7", 7, True]},
                {"attribute": "app", "op": "version_lt", "value": "2.10", "arm": "baseline"},
                {"attribute": "purpose", "op": "ne", "value": "7", "arm": "baseline"},
            ],
            "guards": [{"kind": "score:tone", "tolerated": 0.125, "alpha": 0.01}],
            "automatic_advance": True, "on_regression": "pause",
        }
    )  # fmt: skip
    stored = plan.model_dump(mode="json")
    sent = Sent(
        label=["production"], candidate=["3"], unit=["thread"], on_regression=["pause"],
        automatic_advance=["on"],
    )  # fmt: skip
    for table, columns in COLUMNS.items():
        for column in columns:
            sent[f"{table}-{column}"] = [row[column] for row in rows_of(table, stored[table])]

    assert Form.of(sent).plan() == plan


@given(st.dictionaries(st.sampled_from(
    ["label", "candidate", "unit", "stages-percent", "stages-min_minutes", "rules-op",
     "rules-value", "rules-attribute", "guards-kind", "guards-alpha"]),
    st.lists(st.text(max_size=20), max_size=4)))  # fmt: skip
def test_it_reads_whatever_is_sent_or_names_the_field(sent: dict[str, list[str]]) -> None:
    form = Form.of(Sent(sent))

    with pytest.raises(InvalidInput) as refused:
        form.plan()

    assert refused.value.code == "ramp.invalid"
    assert all(faults_of(refused.value).values())


@given(st.text(max_size=30))
def test_it_ignores_edits_that_it_does_not_know(edit: str) -> None:
    form = Form().changed(edit)

    assert set(form.rows) == set(COLUMNS)


def test_it_offers_the_usual_stages_when_only_the_prompt_was_chosen() -> None:
    form = Form.of(Sent({"prompt": ["hiring/outreach"]}))

    assert [row["percent"] for row in form.rows["stages"]] == ["10", "50", "100"]
    assert [row["kind"] for row in form.rows["guards"]] == ["error_rate", "latency_ms"]
