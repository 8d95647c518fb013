"""The date, which a model cannot know."""

from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from playground.core.clock import now
from playground.core.errors import ModelRetry
from skills.declaring import SkillArgs, SkillContext, skill


class Place(SkillArgs):
    time_zone: str = Field(
        default="UTC",
        max_length=64,
        description="IANA time zone, such as `Europe/Berlin`. Without one, UTC.",
    )


class Today(BaseModel):
    date: str
    time: str
    weekday: str
    iso_week: int
    time_zone: str
    summary: str


@skill(
    "time.today",
    title="Tell the date",
    description="Tell today's date, weekday, calendar week and the current time in a time zone.",
    tags=("time", "calendar"),
    timeout_s=2,
)
def today(args: Place, context: SkillContext) -> Today:
    try:
        zone = ZoneInfo(args.time_zone)
    except (ValueError, OSError, KeyError):
        raise ModelRetry(
            "time.zone-unknown", f"There is no time zone {args.time_zone!r}.", retryable=False
        ) from None
    moment = now().astimezone(zone)
    return Today(
        date=moment.date().isoformat(),
        time=f"{moment:%H:%M}",
        weekday=f"{moment:%A}",
        iso_week=moment.isocalendar().week,
        time_zone=args.time_zone,
        summary=f"{moment:%A, %Y-%m-%d, %H:%M} {args.time_zone}",
    )
