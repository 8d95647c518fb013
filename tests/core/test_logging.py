"""What goes wrong is logged with its place and its kind, and without what people have written."""

import io
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator

import psycopg
import pytest
import structlog
from django.apps import apps
from django.db import IntegrityError, OperationalError, connection, transaction
from jinja2 import Environment
from pydantic import BaseModel

from playground.core.logging import OWN
from playground.core.quoting import named_in, told
from playground.policy.models import User
from playground.prompts.models import Prompt
from tests.managing import ROOT
from tests.services import Services

WORDS = "zanzibar quagga"
log = logging.getLogger(__name__)


class Long:
    def __repr__(self) -> str:
        return f"a\n{WORDS}"


class Counted(BaseModel):
    count: int
    size: int


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Return what is written to the log, as it is written there."""
    written = io.StringIO()
    formatters = (handler.formatter for handler in logging.getLogger().handlers)
    handler = logging.StreamHandler(written)
    handler.setFormatter(
        next(one for one in formatters if isinstance(one, structlog.stdlib.ProcessorFormatter))
    )
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


def store(alice: User) -> None:
    team = alice.memberships.get().team
    Prompt.objects.create(team=team, name="x", title=f"{WORDS}\nDETAIL", kind=None)


def refuse(_alice: User) -> None:
    Counted.model_validate({"count": f"a\n, input_type={WORDS}", "size": WORDS})


def refuse_a_thing(_alice: User) -> None:
    Counted.model_validate({"count": Long(), "size": 1})


def wrap(alice: User) -> None:
    try:
        store(alice)
    except IntegrityError as error:
        raise RuntimeError("it was not kept") from error


def group(alice: User) -> None:
    try:
        store(alice)
    except IntegrityError as error:
        raise ExceptionGroup("several", [error]) from None


def cast(_alice: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::text::integer", [WORDS.partition(" ")[2]])


def look_up(_alice: User) -> None:
    {"a": 1}[WORDS]


def read(_alice: User) -> None:
    int(WORDS)


def compile_one(_alice: User) -> None:
    Environment().from_string(f"{{{{ {WORDS} }}}}")


@pytest.mark.parametrize(
    ("fail", "said"),
    [
        (store, "IntegrityError: SQLSTATE 23502, table prompts_prompt, column kind"),
        (cast, "DataError: SQLSTATE 22P02"),
        (look_up, "KeyError"),
        (read, "ValueError"),
        (compile_one, "TemplateSyntaxError"),
        (refuse, "Input should be a valid integer"),
        (refuse_a_thing, "Input should be a valid integer"),
        (wrap, "it was not kept"),
        (group, "several"),
    ],
)
def test_it_keeps_values_out_of_the_log_when_an_error_repeats_them(
    alice: User, lines: io.StringIO, fail: Callable[[User], None], said: str
) -> None:
    try:
        with transaction.atomic():
            fail(alice)
    except Exception as error:
        log.exception("it failed")
        known = (type(error), error, error.__traceback__)
        assert not any(word in told(known) for word in WORDS.split())

    log.error("it failed: %r, %s", known[1], known[1], exc_info=known[1])

    assert "it failed" in lines.getvalue()
    assert said in lines.getvalue()
    assert "test_logging.py" in lines.getvalue()
    assert not any(word in lines.getvalue() for word in WORDS.split())


def test_it_leaves_ids_whole_where_an_error_says_little() -> None:
    error = KeyError(0)

    assert named_in(f"task 80-0f failed: {error!r}", error) == "task 80-0f failed: KeyError"


def test_it_says_where_the_database_cannot_be_reached() -> None:
    try:
        try:
            psycopg.connect("host=127.0.0.1 port=1 user=a dbname=b", connect_timeout=2)
        except psycopg.Error as error:
            raise OperationalError(*error.args) from error
    except OperationalError as error:
        said = told((type(error), error, error.__traceback__))

    assert said.count("port 1 failed") == 2


def test_it_knows_every_room_that_is_its_own() -> None:
    named = {config.name.partition(".")[0] for config in apps.get_app_configs()}

    rooms = {name for name in named if (ROOT / name).is_dir()}

    assert rooms == set(OWN)


def test_it_hears_its_own_rooms_alone_when_it_is_set_to_debug() -> None:
    names = ("playground.prompts", "skills", "django.template", "openai._base_client")
    asked = (
        "import logging; from playground.core.logging import configure; "
        "configure(level='DEBUG', form='json'); "
        f"print([logging.getLogger(name).isEnabledFor(logging.DEBUG) for name in {names!r}])"
    )

    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=60)

    assert done.stdout.strip() == "[True, True, False, False]", done.stderr


def test_it_keeps_statements_out_of_the_databases_log_when_they_fail(
    alice: User, embedded_services: Services
) -> None:
    with pytest.raises(IntegrityError, match="zanzibar"), transaction.atomic():
        store(alice)

    kept = (embedded_services.places.logs / "postgres.log").read_text(errors="replace")
    assert 'null value in column "kind"' in kept
    assert "zanzibar" not in kept
