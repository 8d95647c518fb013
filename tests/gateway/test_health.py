"""Endpoints are probed; who does not answer is asked last."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import redis
from aiohttp import web

from playground.gateway import health
from playground.gateway.attempting import order
from playground.gateway.configuration import Model, Server, Way
from tests.gateway.upstream import Endpoint, refuse, served_beside

pytestmark = pytest.mark.usefixtures("valkey")


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with served_beside() as served:
        served.answer = lists
        yield served


async def lists(_: web.Request) -> web.StreamResponse:
    return web.json_response({"data": [{"id": "m"}]})


def server(endpoint: Endpoint, name: str = "llama") -> Server:
    return Server(name, "llamacpp", base_url=endpoint.url, external=False)


def test_it_is_up_when_it_lists_its_models(endpoint: Endpoint) -> None:
    health.probe_all([server(endpoint)])

    reading = health.readings()["llama"]
    assert (reading.status, reading.error_code, reading.failures) == ("up", "", 0)
    assert reading.latency_ms > 0


@pytest.mark.parametrize(("status", "code"), [(404, ""), (405, ""), (401, "provider.unauthorized")])
def test_it_is_there_when_it_lists_nothing(endpoint: Endpoint, status: int, code: str) -> None:
    endpoint.answer = refuse(status)

    health.probe_all([server(endpoint)])

    assert health.readings()["llama"].error_code == code


def test_it_is_down_after_two_failures_and_up_after_one_answer(endpoint: Endpoint) -> None:
    seen = []
    for answer in (lists, refuse(500), refuse(500), lists):
        endpoint.answer = answer
        seen.append(health.probe_all([server(endpoint)])["llama"].status)

    assert seen == ["up", "up", "down", "up"]


def test_it_passes_over_what_another_release_wrote(
    endpoint: Endpoint, valkey: "redis.Redis"
) -> None:
    health.probe_all([server(endpoint)])
    valkey.hset(health.KEY, "odd", b'{"endpoint": "odd", "mood": "fine"}')
    valkey.hset(health.KEY, "broken", b"{")

    assert list(health.readings()) == ["llama"]


def test_it_is_down_when_nobody_listens() -> None:
    gone = Server("gone", "vllm", base_url="http://127.0.0.1:9/v1", external=False)

    for _ in range(health.DOWN_AFTER):
        health.probe_all([gone])

    assert health.readings()["gone"].error_code == "provider.unreachable"
    assert "gone" in eventually_down()


@contextlib.contextmanager
def listing(port: int = 0) -> Iterator[int]:
    """Run a server that lists no model, at the port of one that was stopped where it is named."""
    with ThreadingHTTPServer(("127.0.0.1", port), Lister) as listens:
        thread = threading.Thread(target=listens.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield listens.server_port
        finally:
            listens.shutdown()


class Lister(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"object": "list", "data": []}')

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def test_it_follows_a_server_that_is_stopped_and_started_again() -> None:
    """Two rounds without it count as down, one answer as up, and ``since`` tells since when."""
    with listing() as port:
        asked = Server("llama", "vllm", base_url=f"http://127.0.0.1:{port}/v1", external=False)
        rounds = [health.probe_all([asked])["llama"]]
    rounds += [health.probe_all([asked])["llama"] for _ in range(3)]
    with listing(port):
        rounds.append(health.probe_all([asked])["llama"])

    assert [each.status for each in rounds] == ["up", "up", "down", "down", "up"]
    assert [each.error_code for each in rounds] == ["", *["provider.unreachable"] * 3, ""]
    assert [each.failures for each in rounds] == [0, 1, 2, 3, 0]
    assert rounds[0].since == rounds[1].since < rounds[2].since == rounds[3].since < rounds[4].since


def test_it_asks_all_at_once(endpoint: Endpoint) -> None:
    """Each is answered only when all have been asked."""
    asked, everybody = 40, asyncio.Event()
    come = iter(range(1, asked + 1))

    async def together(request: web.Request) -> web.StreamResponse:
        if next(come) == asked:
            everybody.set()
        await everybody.wait()
        return await lists(request)

    endpoint.answer = together

    seen = health.probe_all(server(endpoint, f"one-of-{each}") for each in range(asked))

    assert {each.error_code for each in seen.values()} == {""}


def test_it_gives_up_on_the_silent_before_its_lock_ends(
    endpoint: Endpoint, valkey: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    endpoint.answer = hang
    assert health.LOCKED_S > 2 * health.ANSWER_WITHIN_S
    monkeypatch.setattr(health, "ANSWER_WITHIN_S", 0.2)

    seen = health.probe_all([server(endpoint)])

    assert seen["llama"].error_code == "provider.timeout"
    assert not valkey.exists(health.LOCK)


def test_it_leaves_the_lock_of_a_round_that_began_since(
    endpoint: Endpoint, valkey: "redis.Redis"
) -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        await asyncio.to_thread(valkey.set, health.LOCK, "another's", px=5000)
        return await lists(request)

    endpoint.answer = slow

    assert health.probe_all([server(endpoint)])["llama"].status == "up"
    assert valkey.get(health.LOCK) == b"another's"


def test_it_sees_the_others_when_one_cannot_be_asked(endpoint: Endpoint) -> None:
    odd = Server("odd", "vllm", base_url="http://[half/v1", external=False)

    seen = health.probe_all([odd, server(endpoint)])

    assert {name: each.error_code for name, each in seen.items()} == {
        "odd": "provider.unreachable",
        "llama": "",
    }


def test_it_knows_the_models_of_this_process_without_redis() -> None:
    offline, far = Server("offline", "offline"), Server("far", "vllm")

    assert health.reading_of(offline, {}).status == "up"
    assert health.reading_of(far, {}).status == "unknown"


def eventually_down() -> frozenset[str]:
    until = time.monotonic() + 5
    while not (names := health.down()) and time.monotonic() < until:
        time.sleep(0.05)
    return names


def test_it_tells_nothing_when_redis_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    away = redis.Redis(port=9, socket_connect_timeout=0.2)
    monkeypatch.setattr(health, "_client", lambda: away)

    assert health.readings() == {}
    assert health.down() == frozenset()


def test_it_probes_once_when_two_begin_together(endpoint: Endpoint, valkey: "redis.Redis") -> None:
    valkey.set(health.LOCK, 1, px=5000)

    assert health.probe_all([server(endpoint)]) == {}


def test_it_counts_the_models_of_this_process_as_up() -> None:
    assert health.probe_all([Server("offline", "offline")])["offline"].status == "up"


def test_it_asks_those_that_are_down_last() -> None:
    up, down = (Model("m", Server(name, "vllm")) for name in ("up", "down"))

    assert order([Way(down, 0), Way(up, 1)], down={"down"}) == [up, down]


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    health._Down.names = frozenset()
    yield
    health._Down.names = frozenset()
