"""The client of one file, against real sockets."""

import ast
import asyncio
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from playground import client as module
from playground.client import Client, ClientError, Forbidden, Invalid, Missing, Unreachable
from tests.prompts.playground_like import Server

NAME = "hiring/outreach"


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.stop()


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.url, "pg_key", fresh_s=0.05, stale_s=30, retry_s=0.05) as one:
        yield one


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.005)


def test_it_asks_once_when_the_answer_is_fresh(server: Server) -> None:
    with Client(server.url, "pg_key", fresh_s=30) as client:
        first = client.prompt(NAME, label="production", key="member:42")
        again = client.prompt(NAME, label="production", key="member:42")

    method, path, headers = server.asked[0]
    assert (first.version, again.version, len(server.asked)) == (1, 1, 1)
    assert (method, path) == ("GET", f"/v1/prompts/{NAME}?label=production&key=member%3A42")
    assert headers["Authorization"] == "Bearer pg_key"


def test_it_asks_for_each_key_when_keys_differ(server: Server) -> None:
    with Client(server.url, "pg_key", fresh_s=30) as client:
        for key in ("a", "b", "a"):
            client.prompt(NAME, key=key)

    assert [path[-5:] for _, path, _ in server.asked] == ["key=a", "key=b"]


def test_it_tells_attributes_in_a_header_and_keeps_their_answers_apart(server: Server) -> None:
    with Client(server.url, "pg_key", fresh_s=30) as client:
        for plan in ("pro", "free", "pro"):
            client.prompt(NAME, attributes={"plan": plan, "age": 41})

    told = [headers["Playground-Attributes"] for _, _, headers in server.asked]
    assert told == ['{"age": 41, "plan": "pro"}', '{"age": 41, "plan": "free"}']
    assert not any("plan" in path for _, path, _ in server.asked)


def test_it_gives_the_last_one_and_asks_beside_when_it_is_stale(
    server: Server, client: Client
) -> None:
    client.prompt(NAME)
    server.version = 2
    server.hold.clear()
    time.sleep(0.06)

    began = time.monotonic()
    stale = client.prompt(NAME)
    took = time.monotonic() - began

    assert (stale.version, took < 1) == (1, True)
    assert stale.age_s > 0.05
    server.hold.set()
    until(lambda: client.prompt(NAME).version == 2)


def test_it_sends_the_tag_it_knows_when_it_asks_again(server: Server, client: Client) -> None:
    client.prompt(NAME)
    time.sleep(0.06)
    client.prompt(NAME)

    until(lambda: len(server.asked) == 2)
    until(lambda: client.prompt(NAME).age_s < 0.05)
    assert server.asked[1][2]["If-None-Match"] == '"1"'
    assert client.prompt(NAME).version == 1


def test_it_waits_for_the_answer_when_what_it_knows_is_too_old(server: Server) -> None:
    with Client(server.url, "pg_key", fresh_s=0.01, stale_s=0.02) as client:
        client.prompt(NAME)
        server.version = 2
        time.sleep(0.03)

        assert client.prompt(NAME).version == 2


def test_it_keeps_the_last_one_when_the_server_is_away(server: Server) -> None:
    with Client(server.url, "pg_key", fresh_s=0.01, stale_s=0.02, retry_s=0.05) as client:
        client.prompt(NAME)
        server.stop()
        for _ in range(20):
            assert client.prompt(NAME).version == 1
            time.sleep(0.005)

        server.version, server.cut = 2, False
        server.start()

        until(lambda: client.prompt(NAME).version == 2)


def test_it_marks_what_it_uses_while_the_server_is_away(server: Server) -> None:
    with Client(server.url, "pg_key", fresh_s=0.01, stale_s=0.05, retry_s=0.05) as client:
        fresh = client.prompt(NAME)
        server.status = 503
        time.sleep(0.06)
        kept = client.prompt(NAME)
        server.status, server.version = 200, 2

        until(lambda: client.prompt(NAME).version == 2)

    assert (fresh.stale, kept.stale, kept.version) == (False, True, 1)


