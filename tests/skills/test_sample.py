import time

from agents.models import Agent, AgentVersion
from playground.console import sample
from playground.policy.models import Membership, Team
from skills.hiring.models import Candidate, Job


def test_it_loads_everything_once_when_loaded_twice(db: None) -> None:
    started = time.monotonic()
    first = sample.load()
    took_s = time.monotonic() - started
    second = sample.load()

    assert (first.candidates, first.jobs) == (2000, 50)
    assert first.agents_made == ("hiring-assistant", "job-scout")
    assert second.agents_made == ()
    assert (Candidate.objects.count(), Job.objects.count()) == (2000, 50)
    assert AgentVersion.objects.count() == Agent.objects.count() == 2
    assert set(Team.objects.values_list("slug", flat=True)) >= {"hiring", "trust", "platform"}
    assert Membership.objects.filter(user__username="admin", role="admin").count() >= 3
    assert took_s < 30
