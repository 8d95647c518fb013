"""Who is in which arm: sticky, monotone, uniform, and for a reason."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from playground.prompts.ramps.bucketing import BUCKETS, Arm, Rule, assign, bucket_of

keys = st.text(min_size=1, max_size=40)
salts = st.text("0123456789abcdef", min_size=1, max_size=32)
percents = st.integers(0, BUCKETS).map(lambda hundredths: hundredths / 100)


# How fast a machine that has other things to do makes examples up says nothing about them.


@given(keys, salts, percents, percents)
def test_it_moves_nobody_back_when_a_ramp_grows(key, salt, one, other):
    less, more = sorted((one, other))

    before = assign(key, salt=salt, percent=less)
    after = assign(key, salt=salt, percent=more)

    assert before.bucket == after.bucket
    assert before.arm is Arm.BASELINE or after.arm is Arm.CANDIDATE


@given(keys, salts)
def test_it_gives_everybody_one_arm_at_the_ends(key, salt):
    assert assign(key, salt=salt, percent=0).arm is Arm.BASELINE
    assert assign(key, salt=salt, percent=100).arm is Arm.CANDIDATE


def test_it_gives_the_same_bucket_in_every_process_and_release():
    # Changing these moves people between arms of ramps that are running.
    assert [bucket_of(f"member:{n}", salt="5a17") for n in (1, 2, 42)] == [5955, 4324, 8426]


@pytest.mark.parametrize("salt", ["a", "5a17", "0" * 32])
def test_it_fills_buckets_evenly(salt):
    counts = Counter(bucket_of(f"member:{n}", salt=salt) // 100 for n in range(20_000))

    # Chi-square with 99 degrees of freedom exceeds 160 once in 10,000 salts; these are three.
    expected = 200
    assert sum((counts[n] - expected) ** 2 / expected for n in range(100)) < 160


def test_it_draws_anew_for_another_ramp():
    both = Counter(
        (bucket_of(f"thread:{n}", salt="one") < 2_500, bucket_of(f"thread:{n}", salt="two") < 2_500)
        for n in range(20_000)
    )

    assert both[True, True] == pytest.approx(20_000 / 16, rel=0.12)
    assert both[False, False] == pytest.approx(20_000 * 9 / 16, rel=0.03)


def test_it_says_why():
    rules = [
        Rule(attribute="plan", op="eq", value="free", arm="baseline"),
        Rule(attribute="locale", op="prefix", value="de"),
    ]

    ruled = assign("a", salt="s", percent=0, rules=rules, attributes={"locale": "de-AT"})
    drawn = assign("member:1", salt="5a17", percent=25, rules=rules)
    nobody = assign(None, salt="s", percent=100)

    assert (ruled.arm, ruled.bucket) == (Arm.CANDIDATE, None)
    assert ruled.reason == "rule 2: locale begins with de"
    assert drawn.reason == "bucket 59.55 % ≥ 25 %"
    assert (nobody.arm, nobody.reason) == (Arm.BASELINE, "no key to keep it in one arm")


@pytest.mark.parametrize(
    ("rule", "attributes", "expected"),
    [
        (("locale", "eq", "de"), {"locale": "de"}, True),
        (("locale", "eq", "de"), {"locale": "DE"}, False),
        (("beta", "eq", True), {"beta": 1}, False),
        (("age", "eq", 1), {"age": True}, False),
        (("team", "in", ["hiring", "trust"]), {"team": "trust"}, True),
        (("team", "in", ["hiring", "trust"]), {"team": None}, False),
        (("member.country", "eq", "AT"), {"member": {"country": "AT"}}, True),
        (("member.country", "eq", "AT"), {"member": "AT"}, False),
        (("age", "gte", 18), {"age": 18}, True),
        (("age", "gte", 18), {"age": "18"}, False),
        (("age", "lte", 18), {"age": 18.5}, False),
        (("joined", "gte", "2026-01"), {"joined": "2026-03-01"}, True),
        (("age", "gte", 0), {"age": True}, False),
        (("beta", "exists", True), {"beta": False}, True),
        (("beta", "exists", False), {}, True),
        (("beta", "exists", False), {"beta": 0}, False),
        (("name", "prefix", "A"), {"name": ["A"]}, False),
    ],
)
def test_it_tests_attributes_by_value_and_type(rule, attributes, expected):
    attribute, op, value = rule

    assert Rule(attribute=attribute, op=op, value=value).matches(attributes) is expected


@pytest.mark.parametrize(
    "rule",
    [
        {"attribute": "a", "op": "in", "value": "x"},
        {"attribute": "a", "op": "in", "value": []},
        {"attribute": "a", "op": "eq", "value": ["x"]},
        {"attribute": "a", "op": "prefix", "value": ""},
        {"attribute": "a", "op": "gte", "value": True},
        {"attribute": "a", "op": "gte", "value": float("nan")},
        {"attribute": "a", "op": "exists", "value": "yes"},
        {"attribute": "a..b", "op": "exists"},
        {"attribute": "a", "op": "like", "value": "x"},
        {"attribute": "a", "op": "eq", "value": "x", "arm": "other"},
    ],
)
def test_it_refuses_a_rule_that_could_never_be_meant(rule):
    with pytest.raises(ValidationError):
        Rule(**rule)
