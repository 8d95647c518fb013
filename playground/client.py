"""Ask a Playground for its prompts. One file that needs nothing but the standard library.

A prompt that is known is given at once, and asked for again beside the call when it is no longer
fresh; while the server is away the last known one stays in use.
"""

import contextlib
import http.client
import json
import math
import os
import queue
import ssl
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

MAX_ANSWER = 16 * 2**20
IDLE_CONNECTIONS = 8
# Without anything to ask for this long, the thread beside the calls ends.
IDLE_S = 30.0
Attributes = Mapping[str, bool | int | float | str]
_MAY_PASS = frozenset((408, 425, 429))


class ClientError(Exception):
    """What went wrong: a stable ``code``, words for people, the HTTP status or 0."""

    def __init__(self, code: str, detail: str, *, status: int = 0) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.status = status


class Missing(ClientError):
    """There is no such prompt, version or label, or none that this key may know of."""


class Forbidden(ClientError):
    """The key is not valid, or a policy denies it."""


class Invalid(ClientError):
    """The request can be mended: a variable is missing, a template fails."""


class Unreachable(ClientError):
    """The server is away, overloaded, or answers nonsense; trying again later helps."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A version of a prompt as the server tells it, templates and all.

    ``arm`` and ``reason`` say which side of a ramp the key is on and why; ``observe`` goes with
    what the ramp is told of the call later; ``age_s`` is how long ago the server was asked, and
    ``stale`` that this is longer than it should be: the server is away, and may know another.
    """

    team: str
    name: str
    kind: str
    version: int
    label: str | None
    arm: str | None
    reason: str | None
    observe: str | None
    messages: list[dict[str, Any]]
    inputs: dict[str, Any]
    settings: dict[str, Any]
    tools: list[dict[str, Any]]
    response_format: dict[str, Any] | None
    composed_from: list[dict[str, Any]]
    content_hash: str
    age_s: float = 0.0
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Rendered:
    """A rendered prompt: ``messages`` for a chat, ``text`` for anything else."""

    team: str
    name: str
    version: int
    label: str | None
    arm: str | None
    reason: str | None
    observe: str | None
    messages: list[dict[str, Any]] | None
    text: str | None


