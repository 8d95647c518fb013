"""Callers who send or read too slowly, on real sockets of the server that the product runs."""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from asgiref.sync import sync_to_async

from playground.core.embedded.credentials import free_port
from playground.gateway.quotas.reserving import PREFIX
from tests.gateway.door.conftest import ASK, Door
from tests.gateway.mock import serve

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

ROOT = Path(__file__).parents[3]
WAITED_S = 1.0
SERVE = """
import sys
from playground import serving
from playground.policy import bodies

bodies.TAKEN_WITHIN_S = serving.READ_WITHIN_S = float(sys.argv.pop())
serving.main()
"""


@pytest.fixture(scope="module")
def server(django_db_setup: None) -> Iterator[int]:
    """Run the server beside the tests, on their database and Redis, with little patience."""
    port = free_port()
    arguments = ["-b", "127.0.0.1", "-p", str(port), "playground.asgi:application", str(WAITED_S)]
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, *arguments],
        cwd=ROOT,
        env=os.environ | {"PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield port
    finally:
        process.kill()
        process.wait(10)


@pytest.fixture
async def port(door: Door, server: int) -> int:
    """Wait until the server listens and knows what the door leads to."""
    # The door of the test before was called the same.
    name = f"seen-{uuid4().hex[:8]}"
    await sync_to_async(serve)(name, door.first.url)
    headers = {"Authorization": door.http.headers["authorization"]}
    async with httpx.AsyncClient(headers=headers) as http:
        for _ in range(600):
            with contextlib.suppress(httpx.TransportError):
                answer = await http.get(f"http://127.0.0.1:{server}/v1/models")
                if name in answer.text:
                    return server
            await asyncio.sleep(0.1)
    raise AssertionError("the server does not answer")


@contextlib.asynccontextmanager
async def connected(
    port: int, *, buffer: int | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect as a program would that holds little in its buffers."""
    sock = socket.socket()
    if buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=sock, limit=buffer or 2**16)
    try:
        yield reader, writer
    finally:
        writer.close()


def head(door: Door, port: int, length: int) -> bytes:
    return (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Authorization: {door.http.headers['authorization']}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def ask(door: Door, port: int, **more: Any) -> bytes:
    body = json.dumps(ASK | more).encode()
    return head(door, port, len(body)) + body


async def test_it_ends_a_call_when_its_caller_reads_nothing_any_more(
    door: Door, port: int, valkey: Any
) -> None:
    # More than any buffer on the way holds.
    door.first.words = ["word " * 10_000] * 2_000

    async with connected(port, buffer=4096) as (_, writer):
        writer.write(ask(door, port, stream=True))
        await asyncio.wait_for(door.first.left.wait(), 20)
        row = None
        for _ in range(100):
            if row := next(iter(await door.ledger()), None):
                break
            await asyncio.sleep(0.05)

    assert row is not None
    assert (row.outcome, row.served_by) == ("aborted", "one/m")
    assert row.output_tokens > 0
    assert valkey.zcard(f"{PREFIX}:leases") == 0


async def test_it_waits_for_a_reader_who_is_slow_and_goes_on(door: Door, port: int) -> None:
    door.first.words = ["word " * 10_000] * 100

    async with connected(port, buffer=2**16) as (reader, writer):
        writer.write(ask(door, port, stream=True))
        got = b""
        while b"[DONE]" not in got[-200:]:
            piece = await asyncio.wait_for(reader.read(2**16), 10)
            assert piece, "the stream was cut"
            got += piece
            if len(got) < 1_500_000:
                await asyncio.sleep(WAITED_S / 10)

    assert got.count(b"word ") == 1_000_000


async def test_it_answers_a_reader_who_takes_long_for_a_whole_answer(door: Door, port: int) -> None:
    door.first.words = ["word " * 200_000]

    async with connected(port, buffer=4096) as (reader, writer):
        writer.write(ask(door, port))
        await asyncio.sleep(WAITED_S * 1.5)
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        got = b""
        while len(got) < 1_000_000:
            piece = await asyncio.wait_for(reader.read(2**16), 10)
            assert piece, "the answer was cut"
            got += piece

    assert got.count(b"word ") >= 199_000


async def test_it_refuses_a_body_that_trickles(door: Door, port: int) -> None:
    async with connected(port) as (reader, writer):
        writer.write(head(door, port, 1000))
        said = asyncio.create_task(reader.read())
        while not said.done():
            writer.write(b" ")
            await asyncio.sleep(WAITED_S / 5)
        told, _, body = (await said).partition(b"\r\n\r\n")

    assert told.startswith(b"HTTP/1.1 408 ")
    error = json.loads(body)["error"]
    assert (error["code"], error["type"]) == ("request.timeout", "invalid_request_error")
    assert door.first.calls == 0
