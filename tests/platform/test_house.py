"""The house keeps its rules: documented settings, checks that fire, edges that stay at the edge."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from pytest_django import Settings

from playground import checks

ROOT = Path(__file__).parents[2]
ROOMS = ("playground", "skills", "agents")
# Where a room meets the outside: what is not listed is an activity.
EDGES = {
    "requests",
    "views",
    "api",
    "consumers",
    "tasks",
    "admin",
    "urls",
    "asgi",
    "beat",
    "celery",
    "middleware",
    "health",
    "problems",
    "apps",
}


def _modules() -> list[Path]:
    return [
        path
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        if not {"migrations", "management", "templatetags"} & set(path.parts)
    ]


def test_it_documents_every_variable_that_the_settings_read() -> None:
    source = (ROOT / "playground/settings.py").read_text()
    read = set(re.findall(r'environment\.\w+\(\s*"([A-Z_]+)"', source))

    documented = set(
        re.findall(r"^\| `([A-Z_]+)`", (ROOT / "docs/configuration.md").read_text(), re.MULTILINE)
    )

    assert len(read) > 15
    assert documented == read


def test_it_reads_the_environment_in_the_settings_alone() -> None:
    # What the embedded services pass on to their processes, and variables that are OpenTelemetry's.
    allowed = {
        "playground/core/environment.py",
        "playground/core/embedded/postgres.py",
        "playground/core/embedded/valkey.py",
        "playground/supervisor.py",
        "playground/tracing/checks.py",
    }
    readers = {
        str(path.relative_to(ROOT))
        for path in _modules()
        if re.search(r"os\.environ(?!\.setdefault)|os\.getenv", path.read_text())
    }

    assert readers <= allowed


# Doors by their own names: who comes in, what the page may load, the frame around every page.
DOORS = {
    "playground/policy/administering.py",
    "playground/policy/authentication.py",
    "playground/policy/csp.py",
    "playground/console/shell.py",
}


def test_it_keeps_http_at_the_edges() -> None:
    strays = []
    for path in _modules():
        name = str(path.relative_to(ROOT))
        if path.stem.rpartition("_")[2] in EDGES or name in DOORS:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            module = getattr(node, "module", None) if isinstance(node, ast.ImportFrom) else None
            if module and (module == "django.http" or module.startswith("django.http.response")):
                strays.append(name)

    assert strays == []


@pytest.mark.django_db
def test_it_has_a_migration_for_every_model() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_it_sends_every_model_to_exactly_one_silo() -> None:
    from playground.core.silos import SiloRouter

    router = SiloRouter()
    for model in apps.get_models():
        label = model._meta.app_label
        homes = [
            alias
            for alias in ("default", "memory", "client_data")
            if router.allow_migrate(alias, label)
        ]

        assert homes == [router.db_for_read(model)] == [router.db_for_write(model)]


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"OPENAI_BASE_URL": "localhost:11434"}, "playground.E001"),
        ({"OPENAI_MODEL": "some-model"}, "playground.E002"),
        ({"OPENAI_API_KEY": "sk-a b"}, "playground.E003"),
        ({"PLAYGROUND_HOST": "0.0.0.0"}, "playground.W004"),
        ({"PLAYGROUND_PUBLIC_URL": "https://example.org/play"}, "playground.E005"),
        ({"ALLOWED_HOSTS": ["*"]}, "playground.E006"),
        ({"PLAYGROUND_ENVIRONMENT": "production"}, "playground.W007"),
        ({"PLAYGROUND_SECRET_KEY": "short"}, "playground.E008"),
        ({"PLAYGROUND_ENVIRONMENT": "production", "DEBUG": True}, "playground.E010"),
        (
            {"PLAYGROUND_ENVIRONMENT": "production", "PLAYGROUND_CAPTURE": "full"},
            "playground.W011",
        ),
        ({"PLAYGROUND_SWEEP_S": 10.0}, "playground.E012"),
        ({"PLAYGROUND_DB_POOL": 4}, "playground.E013"),
        ({"REDIS_URL": "http://somewhere"}, "playground.E014"),
    ],
)
def test_it_names_the_contradiction_when_settings_disagree(
    settings: Settings, change: dict[str, object], check: str
) -> None:
    assert check not in {message.id for message in checks.check_settings()}

    for name, value in change.items():
        setattr(settings, name, value)

    found = {message.id: message for message in checks.check_settings()}
    assert check in found
    assert found[check].hint


def test_it_stops_with_the_variable_when_a_command_meets_a_wrong_setting() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env=os.environ | {"PLAYGROUND_WORKER_THREADS": "many"},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert done.stderr.strip() == "PLAYGROUND_WORKER_THREADS must be a number"
