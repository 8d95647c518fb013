"""Mock endpoints that refuse what each provider refuses, in its words, and stream in its shape."""

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from aiohttp import web

from playground.gateway.chat import ChatRequest
from playground.gateway.events import Asked, Said, of_provider
from playground.gateway.providers.openai_compatible import OpenAICompatible

KEY = "correcthorsebatterystaple"
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}


def error(status: int, body: Any, **headers: str) -> web.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.json_response(body, status=status, headers=named)


def openai_error(status: int, message: str, /, **members: Any) -> web.Response:
    return error(status, {"error": {"message": message, "param": None, "code": None} | members})


@dataclass
class Upstream:
    """Says “Hello”, or calls ``look`` where tools are given; ``fails`` answers instead, once."""

    kind: ClassVar[str] = "other"
    base: ClassVar[str] = "/v1"
    usage: ClassVar[dict[str, Any]] = {"prompt_tokens": 9, "completion_tokens": 1}
    fails: list[web.Response] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.paths.append(request.path_qs)
        refused = self.lock(request)
        if refused is None and request.method == "GET":
            return web.json_response({"data": [{"id": "m"}]})
        if refused is None:
            self.bodies.append(await request.json())
            refused = self.fails.pop(0) if self.fails else self.refuse(self.bodies[-1])
        if refused is not None:
            return refused
        body = self.bodies[-1]
        if not body.get("stream"):
            return web.json_response(self.whole(body))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for event in self.events(body):
            await response.write(f"data: {json.dumps(event)}\n\n".encode())
        await response.write(b"data: [DONE]\n\n")
        return response

    def lock(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") == f"Bearer {KEY}":
            return None
        return openai_error(401, "Incorrect API key provided.", code="invalid_api_key")

    def refuse(self, body: dict[str, Any]) -> web.Response | None:
        return None

    def calls(self) -> list[dict[str, Any]]:
        function = {"name": "look", "arguments": '{"x":1}'}
        return [{"index": 0, "id": "call_a", "type": "function", "function": function}]

    def whole(self, body: dict[str, Any]) -> dict[str, Any]:
        message = {"role": "assistant", "content": "Hello"}
        if body.get("tools"):
            message = {"role": "assistant", "content": None, "tool_calls": self.calls()}  # type: ignore[dict-item]
        finish = "tool_calls" if body.get("tools") else "stop"
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return {"id": "c", "choices": [choice], "usage": self.usage}

    def events(self, body: dict[str, Any]) -> list[Any]:
        said = {"tool_calls": self.calls()} if body.get("tools") else {"content": "Hello"}
        finish = "tool_calls" if body.get("tools") else "stop"
        told: list[Any] = [self.chunk(said), self.chunk({}, finish)]
        if (body.get("stream_options") or {}).get("include_usage"):
            told.append({"id": "c", "choices": [], "usage": self.usage})
        return told

    def chunk(self, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


class OpenAI(Upstream):
    kind = "openai"
    usage: ClassVar = {
        "prompt_tokens": 9,
        "completion_tokens": 1,
        "prompt_tokens_details": {"cached_tokens": 8},
    }
    reasoning = ("o1", "o3-mini", "o4-mini", "gpt-5", "gpt-5.1-mini")

    def refuse(self, body: dict[str, Any]) -> web.Response | None:
        if body["model"] in self.reasoning and "max_tokens" in body:
            return openai_error(
                400,
                "Unsupported parameter: 'max_tokens' is not supported with this model. "
                "Use 'max_completion_tokens' instead.",
                type="invalid_request_error",
                param="max_tokens",
                code="unsupported_parameter",
            )
        return None


class Azure(OpenAI):
    """Deployments have names of their own: ``thinker`` is a reasoning model."""

    kind = "azure"
    base = ""
    classic = False
    reasoning = ("thinker",)

    def lock(self, request: web.Request) -> web.Response | None:
        version, model = request.query.get("api-version"), "m"
        known = ("/openai/v1/chat/completions", "/openai/v1/models")
        if self.classic:
            known = (f"/openai/deployments/{model}/chat/completions", "/openai/models")
        if request.path not in known or (version == "2024-10-21") != self.classic:
            return error(404, {"error": {"code": "404", "message": "Resource not found"}})
        if request.headers.get("api-key") != KEY or "Authorization" in request.headers:
            return error(401, {"error": {"code": "401", "message": "Access denied"}})
        return None

    def refuse(self, body: dict[str, Any]) -> web.Response | None:
        if "bomb" in str(body["messages"]):
            hate = {"hate": {"filtered": True, "severity": "medium"}}
            inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": hate}
            return openai_error(
                400,
                "The response was filtered due to the prompt triggering the policy.",
                type=None,
                param="prompt",
                code="content_filter",
                status=400,
                innererror=inner,
            )
        return super().refuse(body)

    def events(self, body: dict[str, Any]) -> list[Any]:
        filtered = [{"prompt_index": 0, "content_filter_results": {}}]
        first = {"id": "", "model": "", "choices": [], "prompt_filter_results": filtered}
        return [first, *super().events(body)]


class Classic(Azure):
    classic = True


class Anthropic(Upstream):
    kind = "anthropic"

    def refuse(self, body: dict[str, Any]) -> web.Response | None:
        if body.get("n", 1) != 1:
            return anthropic_error(400, "invalid_request_error", "n must be 1")
        return None


def anthropic_error(status: int, name: str, message: str, **more: Any) -> web.Response:
    headers = {name: more.pop(name) for name in ("retry_after",) if name in more}
    told = {"type": name, "message": message} | more
    return error(status, {"type": "error", "error": told, "request_id": "req_1"}, **headers)


class Gemini(Upstream):
    kind = "gemini"
    base = "/v1beta/openai"
    unknown = ("parallel_tool_calls", "user", "logit_bias")

    def lock(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") == f"Bearer {KEY}":
            return None
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
        return gemini_error(400, "API key not valid.", "INVALID_ARGUMENT", details=[info])

    def refuse(self, body: dict[str, Any]) -> web.Response | None:
        for name in self.unknown:
            if name in body:
                said = f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.'
                return gemini_error(400, said, "INVALID_ARGUMENT")
        return None


def gemini_error(code: int, message: str, status: str, **more: Any) -> web.Response:
    told = {"code": code, "message": message, "status": status} | more
    return error(code, [{"error": told}])


class VLLM(Upstream):
    kind = "vllm"
    flat = True

    def refuse(self, body: dict[str, Any]) -> web.Response | None:
        if body.get("max_tokens", 0) <= 2048:
            return None
        told = {
            "message": "This model's maximum context length is 2048 tokens.",
            "type": "BadRequestError",
            "param": None,
            "code": 400,
        }
        return error(400, {"object": "error", **told} if self.flat else {"error": told})


class Nested(VLLM):
    """As it is since 0.10.1."""

    flat = False


class Ollama(Upstream):
    """Calls come whole; what it does not know it ignores, such as ``tool_choice``."""

    kind = "ollama"

    def refuse(self, body: dict[str, Any]) -> web.Response | None:
        if body["model"] != "m":
            said = f"model '{body['model']}' not found"
            return openai_error(404, said, type="not_found_error")
        return None

    def whole(self, body: dict[str, Any]) -> dict[str, Any]:
        written = super().whole(body)
        if "max_tokens" not in body:
            written["choices"][0]["message"]["content"] = "Hello " * 100
        return written


class LlamaCpp(Upstream):
    kind = "llamacpp"
    jinja = True

    def refuse(self, body: dict[str, Any]) -> web.Response | None:
        if body.get("tools") and not self.jinja:
            said = "tools param requires --jinja flag"
            return error(500, {"error": {"code": 500, "message": said, "type": "server_error"}})
        if body.get("images"):
            said = "This server does not support images."
            told = {"code": 501, "message": said, "type": "not_supported_error"}
            return error(501, {"error": told})
        return None


class Plain(LlamaCpp):
    """As it is started without ``--jinja``."""

    jinja = False


def loading() -> web.Response:
    return error(
        503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}
    )


@contextlib.asynccontextmanager
async def serving(
    upstream: Upstream, *, key: str = KEY, **options: Any
) -> AsyncIterator[OpenAICompatible]:
    """Run an endpoint on the loop of the test, with a provider that is connected to it."""
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", upstream.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    upstream.url = f"http://127.0.0.1:{runner.addresses[0][1]}{upstream.base}"
    provider = OpenAICompatible(
        name="up", base_url=upstream.url, api_key=key, kind=upstream.kind, silence_s=2, **options
    )
    try:
        yield provider
    finally:
        await provider.close()
        await runner.cleanup()


async def ask(provider: OpenAICompatible, *, streamed: bool, **more: Any) -> Said:
    """Ask as ``/v1`` does."""
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]} | more
    request = ChatRequest(model=body["model"], messages=body["messages"])
    said = Said()
    async for event in of_provider(provider, Asked(request, body, streamed, body.get("n", 1))):
        said.take(event)
    return said
