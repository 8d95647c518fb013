"""People are shown by their names, and nobody else is."""

from playground.policy.models import User
from playground.policy.people import names_of


def test_it_takes_no_agent_for_the_person_of_its_name(alice: User) -> None:
    named = names_of(["user:alice", "agent:alice", "user:gone", "system:ramp-guard"])

    assert named == {
        "user:alice": "Alice",
        "agent:alice": "alice",
        "user:gone": "gone",
        "system:ramp-guard": "ramp-guard",
    }