class _Asked(NamedTuple):
    """A question: its address, and as JSON what is told of whom it is asked for."""

    address: str
    attributes: str


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer as it came: whoever gets it may change it, so it is read anew each time."""

    body: bytes
    etag: str
    at: float


class Client:
    """Prompts of one team, for as many threads as you like.

    Args:
        base_url: where the Playground is, such as ``https://playground.example``.
        key: an API key, ``pg_…``.
        fresh_s: how long an answer is used without asking again.
        stale_s: how old an answer may be that is used while the next one is asked for beside the
            call; an older one is used only while the server is away, and is marked as ``stale``.
        most_stale_s: how old an answer may be that is used while the server is away; then calls
            fail, as what was withdrawn long ago is no better than nothing.
        retry_s: how long a server that is away is left alone.
        timeout_s: how long to wait for the server to say something.
        max_kept: answers kept at once; a ``key`` makes an answer of its own.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        fresh_s: float = 1.0,
        stale_s: float = 60.0,
        most_stale_s: float = 86_400.0,
        retry_s: float = 2.0,
        timeout_s: float = 5.0,
        max_kept: int = 1000,
    ) -> None:
        self._line = _Line(base_url, key, timeout_s=timeout_s)
        self._fresh_s, self._stale_s, self._retry_s = fresh_s, stale_s, retry_s
        self._most_stale_s = most_stale_s
        self._max_kept = max_kept
        self._kept: OrderedDict[_Asked, _Kept] = OrderedDict()
        self._away_until = 0.0
        self._begin()

    def prompt(
        self,
        name: str,
        *,
        label: str | None = None,
        version: int | None = None,
        key: str | None = None,
        attributes: Attributes | None = None,
    ) -> Prompt:
        """Return the version of ``team/name`` that a label or number leads to, for this key.

        Args:
            attributes: what the rules of a ramp may know of whom you ask for, such as
                ``{"plan": "pro"}``; they go in a header, as addresses end up in logs.

        Raises:
            ClientError: nothing is known and the server cannot tell, or it refuses.
        """
        if os.getpid() != self._pid:
            self._begin()
        named = {"label": label, "version": version, "key": key}
        query = urlencode({each: value for each, value in named.items() if value is not None})
        told = json.dumps(dict(attributes), sort_keys=True) if attributes else ""
        asked = _Asked(f"{_path(name)}?{query}", told)
        with self._lock:
            kept = self._kept.get(asked)
            if kept is not None:
                self._kept.move_to_end(asked)
        if kept is None:
            return _read(self._ask(asked, None))
        now = time.monotonic()
        age_s, is_away = now - kept.at, now < self._away_until
        if is_away and age_s >= self._most_stale_s:
            raise _too_old(age_s)
        if age_s >= self._fresh_s:
            if age_s < self._stale_s or is_away:
                self._ask_beside(asked)
            else:
                kept = self._ask_or_keep(asked, kept)
        return _read(kept, stale_s=self._stale_s)

    def render(
        self,
        name: str,
        variables: Mapping[str, Any] | None = None,
        *,
        history: Sequence[Mapping[str, Any]] | None = None,
        label: str | None = None,
        version: int | None = None,
        key: str | None = None,
        attributes: Attributes | None = None,
    ) -> Rendered:
        """Let the server render ``team/name``; this is never answered from memory.

        Raises:
            ClientError: the server cannot be reached, or it refuses.
        """
        if os.getpid() != self._pid:
            self._begin()
        said = {
            "label": label,
            "version": version,
            "key": key,
            "attributes": dict(attributes) if attributes else None,
            "variables": dict(variables or {}),
            "history": None if history is None else list(history),
        }
        body = json.dumps({each: value for each, value in said.items() if value is not None})
        answer = self._line.ask("POST", f"{_path(name)}/render", body=body.encode())
        told = _object(answer.body)
        return Rendered(**{each.name: told.get(each.name) for each in fields(Rendered)})  # type: ignore[arg-type]

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        self._line.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self) -> None:
        # A forked process has neither the threads nor a share in the connections of its parent.
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._turns: dict[_Asked, threading.Lock] = {}
        self._due: queue.SimpleQueue[_Asked] = queue.SimpleQueue()
        self._waiting: set[_Asked] = set()
        self._asks_beside = False
        self._line.forget()

    def _ask(self, asked: _Asked, seen: _Kept | None) -> _Kept:
        """Ask the server, once for all threads that wait for the same answer."""
        with self._lock:
            turn = self._turns.setdefault(asked, threading.Lock())
        with turn:
            try:
                known = self._kept.get(asked)
                if known is not None and known is not seen:
                    return known
                return self._fetch(asked, known)
            finally:
                self._turns.pop(asked, None)

    def _fetch(self, asked: _Asked, known: _Kept | None) -> _Kept:
        # Dated from before the question: the answer is at least as old.
        at = time.monotonic()
        try:
            etag = known.etag if known else ""
            answer = self._line.ask("GET", asked.address, etag=etag, attributes=asked.attributes)
        except Unreachable:
            self._away_until = time.monotonic() + self._retry_s
            raise
        except ClientError:
            with self._lock:
                self._kept.pop(asked, None)
            raise
        self._away_until = 0.0
        if answer.status == 304 and known is not None:
            kept = _Kept(known.body, known.etag, at)
        else:
            _read(kept := _Kept(answer.body, answer.etag, at))
        with self._lock:
            self._kept[asked] = kept
            self._kept.move_to_end(asked)
            while len(self._kept) > self._max_kept:
                self._kept.popitem(last=False)
        return kept

    def _ask_or_keep(self, asked: _Asked, kept: _Kept) -> _Kept:
        try:
            return self._ask(asked, kept)
        except Unreachable as error:
            age_s = time.monotonic() - kept.at
            if age_s >= self._most_stale_s:
                raise _too_old(age_s) from error
            return kept

    def _ask_beside(self, asked: _Asked) -> None:
        """Let the one thread beside the calls ask again."""
        with self._lock:
            if asked in self._waiting or time.monotonic() < self._away_until:
                return
            self._waiting.add(asked)
            self._due.put(asked)
            if self._asks_beside:
                return
            self._asks_beside = True
        threading.Thread(target=self._keep_asking, name="playground-prompts", daemon=True).start()

    def _keep_asking(self) -> None:
        while True:
            try:
                asked = self._due.get(timeout=IDLE_S)
            except queue.Empty:
                with self._lock:
                    if self._due.empty():
                        self._asks_beside = False
                        return
                continue
            # What the server refuses is forgotten by now, and the next call is told why.
            with contextlib.suppress(Exception):
                self._ask(asked, self._kept.get(asked))
            with self._lock:
                self._waiting.discard(asked)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes
    etag: str


