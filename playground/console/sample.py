"""The sample workspace: teams, personas, candidates and jobs, prompts, two agents to talk to."""

from dataclasses import dataclass

from django.db import transaction

from agents.building import save_agent
from agents.models import Agent
from agents.specifying import AgentSpec
from playground.console.sample_prompts import load_prompts
from playground.policy.models import Role, Team, User
from playground.policy.people import ensure_member, ensure_owner
from skills.hiring import loading

TEAMS = (
    ("hiring", "Hiring", "#0f766e"),
    ("trust", "Trust", "#b45309"),
    ("platform", "Platform", "#4f46e5"),
)


@dataclass(frozen=True, slots=True)
class Persona:
    """Somebody of the sample who can sign in by a login link."""

    username: str
    display_name: str
    team: str
    role: Role


PERSONAS = (
    Persona("rita", "Rita Recruiter", "hiring", Role.DEVELOPER),
    Persona("hugo", "Hugo Hiring-Manager", "hiring", Role.REVIEWER),
    Persona("mina", "Mina Member", "hiring", Role.VIEWER),
    Persona("otto", "Otto Outsider", "trust", Role.DEVELOPER),
)

_ASSISTANT = """\
You are {{ agent.title }}, who helps the {{ team }} team to find and contact people.
You work for {{ user.name }}. Today is {{ today }}.

How you work
- Find people with the candidate search before you say anything about them. Put the place, the
  seniority, the tools and the industry into the search's own fields.
- Read the profile of whoever you recommend, and say in one sentence why it is them.
- Draft a message only to somebody whose profile you have read. You never send anything: say that
  it is a draft.
- Name people with their id, such as Jane Doe (candidate 12). Invent nobody and no fact; where the
  tools know nothing, say so.
- Answer in the language of the request, short, with a list where there are several people.
"""

_SCOUT = """\
You are {{ agent.title }}. You help {{ user.name }} of the {{ team }} team to see which openings
there are and who would fit them. Today is {{ today }}.

- Look up jobs before you speak of them, and name each with its id, place and salary range.
- Asked whether somebody fits, score them against the job and give the reasons and the gaps alike.
- You do not write to anybody. For a message, point to the Hiring Assistant.
"""

AGENTS = (
    AgentSpec(
        name="hiring-assistant",
        title="Hiring Assistant",
        description="Finds candidates, reads profiles, matches them to jobs, drafts messages.",
        prompt=_ASSISTANT,
        skills=(
            "hiring.search_candidates",
            "hiring.candidate_profile",
            "hiring.search_jobs",
            "hiring.match_to_job",
            "hiring.draft_outreach",
        ),
        planning=True,
        suggested=(
            "Find senior Python engineers in Berlin who know fintech "
            "and draft an outreach to the best one",
            "Which product designers in Lisbon have worked in healthtech?",
            "Show me the profile of candidate 42",
        ),
        note="Sample",
    ),
    AgentSpec(
        name="job-scout",
        title="Job Scout",
        description="Knows the openings and who fits them.",
        prompt=_SCOUT,
        skills=("hiring.search_jobs", "hiring.match_to_job", "hiring.candidate_profile"),
        step_limit=10,
        suggested=(
            "Which data engineering jobs are open?",
            "How well does candidate 42 fit job 1?",
            "Find remote jobs for senior engineers",
        ),
        note="Sample",
    ),
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the workspace holds of the sample, and which agents and prompts were made just now."""

    candidates: int
    jobs: int
    agents_made: tuple[str, ...]
    prompts_made: tuple[str, ...]


def load() -> Loaded:
    """Load what is missing of the sample. What somebody has changed stays as it is."""
    with transaction.atomic():
        for slug, name, color in TEAMS:
            Team.objects.get_or_create(slug=slug, defaults={"name": name, "color": color})
        for persona in PERSONAS:
            User.objects.get_or_create(
                username=persona.username, defaults={"display_name": persona.display_name}
            )
            ensure_member(persona.username, team=persona.team, role=persona.role)
        owner = ensure_owner()
    candidates, jobs = loading.load(team="hiring")
    prompts_made = load_prompts(owner)
    context = owner.context(team="hiring")
    made = []
    for spec in AGENTS:
        if not Agent.objects.filter(team__slug=context.team, name=spec.name).exists():
            save_agent(context, spec)
            made.append(spec.name)
    return Loaded(candidates, jobs, tuple(made), prompts_made)
