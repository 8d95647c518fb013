"""The page of the models: what can be called, how to call it from one's own code, and a try."""

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from playground.core.context import RequestContext
from playground.gateway import catalogue, overview
from playground.policy.deciding import Resource, decide
from playground.policy.requests import TeamRequest

SHELL = """curl {base}/chat/completions \\
  -H "Authorization: Bearer $PLAYGROUND_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{{"model": "{model}", "messages": [
       {{"role": "user", "content": "Hello"}}]}}'"""
OPENAI = """from os import environ
from openai import OpenAI

client = OpenAI(
    base_url="{base}",
    api_key=environ["PLAYGROUND_KEY"],
)
answer = client.chat.completions.create(
    model="{model}",
    messages=[{{"role": "user", "content": "Hello"}}],
)"""
LANGCHAIN = """from os import environ
from langchain_openai import ChatOpenAI

model = ChatOpenAI(
    model="{model}",
    base_url="{base}",
    api_key=environ["PLAYGROUND_KEY"],
)"""


@require_safe
def models(request: TeamRequest) -> HttpResponse:
    """Show the models by who answers, and a try; htmx gets the list alone."""
    shown = {
        "groups": overview.offered(request.context),
        "default": catalogue.default_model(),
        "administers": request.user.is_active and request.user.is_staff,
    }
    if request.headers.get("HX-Target") == "models-list":
        return render(request, "gateway/models_list.html", shown)
    offered = catalogue.available()
    base = f"{settings.PLAYGROUND_PUBLIC_URL}/v1"
    samples = [
        (name, title, code.format(base=base, model=shown["default"]))
        for name, title, code in (
            ("openai", "Python, openai", OPENAI),
            ("langchain", "LangChain", LANGCHAIN),
            ("shell", "Shell", SHELL),
        )
    ]
    more = {
        "offered": offered,
        "base": base,
        "samples": samples,
        "may_call": _may_call(request.context),
        "offline_only": all(each.offline for each in offered),
    }
    return render(request, "gateway/models.html", shown | more)


@require_safe
def routes(request: TeamRequest) -> HttpResponse:
    """Show where names lead and how endpoints are; htmx gets the lists alone."""
    fragment = request.headers.get("HX-Target") == "routes"
    routes, administers = overview.routes(), request.user.is_active and request.user.is_staff
    return render(
        request,
        "gateway/routes_lists.html" if fragment else "gateway/routes.html",
        {
            "routes": routes,
            "endpoints": overview.endpoints(),
            "default": catalogue.default_model(),
            "administers": administers,
            "edit": overview.edit_paths(each.name for each in routes) if administers else {},
        },
    )


def _may_call(context: RequestContext) -> bool:
    return decide(context, "invoke", Resource("Model", "any", context.team), audit=False).allowed