def test_it_uses_no_answer_that_is_older_than_it_may_be(server: Server) -> None:
    with Client(
        server.url, "pg_key", fresh_s=0.01, stale_s=0.02, most_stale_s=0.1, retry_s=30
    ) as client:
        client.prompt(NAME)
        server.status = 503
        time.sleep(0.11)

        for _ in range(3):
            with pytest.raises(Unreachable) as caught:
                client.prompt(NAME)
            assert caught.value.code == "client.too-old"

    # It had asked once, and then left the server alone.
    assert len(server.asked) == 2


async def test_it_holds_up_no_event_loop_when_it_is_called_in_a_thread(server: Server) -> None:
    server.hold.clear()
    with Client(server.url, "pg_key", fresh_s=30) as client:
        asking = [asyncio.create_task(asyncio.to_thread(client.prompt, NAME)) for _ in range(5)]
        while not server.asked:
            await asyncio.sleep(0.005)

        server.hold.set()
        found = await asyncio.gather(*asking)

    assert [each.version for each in found] == [1] * 5
    assert len(server.asked) == 1


def test_it_opens_new_connections_when_it_is_used_after_it_was_closed(server: Server) -> None:
    client = Client(server.url, "pg_key", fresh_s=0.0, stale_s=0.0)
    client.prompt(NAME)

    client.close()
    client.close()
    client.render(NAME)

    assert server.connections == 2
    client.close()


