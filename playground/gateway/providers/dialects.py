"""What endpoints that speak OpenAI's Chat Completions do each in their own way.

A difference is here only if its source is: what a provider merely ignores is left to it, and what
would change the answer is never left out silently.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote

import orjson

Kind = Literal["openai", "azure", "anthropic", "gemini", "vllm", "ollama", "llamacpp", "other"]

# o1, o3-mini, o4-mini, gpt-5, gpt-5.1-…; a path before it is a proxy's.
_REASONING = re.compile(r"(?:.*/)?(?:o[134]|gpt-5)(?:[-.].*)?\Z")
# What no answer depends on, unless calls in parallel are forbidden.
_DISPENSABLE = frozenset(
    "stream_options parallel_tool_calls user metadata store prompt_cache_key "
    "safety_identifier".split()
)
_AZURE_ROOT = re.compile(r"/openai(?:/v1|/deployments/[^/]+)?\Z")


def url(kind: str, base_url: str, route: str, *, model: str = "", api_version: str = "") -> str:
    """Return where a route is.

    Azure has two interfaces: ``…/openai/v1/``, and the classic one, which names the deployment in
    the path and wants a version. Its base URL may be the bare address of the resource.

    Source: https://learn.microsoft.com/azure/foundry/openai/api-version-lifecycle,
    https://raw.githubusercontent.com/openai/openai-node/HEAD/docs/azure.md and, for the classic
    one, https://github.com/openai/openai-python/blob/main/src/openai/lib/azure.py
    """
    base = base_url.rstrip("/")
    if kind != "azure":
        return f"{base}/{route}"
    root = _AZURE_ROOT.sub("", base)
    if api_version:
        deployment = f"deployments/{quote(model, safe='')}/" if model else ""
        return f"{root}/openai/{deployment}{route}?api-version={quote(api_version, safe='')}"
    return f"{base}/{route}" if base.endswith("/v1") else f"{root}/openai/v1/{route}"


def headers(kind: str, api_key: str) -> dict[str, str]:
    """Return how the key is shown: in Azure's own header, to the others as a bearer's.

    Anthropic and Gemini take the bearer's form at their OpenAI-compatible interfaces.

    Source: https://github.com/openai/openai-python/blob/main/src/openai/lib/azure.py,
    https://docs.anthropic.com/es/api/openai-sdk and
    https://developers.googleblog.com/gemini-is-now-accessible-from-the-openai-library
    """
    if not api_key:
        return {}
    return {"api-key": api_key} if kind == "azure" else {"Authorization": f"Bearer {api_key}"}


def listing_headers(kind: str, api_key: str) -> dict[str, str]:
    """Return what asking for the models needs besides: Anthropic lists them at its own interface.

    Source: https://platform.claude.com/docs/en/api/models-list
    """
    if kind != "anthropic" or not api_key:
        return {}
    return {"x-api-key": api_key, "anthropic-version": "2023-06-01"}


def adapted(kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body as the endpoint takes it, as far as its model's name tells.

    OpenAI's reasoning models refuse ``max_tokens`` and take ``max_completion_tokens``; Ollama
    ignores the latter and would not stop. Where both are given the lower one goes alone: OpenAI
    and Gemini refuse to choose. Ollama ignores that no tool may be called, so it gets none then.

    Source: https://github.com/MicrosoftDocs/azure-ai-docs, articles/ai-foundry/openai/how-to/
    reasoning.md, https://github.com/continuedev/continue/issues/7052,
    https://github.com/langchain-ai/langgraph/issues/5943 (both limits) and, for Ollama,
    https://github.com/ollama/ollama/blob/main/openai/openai.go and .../issues/17921
    """
    if kind == "ollama":
        if body.get("tool_choice") == "none":
            body = _without(body, "tools", "tool_choice")
        return _limited(body, "max_tokens")
    if kind in ("openai", "azure") and _REASONING.match(str(body.get("model") or "")):
        return _limited(body, "max_completion_tokens")
    if "max_tokens" in body and "max_completion_tokens" in body:
        newer = kind in ("openai", "azure", "gemini")
        return _limited(body, "max_completion_tokens" if newer else "max_tokens")
    return dict(body)


def mended(kind: str, body: Mapping[str, Any], refused: bytes) -> dict[str, Any] | None:
    """Return the body without what a 400 has refused; None where it cannot be done without.

    An Azure deployment's name does not tell its model, and servers refuse what they do not know:
    the tokens are counted here then.

    Source: https://github.com/griptape-ai/ComfyUI-Griptape/issues/312 (max_tokens),
    https://github.com/jackmpcollins/magentic/pull/382 (Gemini's unknown names)
    """
    if kind in ("openai", "azure", "other") and "max_tokens" in body:
        error = error_of(refused)
        if error.get("code") == "unsupported_parameter" and error.get("param") == "max_tokens":
            return _limited(body, "max_completion_tokens")
    unknown = set()
    if kind == "gemini":
        named = {match.decode() for match in re.findall(rb'Unknown name \\"(\w+)\\"', refused)}
        unknown = named & _DISPENSABLE & set(body)
        if body.get("parallel_tool_calls") is False:
            unknown.discard("parallel_tool_calls")
    if "stream_options" in body and b"stream_options" in refused:
        unknown.add("stream_options")
    if not unknown:
        return None
    return _without(body, *unknown)


def _limited(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Give the longest answer that is allowed by this name alone."""
    rest = _without(body, "max_tokens", "max_completion_tokens")
    given = [body.get(each) for each in ("max_tokens", "max_completion_tokens")]
    limits = [limit for limit in given if isinstance(limit, int)]
    return {name: min(limits), **rest} if limits else rest


def _without(body: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


def error_of(body: bytes) -> dict[str, Any]:
    """Return the members of an error, wherever the endpoint writes them; empty for none.

    ``{"error": {…}}`` is OpenAI's, Azure's, llama.cpp's, Ollama's and, beside ``"type":
    "error"``, Anthropic's; ``[{"error": {…}}]`` is Gemini's; ``{"error": "text"}`` is Ollama's
    own interface's; ``{"object": "error", …}`` is vLLM's before 0.10.1.

    Source: https://learn.microsoft.com/en-us/microsoft-cloud/dev/dev-proxy/concepts/
    anthropic-529-overloaded-error, https://github.com/jackmpcollins/magentic/pull/382 (Gemini),
    https://github.com/vllm-project/vllm/issues/12886 and .../pull/22099,
    https://github.com/ollama/ollama/blob/main/openai/openai.go,
    https://github.com/mostlygeek/llama-swap/issues/146 (llama.cpp)
    """
    try:
        answer = orjson.loads(body)
    except ValueError:
        return {}
    if isinstance(answer, list) and answer:
        answer = answer[0]
    if not isinstance(answer, dict):
        return {}
    error = answer.get("error")
    if isinstance(error, dict):
        return error
    return answer | {"message": error} if isinstance(error, str) else answer
