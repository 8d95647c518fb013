"""Hold a candidate against a job: a score with its reasons. Pure."""

from dataclasses import dataclass
from typing import Any

from skills.hiring.vocabulary import SENIORITIES

WEIGHTS = {"skills": 50, "seniority": 20, "industry": 15, "place": 15}


@dataclass(frozen=True, slots=True)
class Match:
    """How well somebody fits.

    Attributes:
        score: 0 to 100.
        parts: by part, points reached of ``WEIGHTS``.
        reasons: what speaks for it.
        gaps: what is missing or to be asked about.
    """

    score: int
    parts: dict[str, int]
    reasons: list[str]
    gaps: list[str]


def match(person: Any, job: Any) -> Match:
    """Score a candidate against a job; both have the attributes of the models."""
    reasons: list[str] = []
    gaps: list[str] = []
    known = [name for name in job.skills if name in person.skills]
    bonus = [name for name in job.nice_to_have if name in person.skills]
    missing = [name for name in job.skills if name not in person.skills]
    required = len(known) / len(job.skills) if job.skills else 1.0
    extra = len(bonus) / len(job.nice_to_have) if job.nice_to_have else 1.0
    parts = {"skills": round(WEIGHTS["skills"] * (0.85 * required + 0.15 * extra))}
    if known:
        reasons.append(f"knows {len(known)} of {len(job.skills)} required: {', '.join(known)}")
    if bonus:
        reasons.append(f"also brings {', '.join(bonus)}")
    if missing:
        gaps.append(f"does not list {', '.join(missing)}")

    apart = abs(SENIORITIES.index(person.seniority) - SENIORITIES.index(job.seniority))
    enough = person.years >= job.min_years
    parts["seniority"] = max(0, WEIGHTS["seniority"] - 8 * apart - (0 if enough else 6))
    (reasons if apart == 0 else gaps).append(
        f"{person.seniority} for a {job.seniority} job, {person.years} years"
    )
    if not enough:
        gaps.append(f"{person.years} years where {job.min_years} are asked for")

    in_industry = job.industry in person.industries
    parts["industry"] = WEIGHTS["industry"] if in_industry else 0
    if in_industry:
        at = [each["company"] for each in person.companies if each["industry"] == job.industry]
        reasons.append(f"has worked in {job.industry}" + (f" at {', '.join(at)}" if at else ""))
    else:
        gaps.append(f"no experience in {job.industry}")

    parts["place"] = _place(person, job, reasons, gaps)
    if person.salary_eur > job.salary_to_eur:
        gaps.append(f"expects {person.salary_eur:,} €, the range ends at {job.salary_to_eur:,} €")
    if person.companies and person.companies[0]["company"] == job.company:
        gaps.append(f"works at {job.company} already")
    if person.open_to_work:
        reasons.append("is open to offers")
    return Match(sum(parts.values()), parts, reasons, gaps)


def _place(person: Any, job: Any, reasons: list[str], gaps: list[str]) -> int:
    if person.city == job.city:
        reasons.append(f"lives in {job.city}")
        return WEIGHTS["place"]
    if job.remote:
        reasons.append("the job can be done remotely")
        return WEIGHTS["place"] - 3
    if person.country == job.country:
        gaps.append(f"lives in {person.city}, the job is in {job.city}")
        return 7
    gaps.append(f"lives in {person.city}, {person.country}; would have to move to {job.city}")
    return 0
