"""What is known about a candidate for a first message, and the message once it is written. Pure.

The words are a prompt, ``outreach``, that people edit and ramp; see ``wording``.
"""

from dataclasses import dataclass
from typing import Any, Literal

from playground.core.errors import PlaygroundError

Tone = Literal["warm", "formal", "brief"]
_SUBJECT = "Subject: "
MAX_SUBJECT = 200


@dataclass(frozen=True, slots=True)
class Facts:
    """Variables of the prompt, and the same facts in words, so that a reader can check them."""

    variables: dict[str, Any]
    used: list[str]


def works_there(person: Any, job: Any) -> bool:
    """Return whether the job is at the candidate's present employer."""
    return any(each["to"] is None and each["company"] == job.company for each in person.companies)


def facts(
    person: Any, job: Any | None, *, tone: Tone, sender: str, industry: str | None = None
) -> Facts:
    """Gather what a message to a candidate rests on.

    It leans on their latest work in ``industry``, else on what they do now.
    """
    stations = person.companies
    praised = next((each for each in stations if each["industry"] == industry), stations[0])
    shared = [name for name in job.skills if name in person.skills] if job else []
    named = list(dict.fromkeys([*shared, *person.skills]))[:3]
    before = next((each for each in stations if each is not praised), None)
    variables: dict[str, Any] = {
        "candidate": {
            "name": person.name,
            "given": person.name.split()[0],
            "years": person.years,
            "city": person.city,
            "industries": list(person.industries),
            "named": named,
        },
        "praised": _station(praised),
        "tone": tone,
        "sender": sender,
    }
    used = [
        *(_fact(each) for each in (praised, before) if each),
        f"knows {_listed(named)}",
        f"{person.years} years of experience, based in {person.city}",
    ]
    if before:
        variables["before"] = _station(before)
    if job:
        variables["job"] = {
            "title": job.title,
            "company": job.company,
            "city": job.city,
            "remote": job.remote,
            "industry": job.industry,
            "skills": list(job.skills),
            "salary_from_eur": job.salary_from_eur,
            "salary_to_eur": job.salary_to_eur,
        }
        used.append(f"job {job.id}: {job.title} at {job.company}, {job.city}")
    return Facts(variables, used)


def read(text: str) -> tuple[str, str]:
    """Return subject and body of a written message: its first line, and what follows.

    Raises:
        PlaygroundError: ``hiring.letter-unreadable``, it does not begin with a subject.
    """
    first, _, rest = text.strip().partition("\n")
    subject, body = first.removeprefix(_SUBJECT).strip(), rest.strip()
    if not first.startswith(_SUBJECT) or not 0 < len(subject) <= MAX_SUBJECT or not body:
        raise PlaygroundError(
            "hiring.letter-unreadable",
            f"The prompt must begin with a line “{_SUBJECT}…” and go on with the letter.",
        )
    return subject, body


def _station(station: dict[str, Any]) -> dict[str, Any]:
    kept = {name: station[name] for name in ("work", "company", "industry")}
    return {**kept, "now": station["to"] is None}


def _fact(station: dict[str, Any]) -> str:
    what = f"{station['work']} at {station['company']} ({station['industry']})"
    if station["to"] is None:
        return f"works on {what} since {station['from']}"
    return f"worked on {what} until {station['to']}"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
