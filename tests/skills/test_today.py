import datetime as dt

import pytest

from playground.core.context import RequestContext
from playground.core.errors import ModelRetry
from skills.builtin.today import Place, today
from skills.declaring import SkillContext

CONTEXT = SkillContext(request=RequestContext(subject="user:alice", team="hiring"))


def test_it_tells_date_and_weekday_when_asked() -> None:
    told = today(Place(), CONTEXT)

    assert abs((dt.date.fromisoformat(told.date) - dt.datetime.now(dt.UTC).date()).days) <= 1
    assert told.weekday in told.summary


@pytest.mark.parametrize("zone", ["Nowhere", "../etc/passwd", "/etc/passwd", ""])
def test_it_says_so_when_there_is_no_such_zone(zone: str) -> None:
    with pytest.raises(ModelRetry, match="zone-unknown"):
        today(Place(time_zone=zone), CONTEXT)
