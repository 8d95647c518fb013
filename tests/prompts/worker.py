"""A Celery worker of the product's own that also answers a drill: which version would it use?

It listens on the socket that ``DRILL_SOCKET`` names. ``choose`` answers the number behind the label
``live`` of ``hiring/drilled``, ``move N`` moves the label there first.
"""

import os
import socket
import threading

import django
from celery.signals import worker_ready

from playground.celery import app

django.setup()

from django.db import connections  # noqa: E402

from playground.core.context import RequestContext  # noqa: E402
from playground.prompts.labelling import move_label  # noqa: E402
from playground.prompts.resolving import choose  # noqa: E402

NAME, LABEL = "hiring/drilled", "live"
CONTEXT = RequestContext(subject="user:drill", team="hiring")
QUIET = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "WARNING"]


def answer(line: str) -> str:
    word, _, number = line.partition(" ")
    if word == "move":
        move_label(CONTEXT, NAME, label=LABEL, version=int(number))
    return str(choose(CONTEXT, name=NAME, label=LABEL).version.number)


def converse(line: socket.socket) -> None:
    with line.makefile("rw") as said:
        for each in said:
            try:
                told = answer(each.strip())
            except Exception as error:
                told = repr(error)
            for connection in connections.all(initialized_only=True):
                connection.close()
            said.write(f"{told}\n")
            said.flush()


@worker_ready.connect
def listen(**_: object) -> None:
    door = socket.socket(socket.AF_UNIX)
    door.bind(os.environ["DRILL_SOCKET"])
    door.listen()

    def accept() -> None:
        while True:
            line, _ = door.accept()
            threading.Thread(target=converse, args=(line,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


if __name__ == "__main__":
    app.worker_main(["worker", "-P", "threads", "-c", "2", *QUIET])
