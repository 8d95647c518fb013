"""Lists of vectors: those of endpoints that make no sense, those made here, those that are kept."""

import asyncio
import concurrent.futures
import json
import threading
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from playground.core.errors import ProviderError
from playground.gateway import endpoints, keeping_vectors, shelves, vectors
from playground.gateway.chat import Chunk
from playground.gateway.configuration import Model, Server
from playground.gateway.stopping import stopped
from tests.gateway.upstream import KEY, Endpoint, refuse, serve

if TYPE_CHECKING:
    import redis


@pytest.fixture
async def endpoint(valkey: object) -> AsyncIterator[Endpoint]:
    async with serve() as served:
        yield served
        await endpoints.close()


async def embed(endpoint: Endpoint, *texts: str, **more: Any) -> dict[str, Any]:
    server = Server("vectors", "other", base_url=endpoint.url, secret=KEY, external=False)
    asked = {"model": "vectors/m", "input": list(texts)} | more
    (event,) = [event async for event in vectors.of_model(Model("m", server), asked, team="hiring")]
    assert json.loads(event.encoded()) == event.body
    return event.body


def listed(*made: Any, **more: Any) -> str:
    return json.dumps({"data": [{"embedding": each} for each in made]} | more)


@pytest.mark.parametrize(
    "answer",
    [
        listed(),
        listed([1.0], [2.0]),
        listed([]),
        listed(None),
        listed("AAAA"),
        listed(5),
        listed({"a": 1}),
        listed([[1.0]]),
        listed([1.0, None]),
        listed([1.0, "x"]),
        listed([1.0, [2.0]]),
        listed([1e300]),
        listed([0.5] * (vectors.MAX_DIMENSIONS + 1)),
        '{"data": [{"embedding": [NaN]}]}',
        '{"data": [{"embedding": [1e999]}]}',
        '{"data": 5}',
        '{"data": ["x"]}',
        '{"data": [{}]}',
        '{"data": null}',
        "[]",
        "5",
        "x",
        '{"x": ' + "[" * 5000 + "]" * 5000 + "}",
    ],
)
async def test_it_fails_with_a_code_when_a_list_of_vectors_is_odd(
    endpoint: Endpoint, answer: str
) -> None:
    endpoint.answer = refuse(200, answer)

    with pytest.raises(ProviderError) as caught:
        await embed(endpoint, "a")

    assert caught.value.code == "provider.bad-answer"


@pytest.mark.parametrize("usage", [{"prompt_tokens": -5}, {"prompt_tokens": 10**30}, "x", [1]])
async def test_it_counts_the_tokens_when_the_endpoint_tells_nonsense(
    endpoint: Endpoint, usage: Any
) -> None:
    endpoint.answer = refuse(200, listed([0.5], usage=usage))

    told = await embed(endpoint, f"a text about {usage}")

    assert 0 < told["usage"]["prompt_tokens"] < 50


@pytest.mark.parametrize("form", ["float", "base64"])
async def test_it_writes_long_lists_as_short_ones(endpoint: Endpoint, form: str) -> None:
    made = [[number / 4] * 2048 for number in range(64)]
    endpoint.answer = refuse(200, listed(*made))

    texts = [f"{form} {number}" for number in range(64)]
    told = await embed(endpoint, *texts, encoding_format=form)

    assert [each["index"] for each in told["data"]] == list(range(64))
    if form == "float":
        assert [each["embedding"] for each in told["data"]] == made


async def test_it_embeds_here_when_all_other_threads_are_taken(valkey: object) -> None:
    asyncio.get_running_loop().set_default_executor(concurrent.futures.ThreadPoolExecutor(1))
    done = threading.Event()
    taken = asyncio.create_task(asyncio.to_thread(done.wait, 60))
    model = Model("multilingual-e5-small", Server("offline", "offline"))
    asked = {"model": "offline/multilingual-e5-small", "input": [f"text {n}" for n in range(20)]}

    (event,) = [event async for event in vectors.of_model(model, asked, team="hiring")]

    assert len(event.body["data"]) == 20
    assert not taken.done()
    done.set()
    await taken


MODEL = Model("m", Server("acme", "openai", "https://a.example/v1"))


@pytest.mark.parametrize(
    ("other", "body"),
    [
        (Model("m", Server("acme", "openai", "https://b.example/v1")), {}),
        (Model("n", Server("acme", "openai", "https://a.example/v1")), {}),
        (MODEL, {"prompt_name": "query"}),
        (MODEL, {"dimensions": 5}),
    ],
)
def test_it_keeps_vectors_apart_that_were_made_otherwise(
    other: Model, body: dict[str, Any]
) -> None:
    same = {"input": "a", "model": "x", "user": "u", "encoding_format": "base64"}

    mine = keeping_vectors.names(MODEL, {}, ["a"], team="hiring")

    assert keeping_vectors.names(MODEL, same, ["a"], team="hiring") == mine
    assert keeping_vectors.names(other, body, ["a"], team="hiring") != mine


def vector(number: int) -> keeping_vectors.Vector:
    return np.full(2, number, dtype=np.float32)


async def test_it_forgets_the_oldest_when_a_team_keeps_too_many(
    valkey: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping_vectors, "MOST_KEPT", 3)
    texts = [str(number) for number in range(6)]
    names = keeping_vectors.names(MODEL, {}, texts, team="hiring")
    other = keeping_vectors.names(MODEL, {}, ["a"], team="other")

    await keeping_vectors.keep([(other[0], vector(9))], team="other")
    for number, name in enumerate(names):
        await keeping_vectors.keep([(name, vector(number))], team="hiring")

    assert sum(each is not None for each in await keeping_vectors.known(names)) == 3
    assert (await keeping_vectors.known(other))[0] is not None
    index = shelves.shelf_of("hiring", keeping_vectors.PREFIX)
    assert valkey.zcard(index) == 3
    assert all(
        0 < int(valkey.ttl(name)) <= keeping_vectors.KEEP_S  # type: ignore[arg-type]
        for name in valkey.keys(f"{keeping_vectors.PREFIX}*")  # type: ignore[union-attr]
    )


async def test_it_keeps_no_vector_when_it_is_very_large(valkey: object) -> None:
    (name,) = keeping_vectors.names(MODEL, {}, ["a"], team="hiring")
    large = np.zeros(keeping_vectors.MAX_BYTES // 4 + 1, dtype=np.float32)

    await keeping_vectors.keep([(name, large)], team="hiring")

    assert await keeping_vectors.known([name]) == [None]


@pytest.mark.parametrize("stop", [(), ("x",)])
async def test_it_closes_its_source_when_it_is_closed(stop: tuple[str, ...]) -> None:
    closed = []

    async def speaking() -> AsyncIterator[Chunk]:
        try:
            while True:
                yield Chunk(text="word ")
        finally:
            closed.append(True)

    chunks = stopped(speaking(), stop=stop, max_tokens=None)
    await anext(chunks)
    await chunks.aclose()

    assert closed == [True]
