"""Take prompts of other products in: a document, what would become of it, and then the saving."""

import json
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from playground.core.canonical import content_hash
from playground.core.errors import InvalidInput
from playground.policy.deciding import Resource, require
from playground.policy.requests import TeamRequest
from playground.prompts.adopting import Adopted, adopt_agreed
from playground.prompts.importing.naming import slug_of
from playground.prompts.importing.reading import Source, read_document
from playground.prompts.importing.reporting import Imported
from playground.prompts.pages.editing import read_json
from playground.prompts.saving_many import Saved

MAX_BYTES = 1_000_000
SOURCES = {
    Source.LANGFUSE: ("Langfuse", "Answers of its prompts API, one or a list"),
    Source.LANGSMITH: ("LangSmith", "A commit of the hub, or LangChain's dumpd of a prompt"),
    Source.MLFLOW: ("MLflow", "Versions of the prompt registry"),
    Source.OPENAI: ("OpenAI", "A request, as the Playground shows it under Code"),
}


@dataclass(slots=True)
class Form:
    """What was typed, with what its text means as JSON; ``errors`` maps fields to what is wrong."""

    source: Source = Source.LANGFUSE
    text: str = ""
    document: Any = None
    name: str = ""
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """One prompt of the document, and what becomes of it."""

    imported: Imported
    saved: Saved

    @property
    def lost(self) -> int:
        """Return how many things of it are gone."""
        return sum(change.fate == "lost" for change in self.imported.changes)

    @property
    def tone(self) -> str:
        """Return the colour of what becomes of it."""
        return {"refused": "error", "unchanged": ""}.get(self.saved.outcome.value, "ok")


@dataclass(frozen=True, slots=True)
class Outlook:
    """What would become of a document in a team."""

    team: str
    adopted: Adopted
    rows: list[Row]

    @property
    def new(self) -> int:
        """Return how many versions there would be."""
        return sum(row.saved.outcome in ("created", "saved") for row in self.rows)

    @property
    def refused(self) -> int:
        """Return how many cannot be saved."""
        return len(self.adopted.errors)

    @property
    def digest(self) -> str:
        """Return what is the same for two of which a person sees the same, and else never."""
        return content_hash([self.team, self.adopted.as_json()])


@require_http_methods(["GET", "HEAD", "POST"])
def import_prompts(request: TeamRequest) -> HttpResponse:
    """Show what a document would become, and save it."""
    require(request.context, "create", Resource("Prompt", "new", request.context.team))
    if request.method != "POST":
        return _page(request, Form())
    form = _read(request)
    if form.errors:
        return _page(request, form, status=422)
    try:
        report = read_document(
            form.source, form.document, team=request.context.team, name=slug_of(form.name)
        )
    except InvalidInput as error:
        form.errors["document"] = error.detail
        return _page(request, form, status=error.status)
    team, saves = request.context.team, request.POST.get("do") == "save"

    def agreed(adopted: Adopted) -> bool:
        seen = _outlook(team, adopted)
        return saves and seen.new > 0 and request.POST.get("shown") == seen.digest

    adopted, saved = adopt_agreed(request.context, report, agreed)
    outlook = _outlook(team, adopted)
    if not saved:
        changed = saves and not outlook.refused and outlook.new > 0
        status = 409 if changed else 422 if saves and outlook.refused else 200
        return _page(request, form, outlook, status=status, changed=changed)
    count = outlook.new
    said = f"{count} prompt version{'' if count == 1 else 's'} saved."
    messages.success(request, f"{said} Labels are set where they are wanted.")
    return redirect("prompts")


def _outlook(team: str, adopted: Adopted) -> Outlook:
    outcomes = {id(each.wanted.content): each for each in adopted.saved}
    rows = [Row(each, outcomes[id(each.content)]) for each in adopted.report.prompts]
    return Outlook(team, adopted, rows)


def _read(request: TeamRequest) -> Form:
    said = request.POST
    source = said.get("source", "")
    form = Form(name=said.get("name", "").strip()[:100], text=said.get("document", ""))
    if source in list(Source):
        form.source = Source(source)
    else:
        form.errors["source"] = "Say where the document comes from."
    uploaded = request.FILES.get("file")
    if uploaded is not None:
        if (uploaded.size or 0) > MAX_BYTES:
            form.errors["document"] = "A document has at most 1 MB: export fewer prompts at once."
            return form
        try:
            form.text = uploaded.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            form.errors["document"] = "The file is not UTF-8 text."
            return form
        form.name = form.name or str(uploaded.name).rpartition(".")[0][:100]
    form.name = form.name or "prompt"
    if not form.text.strip():
        form.errors["document"] = "Paste a document, or choose a file."
    elif not form.errors:
        _parse(form)
    return form


def _parse(form: Form) -> None:
    try:
        form.document = read_json(form.text)
    except json.JSONDecodeError as error:
        form.errors["document"] = f"Line {error.lineno}, column {error.colno}: {error.msg}."
    except (RecursionError, TypeError, ValueError):
        form.errors["document"] = (
            "It nests too deeply, or holds a number or character that JSON has not."
        )


def _page(
    request: TeamRequest,
    form: Form,
    outlook: Outlook | None = None,
    *,
    status: int = 200,
    changed: bool = False,
) -> HttpResponse:
    shown: dict[str, Any] = {
        "form": form,
        "outlook": outlook,
        "changed": changed,
        "sources": SOURCES.items(),
    }
    if request.htmx:
        # It puts no answer in its place that is an error by its status.
        return render(request, "prompts/import.html#report", shown)
    return render(request, "prompts/import.html", shown, status=status)