def test_it_runs_alone_where_nothing_else_of_ours_is(server: Server, tmp_path: Path) -> None:
    shutil.copy(module.__file__, tmp_path / "prompts_of_ours.py")
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
import prompts_of_ours
client = prompts_of_ours.Client({server.url!r}, "pg_key")
print(client.prompt({NAME!r}).version)
"""

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, timeout=20
    )

    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


@pytest.mark.parametrize("status", [302, 408, 429, 500, 503])
def test_it_keeps_the_last_one_when_the_server_cannot_answer(server: Server, status: int) -> None:
    with Client(server.url, "pg_key", fresh_s=0.0, stale_s=0.0) as client:
        client.prompt(NAME)
        server.status = status

        assert client.prompt(NAME).version == 1


def test_it_leaves_a_server_alone_when_it_was_away_just_now(server: Server) -> None:
    with Client(server.url, "pg_key", fresh_s=0.0, stale_s=0.0, retry_s=30) as client:
        client.prompt(NAME)
        server.status = 503

        for _ in range(10):
            client.prompt(NAME)

    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, Forbidden), (403, Forbidden), (404, Missing), (400, Invalid), (429, Unreachable),
     (500, Unreachable)],
)  # fmt: skip
def test_it_says_who_can_act_when_the_server_refuses(
    server: Server, client: Client, status: int, kind: type[ClientError]
) -> None:
    server.status = status

    for call in (client.prompt, client.render):
        with pytest.raises(kind) as caught:
            call(NAME)
        assert type(caught.value) is kind
        assert (caught.value.code, caught.value.status) == (f"because.{status}", status)
        assert caught.value.detail == "No."


def test_it_forgets_a_prompt_when_the_server_no_longer_has_it(
    server: Server, client: Client
) -> None:
    client.prompt(NAME)
    server.status = 404

    def gone() -> bool:
        try:
            client.prompt(NAME)
        except Missing:
            return True
        return False

    until(gone)


@pytest.mark.parametrize("raw", [b"<html>", b"[1]", b"\xff", b""])
def test_it_takes_nonsense_for_no_answer(server: Server, client: Client, raw: bytes) -> None:
    kept = client.prompt(NAME)
    server.raw = raw
    server.version = 2

    with pytest.raises(Unreachable) as caught:
        client.prompt("hiring/other")

    assert caught.value.code == "client.bad-answer"
    time.sleep(0.06)
    assert client.prompt(NAME).version == kept.version


def test_it_reads_problem_documents_when_something_else_answers(
    server: Server, client: Client
) -> None:
    server.status, server.raw = 404, b'{"code": "not-found", "detail": "Nothing here."}'

    with pytest.raises(Missing, match=r"not-found: Nothing here\."):
        client.prompt(NAME)


def test_it_says_that_nobody_answers_when_it_knows_nothing(server: Server, client: Client) -> None:
    server.stop()
    try:
        with pytest.raises(Unreachable) as caught:
            client.prompt(NAME)
    finally:
        server.start()

    assert (caught.value.code, caught.value.status) == ("client.unreachable", 0)


def test_it_renders_at_the_server_when_asked(server: Server, client: Client) -> None:
    rendered = client.render(
        NAME, {"name": "Ada"}, history=[{"role": "user", "content": "a"}], version=1, key="k"
    )

    assert rendered.messages == [{"role": "user", "content": "Hi"}]
    assert (rendered.version, rendered.text) == (1, None)
    assert server.asked[0][:2] == ("POST", f"/v1/prompts/{NAME}/render")
    assert server.bodies == [
        {
            "version": 1,
            "key": "k",
            "variables": {"name": "Ada"},
            "history": [{"role": "user", "content": "a"}],
        }
    ]


def test_it_goes_on_when_the_server_had_closed_the_connection(
    server: Server, client: Client
) -> None:
    server.cut = True

    for number in range(3):
        assert client.render(NAME).version == 1
        assert server.connections == number + 1
        time.sleep(0.01)


def test_it_keeps_a_connection_when_it_may(server: Server, client: Client) -> None:
    for _ in range(5):
        client.render(NAME)

    assert server.connections == 1


def test_it_asks_once_when_many_threads_wait_for_the_same(server: Server, client: Client) -> None:
    server.hold.clear()
    seen: list[int] = []
    threads = [
        threading.Thread(target=lambda: seen.append(client.prompt(NAME).version)) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    until(lambda: len(server.asked) == 1)
    time.sleep(0.05)
    server.hold.set()
    for thread in threads:
        thread.join(5)

    assert seen == [1] * 20
    assert len(server.asked) == 1


def test_it_keeps_no_more_than_it_may(server: Server) -> None:
    with Client(server.url, "pg_key", fresh_s=30, max_kept=2) as client:
        for key in ("a", "b", "a", "c", "a", "b"):
            client.prompt(NAME, key=key)

    assert [path[-1] for _, path, _ in server.asked] == ["a", "b", "c", "b"]


def test_it_gives_each_caller_an_answer_of_its_own(server: Server, client: Client) -> None:
    client.prompt(NAME).messages.append({"role": "user", "template": "mine"})

    assert len(client.prompt(NAME).messages) == 1


def test_it_asks_for_nothing_but_prompts_when_a_name_is_odd(server: Server, client: Client) -> None:
    client.prompt("a?b#c/d/../e f")

    assert server.asked[0][1] == "/v1/prompts/a%3Fb%23c/d%2F..%2Fe%20f?"


@pytest.mark.parametrize("name", ["", "outreach", "/a", "a/", "../a", "a/..", "./a"])
def test_it_asks_nobody_when_a_name_is_none(server: Server, client: Client, name: str) -> None:
    with pytest.raises(Missing):
        client.prompt(name)

    assert server.asked == []


@pytest.mark.parametrize("url", ["", "playground.example", "ftp://a", "http://", "http://a?b=c"])
def test_it_refuses_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        Client(url, "pg_key")


def test_it_serves_a_forked_process_from_its_own_connections(server: Server) -> None:
    code = f"""
import os, time
from playground.client import Client
client = Client({server.url!r}, "pg_key", fresh_s=0.01, stale_s=30)
client.prompt({NAME!r}); time.sleep(0.02); client.prompt({NAME!r}); time.sleep(0.2)
pid = os.fork()
if pid == 0:
    client.prompt({NAME!r}); time.sleep(0.2)
    os._exit(0 if client.prompt({NAME!r}).age_s < 0.3 else 1)
assert os.waitpid(pid, 0)[1] == 0
client.render({NAME!r})
"""

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)

    assert done.returncode == 0, done.stderr
    assert server.connections >= 2


def test_it_needs_nothing_but_the_standard_library() -> None:
    tree = ast.parse(Path(module.__file__).read_text())
    named = {
        (node.module if isinstance(node, ast.ImportFrom) else name.name) or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }

    assert {each.partition(".")[0] for each in named} <= sys.stdlib_module_names
