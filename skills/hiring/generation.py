"""Make up the sample's candidates and jobs: always the same ones. Pure."""

import random
from dataclasses import asdict, dataclass
from typing import Any

from skills.hiring import telling
from skills.hiring import vocabulary as words

SEED = 20_260
CANDIDATES = 2000
JOBS = 50


@dataclass(frozen=True, slots=True)
class CandidateDraft:
    """A made-up person; ``salary_eur`` is what they expect a year."""

    id: int
    name: str
    headline: str
    field: str
    seniority: str
    years: int
    city: str
    country: str
    skills: list[str]
    industries: list[str]
    companies: list[dict[str, Any]]
    languages: list[str]
    open_to_work: bool
    remote: bool
    salary_eur: int
    notice_weeks: int
    summary: str

    def as_row(self) -> dict[str, Any]:
        """Return the columns."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class JobDraft:
    """A made-up opening; salaries are euros a year."""

    id: int
    title: str
    company: str
    field: str
    seniority: str
    min_years: int
    city: str
    country: str
    skills: list[str]
    nice_to_have: list[str]
    industry: str
    remote: bool
    salary_from_eur: int
    salary_to_eur: int
    description: str

    def as_row(self) -> dict[str, Any]:
        """Return the columns."""
        return asdict(self)


def candidates() -> list[CandidateDraft]:
    """Return the 2,000 candidates."""
    dice = random.Random(SEED)
    taken: set[str] = set()
    return [_candidate(dice, number, taken) for number in range(1, CANDIDATES + 1)]


def jobs() -> list[JobDraft]:
    """Return the 50 jobs."""
    dice = random.Random(SEED + 1)
    return [_job(dice, number) for number in range(1, JOBS + 1)]


def _candidate(dice: random.Random, number: int, taken: set[str]) -> CandidateDraft:
    city = _weighted(dice, {name: place[1] for name, place in words.PLACES.items()})
    country, _, cost, pools, language = words.PLACES[city]
    field = _weighted(dice, {name: row[1] for name, row in words.FIELDS.items()})
    job_title, _, core, around = words.FIELDS[field]
    seniority = dice.choices(words.SENIORITIES, (14, 28, 36, 10, 12))[0]
    years = dice.randint(*words.YEARS[seniority])
    # Seven of ten know the whole core, the others all but its last part.
    known = list(core if dice.random() < 0.7 else core[:-1])
    known += _sample(dice, around, dice.randint(2, min(5, len(around))))
    industries = _industries(dice, 1 if seniority in ("junior", "mid") else dice.randint(1, 3))
    companies = _companies(dice, industries, years, job_title, seniority)
    languages = list(dict.fromkeys([language, "English"]))
    if dice.random() < 0.3:
        extra = dice.choice(("French", "Spanish", "German", "Russian", "Italian", "Arabic"))
        languages = list(dict.fromkeys([*languages, extra]))
    title = telling.title(seniority, job_title)
    return CandidateDraft(
        id=number,
        name=_name(dice, pools, taken),
        headline=telling.headline(dice, title, known, industries, companies),
        field=field,
        seniority=seniority,
        years=years,
        city=city,
        country=country,
        skills=known,
        industries=industries,
        companies=companies,
        languages=languages,
        open_to_work=dice.random() < 0.45,
        remote=dice.random() < 0.4,
        salary_eur=_salary(dice, seniority, cost),
        notice_weeks=dice.choice((0, 2, 4, 4, 8, 12, 12)),
        summary=telling.summary(dice, job_title, seniority, years, known, companies),
    )


def _job(dice: random.Random, number: int) -> JobDraft:
    names = list(words.FIELDS)
    # Every field is wanted somewhere; the big fields are wanted more often.
    field = (
        names[number - 1]
        if number <= len(names)
        else _weighted(dice, {name: row[1] for name, row in words.FIELDS.items()})
    )
    job_title, _, core, around = words.FIELDS[field]
    cities = list(words.PLACES)
    city = "Berlin" if number in (1, 20) else dice.choice(cities[:18])
    country, _, cost, _, _ = words.PLACES[city]
    industry = "fintech" if number == 1 else dice.choice(list(words.INDUSTRIES))
    companies, works = words.INDUSTRIES[industry]
    seniority = "senior" if number == 1 else dice.choices(words.SENIORITIES, (8, 25, 42, 12, 13))[0]
    wanted = list(core)
    nice = _sample(dice, around, 3)
    low = _salary(dice, seniority, cost)
    company = dice.choice(companies)
    return JobDraft(
        id=number,
        title=telling.title(seniority, job_title),
        company=company,
        field=field,
        seniority=seniority,
        min_years=words.YEARS[seniority][0],
        city=city,
        country=country,
        skills=wanted,
        nice_to_have=nice,
        industry=industry,
        remote=dice.random() < 0.5,
        salary_from_eur=low,
        salary_to_eur=low + 1000 * dice.randint(8, 22),
        description=telling.opening(
            dice, company, job_title, industry, dice.choice(works), wanted, nice, city
        ),
    )


def _industries(dice: random.Random, count: int) -> list[str]:
    names = list(words.INDUSTRIES)
    found: list[str] = []
    while len(found) < count:
        name = dice.choices(names, words.INDUSTRY_WEIGHTS)[0]
        if name not in found:
            found.append(name)
    return found


def _companies(
    dice: random.Random, industries: list[str], years: int, job_title: str, seniority: str
) -> list[dict[str, Any]]:
    end, left, rows = 2026, max(1, years), []
    for position, industry in enumerate(industries):
        last = position == len(industries) - 1
        spent = left if last else max(1, min(left - 1, dice.randint(1, max(1, left - 1))))
        held, works = words.INDUSTRIES[industry]
        rows.append(
            {
                "company": dice.choice(held),
                "industry": industry,
                "title": telling.title(seniority if position == 0 else "mid", job_title),
                "from": end - spent,
                "to": None if position == 0 else end,
                "work": dice.choice(works),
            }
        )
        end, left = end - spent, left - spent
        if left <= 0:
            break
    return rows


def _name(dice: random.Random, pools: tuple[str, ...], taken: set[str]) -> str:
    while True:
        at_home = dice.random() < 0.72
        pool = dice.choice(pools) if at_home else dice.choice(list(words.NAMES))
        given, family = words.NAMES[pool]
        name = f"{dice.choice(given)} {dice.choice(family)}"
        if name in taken:
            continue
        taken.add(name)
        return name


def _salary(dice: random.Random, seniority: str, cost: float) -> int:
    return round(words.BASE_SALARY[seniority] * cost * dice.uniform(0.9, 1.18)) * 1000


def _weighted(dice: random.Random, weights: dict[str, int]) -> str:
    return dice.choices(list(weights), list(weights.values()))[0]


def _sample(dice: random.Random, choices: tuple[str, ...], count: int) -> list[str]:
    return dice.sample(choices, count)
