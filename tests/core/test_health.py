"""``/healthz`` tells which part is sick, and nothing else."""

import time

import pytest
import redis
from django.test import Client
from pytest_django import Settings

from playground.core.pulse import PULSE_KEY

pytestmark = pytest.mark.django_db


def test_it_is_ok_when_every_part_answers(valkey: "redis.Redis") -> None:
    valkey.set(PULSE_KEY, time.time())

    answer = Client().get("/healthz")

    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert set(answer.json()["parts"]) == {"default", "memory", "client_data", "redis", "worker"}


@pytest.mark.parametrize("pulse", [None, 0.0])
def test_it_names_the_worker_when_no_pulse_is_fresh(
    valkey: "redis.Redis", pulse: float | None
) -> None:
    if pulse is not None:
        valkey.set(PULSE_KEY, pulse)

    answer = Client().get("/healthz")

    assert answer.status_code == 503
    assert answer.json()["failing"] == ["worker"]


def test_it_names_redis_and_shows_no_secret_when_redis_is_gone(settings: Settings) -> None:
    settings.REDIS_URL = "redis://:hunter2@127.0.0.1:1/0"

    answer = Client().get("/healthz")

    assert answer.status_code == 503
    assert answer.json()["failing"] == ["redis", "worker"]
    assert b"hunter2" not in answer.content


def test_it_names_the_silo_when_its_database_refuses(
    valkey: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import connections

    valkey.set(PULSE_KEY, time.time())
    monkeypatch.setitem(connections["memory"].settings_dict, "PASSWORD", "wrong-password")

    answer = Client().get("/healthz")

    assert answer.status_code == 503
    assert answer.json()["failing"] == ["memory"]
    assert b"wrong-password" not in answer.content
