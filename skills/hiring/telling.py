"""Write the sample's sentences: headlines, summaries and openings that do not all sound alike."""

import random
from collections.abc import Sequence
from typing import Any

_TITLES = {"junior": "Junior {}", "mid": "{}", "senior": "Senior {}", "staff": "Staff {}",
           "lead": "Lead {}"}  # fmt: skip
_NOT_CODE = frozenset(
    ("Figma", "User Research", "Design Systems", "Product Strategy", "Discovery", "Roadmapping")
)
_HABITS = (
    "Writes things down before building them",
    "Happiest in a small team that ships every day",
    "Mentors two or three colleagues at any time",
    "Prefers boring technology and short feedback loops",
    "Speaks at local meetups now and then",
    "Keeps a sharp eye on latency and cost",
    "Has been on call long enough to design for three in the morning",
    "Likes to sit next to the people who use the product",
    "Maintains a small open-source library on the side",
    "Came to the field from physics and still measures first",
    "Cares about tests that tell a story",
    "Known for calm code reviews",
)
_WISHES = (
    "Looking for a product with real users and room to shape it",
    "Open to a step towards leading a team",
    "Would move for the right problem, not for the title",
    "Wants to stay hands-on",
    "Hopes to work four days a week",
    "Curious about early-stage companies",
    "Seeks a place with strong engineering habits",
    "Not in a hurry to leave, but always up for a conversation",
)


def title(seniority: str, job_title: str) -> str:
    """Write a job title with its rank."""
    return _TITLES[seniority].format(job_title)


def headline(
    dice: random.Random,
    held: str,
    known: Sequence[str],
    industries: Sequence[str],
    companies: Sequence[dict[str, Any]],
) -> str:
    """Write the line under a name."""
    now = companies[0]
    forms = (
        f"{held} at {now['company']} · {industries[0]}",
        f"{held} · {known[0]}, {known[1]} · {industries[0]}",
        f"{held} working on {now['work']} at {now['company']}",
        f"{held}, {industries[0]}, {known[-1]}",
        f"{held} | {now['work']} | {known[0]}",
    )
    return dice.choice(forms)


def summary(
    dice: random.Random,
    job_title: str,
    seniority: str,
    years: int,
    known: Sequence[str],
    companies: Sequence[dict[str, Any]],
) -> str:
    """Write three or four sentences about a person."""
    now, role = companies[0], job_title.lower() if job_title[0] not in "JGP" else job_title
    span = "in the first year" if years < 1 else f"with {years} year{'s' * (years != 1)}"
    tools = ", ".join(known[1:4])
    first = dice.choice(
        (
            f"Builds {now['work']} at {now['company']}, mostly in {known[0]} with {tools}.",
            f"{_article(role)} {role} {span} of experience, "
            f"now responsible for {now['work']} at {now['company']}.",
            f"Since {now['from']} at {now['company']}, a company in {now['industry']}, "
            f"working on {now['work']}.",
            f"Spends most days on {now['work']} for {now['company']}; "
            f"{known[0]} and {known[1]} are the daily tools.",
            f"Joined {now['company']} to work on {now['work']} and stayed for the team.",
        )
    )
    sentences = [first, _achievement(dice, seniority, now, known)]
    if len(companies) > 1:
        old = companies[1]
        sentences.append(
            dice.choice(
                (
                    f"Before that, {old['work']} at {old['company']} ({old['industry']}).",
                    f"Earlier stop: {old['company']}, where the topic was {old['work']}.",
                    f"Learned {old['industry']} from the inside at {old['company']}.",
                )
            )
        )
    sentences.append(dice.choice(_HABITS if dice.random() < 0.6 else _WISHES) + ".")
    if dice.random() < 0.25:
        sentences.append(f"Also at home with {known[-1]}.")
    return " ".join(sentences)


def _achievement(
    dice: random.Random, seniority: str, now: dict[str, Any], known: Sequence[str]
) -> str:
    percent, people = dice.randrange(15, 75, 5), dice.randint(3, 12)
    forms: tuple[str, ...]
    if seniority == "junior":
        forms = (
            f"Shipped a first feature with {known[0]} in the second week and has not stopped since.",  # noqa: E501
            "Rewrote the onboarding guide so that the next newcomer needed half the time.",
            f"Picked up {known[-1]} within a quarter.",
        )
    elif seniority == "lead":
        forms = (
            f"Leads {people} people and still reviews every design.",
            f"Grew the team from {max(2, people // 3)} to {people} and kept everybody.",
            f"Runs the group behind {now['work']}: roadmap, hiring, and the difficult trade-offs.",
        )
    elif known[0] in _NOT_CODE:
        forms = (
            f"Took {now['work']} from first interviews to {dice.randint(2, 90) * 10},000 users.",
            f"Raised completion by {percent} % after {people * 4} interviews with real users.",
            "Killed three features nobody missed, and wrote down why.",
            f"Brought {people} colleagues together around one measure and moved it by {percent} %.",
            f"Teaches {known[-1]} to the rest of the company.",
        )
    else:
        forms = (
            f"Cut the costs of {now['work']} by {percent} % with a move to {known[-1]}.",
            f"Took {now['work']} from prototype to {dice.randint(2, 90) * 10},000 users.",
            f"Brought incidents down by {percent} % in a year by making failures visible.",
            "Led the step from a monolith to services without a day of downtime.",
            f"Designed the part that everybody else now builds on, in {known[0]} and {known[-1]}.",
            "Halved the time from commit to production.",
        )
    return dice.choice(forms)


def opening(
    dice: random.Random,
    company: str,
    job_title: str,
    industry: str,
    work: str,
    wanted: Sequence[str],
    nice: Sequence[str],
    city: str,
) -> str:
    """Write the text of a job."""
    role = job_title.lower() if job_title[0] not in "JGP" else job_title
    first = dice.choice(
        (
            f"{company} is a company in {industry}; you would own {work} from design to operation.",
            f"The team behind {work} at {company} ({industry}) is looking for {_article(role).lower()} "  # noqa: E501
            f"{role} in {city}.",
            f"At {company} we rebuild {work}, and we want {_article(role).lower()} {role} who has "
            f"seen {industry} before.",
        )
    )
    last = dice.choice(
        (
            "You decide with the people who use what you build.",
            "We pair, we write short design notes, and we ship daily.",
            "Two rounds of talks, one paid working day, an answer within a week.",
        )
    )
    return f"{first} Your tools are {', '.join(wanted)}; {nice[0]} or {nice[1]} would help. {last}"


def _article(role: str) -> str:
    return "An" if role[0].lower() in "aeiou" else "A"
