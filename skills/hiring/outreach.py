"""Write a first message to a candidate from what is known about them. Pure; nothing is sent."""

from dataclasses import dataclass
from typing import Any, Literal

Tone = Literal["warm", "formal", "brief"]
# From here on it is no flattery to say that somebody knows an industry.
SEASONED_YEARS = 5


@dataclass(frozen=True, slots=True)
class Draft:
    """A message for a person to read, change and send."""

    subject: str
    body: str
    used: list[str]


def works_there(person: Any, job: Any) -> bool:
    """Return whether the job is at the candidate's present employer."""
    return any(each["to"] is None and each["company"] == job.company for each in person.companies)


def draft(
    person: Any, job: Any | None, *, tone: Tone, sender: str, industry: str | None = None
) -> Draft:
    """Write to a candidate about a job, or about the kind of work they do where there is none.

    The text leans on their latest work in ``industry``, else on what they do now. ``used`` lists
    the facts that it rests on, so that its reader can check them.
    """
    given = person.name.split()[0]
    stations = person.companies
    praised = next((each for each in stations if each["industry"] == industry), stations[0])
    shared = [name for name in job.skills if name in person.skills] if job else []
    named = _listed(list(dict.fromkeys([*shared, *person.skills]))[:3])
    other = next((each for each in stations if each is not praised), None)
    used = [
        *(_fact(each) for each in (praised, other) if each),
        f"knows {named}",
        f"{person.years} years of experience, based in {person.city}",
    ]
    about = _about(person, job)
    if job:
        used.append(f"job {job.id}: {job.title} at {job.company}, {job.city}")
    greeting, opening, closing, farewell = _manner(tone, person, given, praised)
    bridge = _bridge(person, job, named, praised, other)
    paragraphs = [opening, bridge, about, closing]
    if tone == "brief":
        paragraphs = [opening, f"{about} {closing}"]
    body = "\n\n".join([greeting, *paragraphs, f"{farewell}\n{sender}"])
    return Draft(_subject(job, praised, tone), body, used)


def _subject(job: Any | None, praised: dict[str, Any], tone: Tone) -> str:
    if job is None:
        return f"Your work on {praised['work']} at {praised['company']}"
    if tone == "formal":
        return f"{job.title} at {job.company}, {job.city}"
    return f"From {praised['work']} at {praised['company']} to {job.company}?"


def _manner(
    tone: Tone, person: Any, given: str, praised: dict[str, Any]
) -> tuple[str, str, str, str]:
    if tone == "formal":
        return (
            f"Dear {person.name},",
            f"I am writing because of your work on {praised['work']} at {praised['company']}.",
            "If this is of interest to you, I would be glad to arrange a call of 30 minutes at a "
            "time that suits you, and to send the full description beforehand.",
            "Kind regards,",
        )
    if tone == "brief":
        return (
            f"Hi {given},",
            f"Your work on {praised['work']} at {praised['company']} caught my eye.",
            "Would 15 minutes this week suit you?",
            "Best,",
        )
    return (
        f"Hi {given},",
        f"I came across your profile, and your work on {praised['work']} at {praised['company']} "
        "made me stop.",
        "Would you be up for a relaxed 20-minute call this week or next? If the timing is wrong, "
        "just tell me and I will not chase you.",
        "Best wishes,",
    )


def _fact(station: dict[str, Any]) -> str:
    what = f"{station['work']} at {station['company']} ({station['industry']})"
    if station["to"] is None:
        return f"works on {what} since {station['from']}"
    return f"worked on {what} until {station['to']}"


def _bridge(
    person: Any,
    job: Any | None,
    named: str,
    praised: dict[str, Any],
    other: dict[str, Any] | None,
) -> str:
    years = "your first year" if person.years < 1 else f"{person.years} years"
    besides = ""
    if other and other["company"] != praised["company"]:
        what = f"{other['work']} at {other['company']}"
        worked = (
            f"you work on {what} now" if other["to"] is None else f"you worked on {what} before"
        )
        besides = f", and that {worked}"
    stood_out = f"What stood out to me: {years} of experience with {named}{besides}."
    if job and job.industry in person.industries and person.years >= SEASONED_YEARS:
        return f"{stood_out} You would not need anybody to explain {job.industry} to you."
    return stood_out


def _about(person: Any, job: Any | None) -> str:
    if job is None:
        return (
            "There is no particular opening behind this yet. My team likes to know people who do "
            "what you do, and I would enjoy a conversation, whether or not you are looking."
        )
    where = f"in {job.city}" + (" or remotely" if job.remote else "")
    here = " As you live there already, nobody would have to move." * (person.city == job.city)
    span = f"{job.salary_from_eur // 1000}–{job.salary_to_eur // 1000}k €"
    return (
        f"{job.company} is looking for a {job.title} {where}, with {_listed(job.skills[:3])} "
        f"at the centre and a range of {span}.{here}"
    )


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
