"""What a ramp would do, said before it does anything."""

import pytest

from playground.prompts.ramps.bucketing import Arm, Rule
from playground.prompts.ramps.simulating import Someone, Stage, crowd, simulate

STAGES = [Stage(10, 60, 100), Stage(50, 30, 100), Stage(100)]


def test_it_says_who_gets_what_in_each_stage():
    simulation = simulate(STAGES, salt="s", rules=[], units=crowd("member"), calls_per_hour=600)

    assert len(simulation.placed) == 1_000
    assert [each.candidates for each in simulation.stages][2] == 1_000
    assert simulation.stages[0].candidates == pytest.approx(100, abs=40)
    for placed in simulation.placed:
        arms = [each.arm for each in placed.assignments]
        assert arms == sorted(arms), "nobody comes back"


def test_it_expects_the_smaller_arm_to_fill_last():
    simulation = simulate(STAGES, salt="s", rules=[], units=crowd("member"), calls_per_hour=600)

    # 600 an hour are 10 a minute: one a minute for a tenth, five for a half.
    assert [each.minutes for each in simulation.stages] == [100, 30, 0]
    assert simulation.minutes == 130


def test_it_expects_no_end_when_nobody_calls():
    simulation = simulate(STAGES, salt="s", rules=[], units=crowd("thread"), calls_per_hour=0)

    assert simulation.minutes is None
    assert simulation.stages[2].minutes == 0


def test_it_does_not_count_on_those_whom_rules_pick():
    rules = [Rule(attribute="locale", op="prefix", value="de")]
    people = [Someone(f"member:{n}", {"locale": "de-DE" if n % 2 else "en"}) for n in range(1_000)]

    simulation = simulate(STAGES[:1], salt="s", rules=rules, units=people, calls_per_hour=600)

    assert simulation.stages[0].minutes == 200
    assert simulation.placed[1].assignments[0].arm is Arm.CANDIDATE
    assert simulation.placed[1].assignments[0].reason == "rule 1: locale begins with de"
