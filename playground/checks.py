"""System checks: each names the variable to set, and how."""

import stat
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import OperationalError, connections

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class PlaygroundConfig(AppConfig):
    """Register the checks of the composition root."""

    name = "playground"
    label = "playground"
    verbose_name = "Playground"

    def ready(self) -> None:
        register(Tags.compatibility)(check_settings)
        register(Tags.database)(check_silos)


def check_settings(**_: Any) -> list[CheckMessage]:
    """Look for settings that contradict each other or the environment they are used in."""
    return [
        *_check_models(),
        *_check_reach(),
        *_check_secrets(),
        *_check_runs(),
        *_check_servers(),
    ]


def _check_models() -> Iterator[CheckMessage]:
    base = settings.OPENAI_BASE_URL
    if base and (urlsplit(base).scheme not in ("http", "https") or not urlsplit(base).hostname):
        yield Error(
            "OPENAI_BASE_URL is not an http or https URL.",
            hint="It usually ends in /v1, as in http://127.0.0.1:11434/v1.",
            id="playground.E001",
        )
    if settings.OPENAI_MODEL and not (base or settings.OPENAI_API_KEY):
        yield Error(
            "OPENAI_MODEL names a model, but no endpoint is set.",
            hint="Set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own.",
            id="playground.E002",
        )
    key = settings.OPENAI_API_KEY
    if any(character.isspace() or not character.isascii() for character in key):
        yield Error(
            "OPENAI_API_KEY holds a space or a character that no header can carry.",
            hint="Copy the key again.",
            id="playground.E003",
        )


def _check_reach() -> Iterator[CheckMessage]:
    public = urlsplit(settings.PLAYGROUND_PUBLIC_URL)
    if settings.PLAYGROUND_HOST not in LOOPBACK and public.hostname in LOOPBACK:
        yield Warning(
            "PLAYGROUND_HOST opens the Playground to the network, but PLAYGROUND_PUBLIC_URL names"
            " this machine only.",
            hint="Set PLAYGROUND_PUBLIC_URL to the address that people type.",
            id="playground.W004",
        )
    if public.path not in ("", "/"):
        yield Error(
            "PLAYGROUND_PUBLIC_URL has a path.",
            hint="The Playground lives at the root of a host name.",
            id="playground.E005",
        )
    if "*" in settings.ALLOWED_HOSTS:
        yield Error(
            "PLAYGROUND_ALLOWED_HOSTS holds *, which lets any name through.",
            hint="List the host names, separated by commas.",
            id="playground.E006",
        )
    if settings.PLAYGROUND_ENVIRONMENT == "production" and public.scheme != "https":
        yield Warning(
            "PLAYGROUND_ENVIRONMENT is production, but PLAYGROUND_PUBLIC_URL is not https.",
            hint="Sessions travel in the clear. Put a TLS proxy in front.",
            id="playground.W007",
        )


def _check_secrets() -> Iterator[CheckMessage]:
    key = settings.PLAYGROUND_SECRET_KEY
    if key and len(key) < 32:
        yield Error(
            "PLAYGROUND_SECRET_KEY is shorter than 32 characters.",
            hint="python -c 'import secrets; print(secrets.token_urlsafe(48))' makes one.",
            id="playground.E008",
        )
    home = settings.PLACES.home
    if home.exists() and stat.S_IMODE(home.stat().st_mode) & 0o077:
        yield Warning(
            "The folder of PLAYGROUND_HOME is open to other users, and it holds passwords.",
            hint=f"chmod 700 {home}",
            id="playground.W009",
        )
    if settings.PLAYGROUND_ENVIRONMENT == "production":
        if settings.DEBUG:
            yield Error(
                "PLAYGROUND_DEBUG is on in production: errors would show source code.",
                hint="Unset PLAYGROUND_DEBUG.",
                id="playground.E010",
            )
        if settings.PLAYGROUND_CAPTURE == "full":
            yield Warning(
                "PLAYGROUND_CAPTURE=full stores every conversation in clear in production.",
                hint="Unset it for redacted, or set none.",
                id="playground.W011",
            )


def _check_runs() -> Iterator[CheckMessage]:
    if settings.PLAYGROUND_SWEEP_S * 2 > settings.PLAYGROUND_LEASE_S:
        yield Error(
            "PLAYGROUND_LEASE_S must be at least twice PLAYGROUND_SWEEP_S.",
            hint="Otherwise a lane is taken over before its worker can renew.",
            id="playground.E012",
        )
    if 0 < settings.PLAYGROUND_DB_POOL < settings.PLAYGROUND_WORKER_THREADS + 2:
        yield Error(
            "PLAYGROUND_DB_POOL is smaller than PLAYGROUND_WORKER_THREADS needs.",
            hint="Each thread holds a connection, and the sweeper one: give it two more, or 0 for"
            " no pool.",
            id="playground.E013",
        )


def _check_servers() -> Iterator[CheckMessage]:
    if urlsplit(settings.REDIS_URL).scheme not in ("redis", "rediss"):
        yield Error(
            "REDIS_URL does not begin with redis:// or rediss://.",
            hint="As in redis://:password@127.0.0.1:6379/0.",
            id="playground.E014",
        )
    places = {(*silo.server, silo.name) for silo in settings.SILOS}
    if len(places) < len(settings.SILOS):
        yield Error(
            "DATABASE_URL, MEMORY_DATABASE_URL and CLIENT_DATABASE_URL name one database twice.",
            hint="The three silos are three databases.",
            id="playground.E015",
        )
    if settings.EMBEDDED_POSTGRES and not all(silo.embedded for silo in settings.SILOS):
        yield Warning(
            "MEMORY_DATABASE_URL or CLIENT_DATABASE_URL is set without DATABASE_URL: the other"
            " silos stay embedded.",
            hint="Set DATABASE_URL too if none shall be embedded.",
            id="playground.W016",
        )


def check_silos(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Connect to the named silos with the application's roles."""
    problems: list[CheckMessage] = []
    for alias in databases or ():
        try:
            connections[alias].ensure_connection()
        except OperationalError:
            problems.append(
                Error(
                    f"The application role cannot connect to the silo {alias!r}.",
                    hint="Start the services, then run: python manage.py prepare",
                    id="playground.E017",
                )
            )
    return problems
