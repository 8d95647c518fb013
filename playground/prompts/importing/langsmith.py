"""Read prompts of LangSmith: a hub commit, or LangChain's serialisation of a prompt. Pure.

Source: the ``manifest`` of https://api.smith.langchain.com/redoc, made by ``dumpd`` of
https://reference.langchain.com/python/langchain_core/load/.
"""

from collections.abc import Mapping
from typing import Any

from playground.prompts.content import Content, PromptKind, content_of
from playground.prompts.importing.expressing import Names, quoted
from playground.prompts.importing.langchain_messages import Messages, refuse
from playground.prompts.importing.naming import Slugs
from playground.prompts.importing.reporting import Imported, Notes, Report, Skipped, only_objects
from playground.prompts.importing.sections import Variables
from playground.prompts.importing.settling import response_format_of, settings_of, tools_of

_MODEL_DETAILS = frozenset(
    ("stream_usage", "model_kwargs", "streaming", "use_responses_api", "output_version")
)


def read_langsmith(document: Any, *, team: str, name: str) -> Report:
    """Return the prompts of a commit, of several, or of a bare manifest, called ``name`` then.

    Commits that say when they were made are brought in that order: the hub lists the newest first.

    Raises:
        InvalidInput: ``prompt.import-invalid``.
    """
    if isinstance(document, dict) and isinstance(document.get("commits"), list):
        document = document["commits"]
    commits = only_objects(document)
    if all(isinstance(each.get("created_at"), str) for each in commits):
        commits.sort(key=lambda each: str(each["created_at"]))
    slugs = Slugs()
    called: dict[str, str] = {}
    prompts: list[Imported] = []
    skipped: list[Skipped] = []
    for index, each in enumerate(commits):
        manifest = each.get("manifest", each)
        # Commits of one repository are versions of one prompt, also where they do not name it.
        repository = str(each.get("repo_id") or index)
        other = name if not called else f"{name}-{len(called) + 1}"
        said = each.get("repo") or called.setdefault(repository, other)
        if not isinstance(manifest, dict) or manifest.get("lc") != 1:
            raise refuse(f"prompt {index}: neither a commit with a manifest nor a manifest")
        if manifest.get("type") == "not_implemented":
            kind = (manifest.get("id") or ["object"])[-1]
            skipped.append(Skipped(str(said), f"LangChain does not export a {kind}"))
            continue
        note = each.get("description") or ""
        commit = str(each.get("commit_hash") or "")[:8]
        notes = Notes()
        content = _prompt(manifest, notes, model=each.get("model_config"))
        note = str(note) or (f"LangSmith commit {commit}" if commit else "From LangSmith")
        slug = slugs.of(str(said), notes)
        prompts.append(Imported(slug, content, note, notes.changes))
    return Report(tuple(prompts), tuple(skipped))


def _prompt(manifest: Mapping[str, Any], notes: Notes, *, model: Any = None) -> Content:
    """Return what a prompt says, or a sequence of a prompt and a model.

    Args:
        model: what the commit says of the model beside its manifest.
    """
    kind, said = _parts(manifest)
    body: dict[str, Any] = {"settings": {}, "tools": []}
    if kind == "RunnableSequence":
        _, first = _parts(said.get("first"))
        for step in [*(said.get("middle") or []), said.get("last")]:
            _step(step, body, notes)
        kind, said = _parts(said["first"])[0], first
    if isinstance(model, dict) and not body["settings"]:
        own = model["kwargs"] if isinstance(model.get("kwargs"), dict) else model
        body["settings"] = settings_of(own, notes)
    if "schema_" in said:
        body["response_format"] = response_format_of(said["schema_"], notes)
    names, variables = Names(notes), Variables()
    reader = Messages(names, variables, notes, _fixed(said, names, notes))
    if kind == "PromptTemplate":
        body["kind"] = PromptKind.TEXT
        body["messages"] = [{"role": "text", "template": reader.template(said, 0)}]
    elif kind in ("ChatPromptTemplate", "StructuredPrompt"):
        body["messages"] = reader.read(said.get("messages"))
    else:
        raise refuse(f"{kind} is no prompt that can be read")
    if variables.sections:
        body["inputs"] = _inputs(variables, names, reader)
    return content_of(body)


def _parts(thing: Any) -> tuple[str, Mapping[str, Any]]:
    """Return the class and the arguments of a serialised object."""
    if not isinstance(thing, dict) or not thing.get("id") or "kwargs" not in thing:
        raise refuse("a part of the manifest is not LangChain's serialisation of an object")
    return str(thing["id"][-1]), thing["kwargs"]


def _step(step: Any, body: dict[str, Any], notes: Notes) -> None:
    """Take what a step after the prompt says of the model call."""
    if not isinstance(step, dict) or "kwargs" not in step:
        notes.lost("a step after the prompt", "cannot be read")
        return
    kind, said = _parts(step)
    if kind == "RunnableBinding":
        bound = dict(said.get("kwargs") or {})
        body["tools"] += tools_of(bound.pop("tools", None), notes)
        body["response_format"] = response_format_of(
            bound.pop("response_format", None), notes
        ) or body.get("response_format")
        body["settings"] |= settings_of(bound, notes)
        _step(said.get("bound"), body, notes)
    elif "model" in said or "model_name" in said:
        own = {
            name: value
            for name, value in said.items()
            if name not in _MODEL_DETAILS and not (isinstance(value, dict) and "lc" in value)
        }
        body["settings"] = {**settings_of({**own, **_more(said)}, notes), **body["settings"]}
        notes.changed(kind, "is the model's class there; here the gateway's routes say who answers")
    else:
        notes.lost(kind, "is a step after the prompt, not a model")


def _more(said: Mapping[str, Any]) -> dict[str, Any]:
    more = said.get("model_kwargs")
    return more if isinstance(more, dict) else {}


def _fixed(said: Mapping[str, Any], names: Names, notes: Notes) -> dict[str, str]:
    """Return the partial variables, each as a statement of Jinja that sets it."""
    fixed: dict[str, str] = {}
    partial = said.get("partial_variables")
    for name, value in (partial if isinstance(partial, dict) else {}).items():
        if isinstance(value, dict) and "lc" in value:
            notes.lost(f"partial variable {name}", "is computed; it has to be given")
        elif value != []:
            # An empty list is what an optional placeholder gets.
            fixed[names.of(name)] = f"{{% set {names.of(name)} = {quoted(value)} %}}"
            notes.changed(f"partial variable {name}", "is set in the templates that read it")
    return fixed


def _inputs(variables: Variables, names: Names, reader: Messages) -> dict[str, Any]:
    needed = sorted(variables.needed | reader.read_plainly)
    known: dict[str, Any] = {name: {} for name in sorted({*needed, *variables.within})}
    lists = {name: {"type": "array", "items": {"type": "object"}} for name in reader.placeholders}
    return {
        "type": "object",
        "properties": {**known, **lists},
        "required": [name for name in needed if name not in reader.fixed],
    }
