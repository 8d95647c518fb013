"""Endpoints are probed; who does not answer is asked last."""

import contextlib
import time
from collections.abc import Iterator

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


def test_it_is_down_when_nobody_listens() -> None:
    gone = Server("gone", "vllm", base_url="http://127.0.0.1:9/v1", external=False)

    for _ in range(health.DOWN_AFTER):
        health.probe_all([gone])

    assert health.readings()["gone"].error_code == "provider.unreachable"
    assert "gone" in eventually_down()


def eventually_down() -> frozenset[str]:
    until = time.monotonic() + 5
    while not (names := health.down()) and time.monotonic() < until:
        time.sleep(0.05)
    return names


def test_it_tells_nothing_when_redis_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    away = redis.Redis(port=9, socket_connect_timeout=0.2)
    monkeypatch.setattr(health, "_client", lambda: away)

    assert health.readings() == {}
    begun = time.monotonic()
    health.down()
    assert time.monotonic() - begun < 0.1


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
    with contextlib.suppress(RuntimeError):
        health._Down.names = frozenset()
    yield
    health._Down.names = frozenset()
