"""The ASGI application: pages and API by Django, sockets by Channels."""

import os
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import WebsocketDenier
from django.core.asgi import get_asgi_application
from django.urls import path, re_path

# Tasks are sent through the Celery application that was made last: this one, with its broker.
import playground.celery  # noqa: F401

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "playground.settings")
# Django must be set up before any consumer imports a model.
django_application = get_asgi_application()

from playground.gateway.door.serving import PREFIX  # noqa: E402
from playground.gateway.door.serving import application as gateway  # noqa: E402
from playground.messaging.consumers import ThreadConsumer  # noqa: E402
from playground.policy.origins import origin_allowed  # noqa: E402
from playground.tracing.consumers import TraceConsumer  # noqa: E402

sockets = URLRouter(
    [
        path("ws/threads/<uuid:thread_id>", ThreadConsumer.as_asgi()),
        path("ws/traces/<str:trace_id>", TraceConsumer.as_asgi()),
        re_path("", WebsocketDenier.as_asgi()),
    ]
)


async def guarded_sockets(scope: Any, receive: Any, send: Any) -> None:
    """Open a socket to our own pages and to programs with a key, to no other page."""
    door = sockets if origin_allowed(scope) else WebsocketDenier.as_asgi()
    await door(scope, receive, send)


async def http(scope: Any, receive: Any, send: Any) -> None:
    """Send ``/v1`` to the gateway's own door and everything else to Django."""
    door = gateway if scope["path"].startswith(PREFIX) else django_application
    await door(scope, receive, send)


application = ProtocolTypeRouter({"http": http, "websocket": guarded_sockets})
