"""Run the whole Playground: ``python -m playground.supervisor``.

One parent starts the database, Valkey, the web server, the worker and beat, starts again whichever
dies, and stops them all in order on Ctrl-C.
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from types import FrameType
from typing import IO

import redis

from playground.core.environment import InvalidSetting
from playground.core.silos import InvalidDatabaseUrl

try:
    from playground import settings
except (InvalidSetting, InvalidDatabaseUrl) as wrong:
    sys.exit(f"[playground] {wrong}")

from playground.core.embedded import (
    accounts,
    binaries,
    claiming,
    credentials,
    leftovers,
    postgres,
    spawning,
    valkey,
)
from playground.core.embedded.children import Child
from playground.core.pulse import PULSE_KEY

LOOK_EVERY_S = 0.2
READY_WITHIN_S = 120.0
EXPLAINED = (
    claiming.Taken,
    accounts.NoAccount,
    binaries.NoBinaries,
    postgres.PostgresFailed,
    valkey.ValkeyFailed,
    PermissionError,
)


class StartFailed(RuntimeError):
    """A part did not come up; what it printed says why."""


class Stopped(Exception):
    """Somebody asked for the end while things were starting."""


def say(text: str) -> None:
    """Tell the person at the terminal one thing."""
    print(f"[playground] {text}", flush=True)


@dataclass
class Supervisor:
    """The parent of all processes."""

    services: list[Child] = field(default_factory=list)
    servers: list[Child] = field(default_factory=list)
    signals: int = 0

    def run(self) -> int:
        """Start everything, look after it until a signal comes, stop it; return the exit status."""
        lock: IO[str] | None = None
        try:
            lock = claiming.claim_folder(settings.PLACES.lock)
            claiming.check_port(settings.PLAYGROUND_HOST, settings.PORT)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, self._heed)
            self._start()
            while not self.signals:
                self._look_after(self.services + self.servers)
                time.sleep(LOOK_EVERY_S)
        except Stopped:
            pass
        except (*EXPLAINED, StartFailed) as error:
            say(str(error))
            return 1
        finally:
            if lock is not None:
                self._stop()
                lock.close()
        return 0

    def _heed(self, number: int, _frame: FrameType | None) -> None:
        self.signals += 1
        if self.signals > 1:
            for child in self.servers:
                if child.process is not None:
                    child.process.kill()

    def _start(self) -> None:
        begun = time.monotonic()
        places = settings.PLACES
        if leftovers.end(places.children):
            say("Ended what an earlier start had left running")
        account = accounts.service_account()
        places.make(account)
        postgres.stop_leftover(places)
        known = credentials.ensure(
            places.credentials,
            roles=[role for silo in settings.SILOS for role in (silo.owner, silo.app)],
            secret_key=settings.PLAYGROUND_SECRET_KEY or None,
        )
        self._start_services(account, known)
        link = self._prepare()
        for child in self._children():
            self.servers.append(child)
            child.launch()
        self._remember()
        self._wait_healthy()
        say(f"Ready in {time.monotonic() - begun:.0f} s on {settings.PLAYGROUND_PUBLIC_URL}")
        if link:
            say(f"Open this link to sign in, it works once: {link}")
        say("Ctrl-C stops it")

    def _start_services(
        self, account: accounts.Account | None, known: credentials.Credentials
    ) -> None:
        places = settings.PLACES
        found = binaries.locate(account)
        password = known.passwords[credentials.SUPERUSER]
        if settings.EMBEDDED_REDIS:
            say("Starting Valkey")
            known = _with_free_port(known)
            cache = Child("Valkey", lambda: valkey.start(places, found, known, account=account))
            self.services.append(cache)
            cache.launch()
        if settings.EMBEDDED_POSTGRES:
            say("Starting PostgreSQL")
            if postgres.initialise(places, found, account=account, password=password):
                say("Made a new database cluster")
            database = Child(
                "PostgreSQL",
                lambda: postgres.start(places, found, account=account),
                stop_with=postgres.FAST_SHUTDOWN,
                patience_s=30,
            )
            self.services.append(database)
            self._remember()
            postgres.wait_ready(places, database.launch(), password=password)
        url = known.redis_url if settings.EMBEDDED_REDIS else settings.REDIS_URL
        try:
            valkey.wait_ready(url, timeout_s=30 if settings.EMBEDDED_REDIS else 5)
        except valkey.ValkeyFailed:
            if settings.EMBEDDED_REDIS:
                raise
            raise StartFailed("The server named by REDIS_URL does not answer") from None
        if settings.EMBEDDED_REDIS:
            # The last start's worker is gone, its pulse must not vouch for the new one.
            with redis.Redis.from_url(url) as client:
                client.delete(PULSE_KEY)

    def _prepare(self) -> str | None:
        """Provision, migrate and load what is missing, in a process of its own; return the link."""
        child = spawning.spawn(
            [sys.executable, "manage.py", "prepare", "--announce"],
            environment=_environment(),
            folder=settings.BASE_DIR,
            piped=True,
        )
        link = None
        assert child.stdout is not None
        for raw in child.stdout:
            line = raw.decode(errors="replace").rstrip()
            if line.startswith("link "):
                link = line.removeprefix("link ")
            elif line:
                say(line)
            if self.signals:
                child.terminate()
        if child.wait():
            if self.signals:
                raise Stopped
            raise StartFailed("Preparing the data failed, nothing was started")
        return link

    def _children(self) -> list[Child]:
        python = sys.executable
        web = [python, "-m", "playground.serving", "-v", "0", "--server-name", "Playground"]
        web += ["-b", settings.PLAYGROUND_HOST, "-p", str(settings.PORT)]
        web.append("playground.asgi:application")
        # As root it would warn on every start; the worker needs the data folder, which is root's.
        celery = [python, "-W", "ignore:You're running the worker with superuser", "-m", "celery"]
        celery.append("--quiet")
        worker = [*celery, "-A", "playground.celery", "worker", "-P", "threads"]
        worker += ["-c", str(settings.PLAYGROUND_WORKER_THREADS), "-l", "WARNING"]
        worker += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        beat = [*celery, "-A", "playground.beat", "beat", "-l", "WARNING", "--pidfile="]
        beat += ["-s", str(settings.PLACES.home / "beat-schedule")]
        return [
            Child("web", lambda: _spawn(web), patience_s=5),
            Child("worker", lambda: _spawn(worker), patience_s=8),
            Child("beat", lambda: _spawn(beat), patience_s=3),
        ]

    def _look_after(self, children: list[Child]) -> None:
        started = [child.look_after(say) for child in children]
        if any(started):
            self._remember()

    def _wait_healthy(self) -> None:
        host = settings.PLAYGROUND_HOST.replace("0.0.0.0", "127.0.0.1").replace("::", "::1")
        host = f"[{host}]" if ":" in host else host
        url = f"http://{host}:{settings.PORT}/healthz"
        deadline = time.monotonic() + READY_WITHIN_S
        parts: dict[str, object] = {}
        while time.monotonic() < deadline:
            if self.signals:
                raise Stopped
            self._look_after(self.services + self.servers)
            healthy, parts = _health(url)
            if healthy:
                return
            time.sleep(LOOK_EVERY_S)
        sick = [name for name, state in parts.items() if state != "ok"] or ["web"]
        raise StartFailed(f"Not ready after {READY_WITHIN_S:.0f} s: {', '.join(sick)}")

    def _remember(self) -> None:
        processes = [child.process for child in self.services + self.servers]
        leftovers.remember(settings.PLACES.children, [p.pid for p in processes if p is not None])

    def _stop(self) -> None:
        """Stop the servers together, then the services they lean on."""
        running = [c for c in self.services + self.servers if c.process is not None]
        if running:
            say("Stopping")
        for group in (self.servers, self.services):
            for child in group:
                child.ask_to_stop()
            for child in group:
                child.wait_stopped(until=time.monotonic() + child.patience_s)
        settings.PLACES.children.unlink(missing_ok=True)
        if running:
            say("Stopped")


def _environment() -> dict[str, str]:
    return os.environ | {"PLAYGROUND_HOME": str(settings.PLACES.home), "PLAYGROUND_DB_ROLE": "app"}


def _spawn(command: list[str]) -> "subprocess.Popen[bytes]":
    return spawning.spawn(command, environment=_environment(), folder=settings.BASE_DIR)


def _with_free_port(known: credentials.Credentials) -> credentials.Credentials:
    """Keep Valkey's port as long as it is free, so that a restart finds its clients."""
    try:
        claiming.check_port("127.0.0.1", known.valkey_port)
    except claiming.Taken:
        return credentials.move_valkey(settings.PLACES.credentials, known)
    return known


def _health(url: str) -> tuple[bool, dict[str, object]]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as answer:
            return answer.status == 200, {}
    except urllib.error.HTTPError as error:
        try:
            return False, dict(json.loads(error.read()).get("parts", {}))
        except (ValueError, AttributeError):
            return False, {}
    except OSError:
        return False, {}


if __name__ == "__main__":
    sys.exit(Supervisor().run())
