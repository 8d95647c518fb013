"""Say which part works: ``GET /healthz``, open to everybody, without a secret in it."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import redis
from django.conf import settings
from django.db import connections
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from playground.core.pulse import PULSE_KEY, SILENT_AFTER_S

ANSWER_WITHIN_S = 3


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when every part works, else 503 with the failing ones named."""
    parts = check_parts()
    well = all(state == "ok" for state in parts.values())
    body: dict[str, Any] = {"status": "ok" if well else "failing", "parts": parts}
    if not well:
        body["failing"] = [name for name, state in parts.items() if state != "ok"]
    response = JsonResponse(body, status=200 if well else 503)
    # A probe that finds something sick is no error of this request, and comes every few seconds.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def check_parts() -> dict[str, str]:
    """Ask every part at once, each within a few seconds; values are ``ok`` or what is wrong."""
    with ThreadPoolExecutor(len(settings.DATABASES) + 1) as pool:
        databases = {
            alias: pool.submit(_ask_database, connections[alias].get_connection_params())
            for alias in settings.DATABASES
        }
        valkey = pool.submit(_ask_redis)
        parts = {alias: answer.result() for alias, answer in databases.items()}
        parts["redis"], parts["worker"] = valkey.result()
    return parts


def _ask_database(parameters: dict[str, Any]) -> str:
    # A connection of its own: a full pool must not look like a dead database.
    wanted = ("host", "port", "dbname", "user", "password", "sslmode", "sslrootcert")
    asked = {key: value for key, value in parameters.items() if key in wanted}
    try:
        with psycopg.connect(**asked, connect_timeout=ANSWER_WITHIN_S) as connection:
            connection.execute("SELECT 1")
    except psycopg.Error:
        return "unreachable"
    return "ok"


def _ask_redis() -> tuple[str, str]:
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=ANSWER_WITHIN_S, socket_connect_timeout=ANSWER_WITHIN_S
    )
    try:
        pulse = client.get(PULSE_KEY)
    except redis.RedisError:
        return "unreachable", "unknown, redis is unreachable"
    finally:
        client.close()
    if pulse is None:
        return "ok", "no worker has shown up"
    age_s = time.time() - float(pulse)
    return "ok", "ok" if age_s < SILENT_AFTER_S else f"silent for {age_s:.0f} s"