class _Line:
    """Connections to one server that stay open."""

    def __init__(self, base_url: str, key: str, *, timeout_s: float) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise ValueError("base_url must be like https://playground.example")
        self._host, self._port = parts.hostname, parts.port
        self._prefix = parts.path.rstrip("/")
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._timeout_s = timeout_s
        self._headers = {
            "Authorization": f"Bearer {key}",
            "Accept": "application/json",
            "User-Agent": "playground-client",
        }
        self.forget()

    def forget(self) -> None:
        """Begin without connections, leaving those there are to whoever shares them."""
        self._idle: queue.LifoQueue[http.client.HTTPConnection] = queue.LifoQueue(IDLE_CONNECTIONS)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        while not self._idle.empty():
            try:
                self._idle.get_nowait().close()
            except queue.Empty:
                return

    def ask(
        self,
        method: str,
        address: str,
        *,
        body: bytes | None = None,
        etag: str = "",
        attributes: str = "",
    ) -> _Answer:
        """Ask once; a connection that the server had closed meanwhile costs a second try.

        Raises:
            ClientError: in the class that says who can act.
        """
        headers = {**self._headers, **({"If-None-Match": etag} if etag else {})}
        if attributes:
            headers["Playground-Attributes"] = attributes
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection, used = self._idle.get_nowait(), True
        except queue.Empty:
            connection, used = self._connection(), False
        while True:
            try:
                connection.request(method, f"{self._prefix}{address}", body=body, headers=headers)
                response = connection.getresponse()
                answer = response.read(MAX_ANSWER + 1)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                if used and not isinstance(error, TimeoutError):
                    connection, used = self._connection(), False
                    continue
                raise Unreachable("client.unreachable", type(error).__name__) from error
            break
        self._put_back(connection, response, whole=len(answer) <= MAX_ANSWER)
        if response.status in (200, 304):
            return _Answer(response.status, answer, response.headers.get("ETag", ""))
        raise _refusal(response.status, answer)

    def _connection(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        return http.client.HTTPSConnection(
            self._host, self._port, timeout=self._timeout_s, context=self._tls
        )

    def _put_back(
        self, connection: http.client.HTTPConnection, response: Any, *, whole: bool
    ) -> None:
        try:
            if not whole or response.will_close:
                raise queue.Full
            self._idle.put_nowait(connection)
        except queue.Full:
            connection.close()


def _path(name: str) -> str:
    team, _, short = name.partition("/")
    if team in ("", ".", "..") or short in ("", ".", ".."):
        raise Missing("prompt.not-found", "A prompt is named team/name.")
    return f"/v1/prompts/{quote(team, safe='')}/{quote(short, safe='')}"


def _too_old(age_s: float) -> Unreachable:
    detail = f"The server is away, and what it said is {age_s:.0f} seconds old."
    return Unreachable("client.too-old", detail)


def _read(kept: _Kept, *, stale_s: float = math.inf) -> Prompt:
    told = {each.name: None for each in fields(Prompt)} | _object(kept.body)
    told["age_s"] = age_s = time.monotonic() - kept.at
    told["stale"] = age_s >= stale_s
    # A newer server may tell more than this file knows.
    return Prompt(**{each.name: told[each.name] for each in fields(Prompt)})  # type: ignore[arg-type]


def _object(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except ValueError as error:
        raise Unreachable("client.bad-answer", "The answer is not JSON.") from error
    if not isinstance(told, dict):
        raise Unreachable("client.bad-answer", "The answer is not a JSON object.")
    return told


def _refusal(status: int, body: bytes) -> ClientError:
    try:
        told = json.loads(body)
        said = told["error"] if isinstance(told.get("error"), dict) else told
        code, detail = str(said["code"]), str(said.get("message") or said.get("detail"))
    except (ValueError, TypeError, AttributeError, KeyError):
        code, detail = f"http.{status}", "The server says no more."
    kind: type[ClientError] = Unreachable
    if status == 404:
        kind = Missing
    elif status in (401, 403):
        kind = Forbidden
    elif 400 <= status < 500 and status not in _MAY_PASS:
        kind = Invalid
    return kind(code, detail, status=status)
