"""Read prompts of MLflow's registry: versions as its REST API or its Python objects say them. Pure.

Source: https://mlflow.org/docs/latest/genai/prompt-registry/ and
https://mlflow.org/docs/latest/api_reference/rest-api.html#modelversion
"""

import json
from collections.abc import Mapping
from typing import Any

from playground.core.errors import InvalidInput
from playground.core.numbering import whole_number
from playground.prompts.content import Content, PromptKind, content_of
from playground.prompts.importing.expressing import Names
from playground.prompts.importing.naming import Slugs
from playground.prompts.importing.reporting import Imported, Notes, Report, only_objects
from playground.prompts.importing.settling import response_format_of, role_of, settings_of
from playground.prompts.importing.substitutions import from_substitutions
from playground.prompts.templating.compiling import check

_TYPE = "_mlflow_prompt_type"
_TAGS = {
    "mlflow.prompt.text": "template",
    "_mlflow_prompt_response_format": "response_format",
    "_mlflow_prompt_model_config": "model_config",
}


def read_mlflow(document: Any, *, team: str, name: str) -> Report:
    """Return the versions of a list, of ``model_versions``, or one alone; oldest first.

    Raises:
        InvalidInput: ``prompt.import-invalid``.
    """
    for wrapper in (
        "model_versions",
        "model_version",
        "prompt_versions",
        "prompt_version",
        "prompts",
    ):
        if isinstance(document, dict) and wrapper in document:
            document = document[wrapper]
    slugs = Slugs()
    said = sorted((_untagged(each) for each in only_objects(document)), key=_number)
    return Report(tuple(_imported(each, name, slugs) for each in said))


def _untagged(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return a version with what the registry keeps in tags in its place."""
    tags = said.get("tags") or {}
    if isinstance(tags, list):
        tags = {each.get("key"): each.get("value") for each in only_objects(tags)}
    found = {**said, "tags": {key: value for key, value in tags.items() if "mlflow" not in key}}
    for tag, field in _TAGS.items():
        value = tags.get(tag)
        if not isinstance(value, str):
            continue
        is_json = field != "template" or tags.get(_TYPE) == "chat"
        try:
            found[field] = json.loads(value) if is_json else value
        except ValueError as error:
            raise InvalidInput("prompt.import-invalid", f"the tag {tag}: {error}") from None
    if tags.get(_TYPE) == "chat" and isinstance(found.get("template"), str):
        found["template"] = _chat(found["template"])
    found["is_jinja"] = tags.get(_TYPE) == "jinja2"
    return found


def _chat(text: str) -> Any:
    """Return the messages that Unity Catalog keeps as one text."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidInput("prompt.import-invalid", f"the template of a chat: {error}") from None


def _number(said: Mapping[str, Any]) -> int:
    return whole_number(str(said.get("version", ""))) or 0


def _imported(said: Mapping[str, Any], name: str, slugs: Slugs) -> Imported:
    notes = Notes()
    called = str(said.get("name") or name)
    slug = slugs.of(called, notes)
    if said["tags"]:
        notes.lost("tags", ", ".join(sorted(str(tag) for tag in said["tags"])))
    aliases = [
        str(each.get("alias") if isinstance(each, dict) else each)
        for each in said.get("aliases") or []
    ]
    if aliases:
        notes.lost("aliases", f"{', '.join(aliases)}: set them as labels where they are wanted")
    version = f"MLflow version {said['version']}" if "version" in said else "From MLflow"
    note = str(said.get("commit_message") or said.get("description") or version)
    return Imported(slug, _content(said, notes), note, notes.changes)


def _content(said: Mapping[str, Any], notes: Notes) -> Content:
    names = Names(notes)
    template = said.get("template")
    config = dict(said["model_config"]) if isinstance(said.get("model_config"), dict) else {}
    extra = config.pop("extra_params", None)
    body: dict[str, Any] = {
        "response_format": response_format_of(said.get("response_format"), notes),
        "settings": settings_of({**config, **(extra if isinstance(extra, dict) else {})}, notes),
    }
    if isinstance(template, str):
        text = _template(template, names, notes, None, is_jinja=said["is_jinja"])
        return content_of(
            {**body, "kind": PromptKind.TEXT, "messages": [{"role": "text", "template": text}]}
        )
    messages = only_objects(template) if isinstance(template, list) else []
    if not messages:
        raise InvalidInput("prompt.import-invalid", "a version has no template")
    return content_of(
        {**body, "messages": [_message(each, at, names, notes) for at, each in enumerate(messages)]}
    )


def _message(said: Mapping[str, Any], index: int, names: Names, notes: Notes) -> dict[str, Any]:
    content = said.get("content")
    if not isinstance(content, str):
        raise InvalidInput("prompt.import-invalid", f"message {index}: its content is not text")
    role = role_of(said.get("role"), notes, message=index)
    return {"role": role, "template": _template(content, names, notes, index)}


def _template(
    text: str, names: Names, notes: Notes, index: int | None, *, is_jinja: bool = False
) -> str:
    if not is_jinja and not ("{%" in text and "%}" in text):
        return from_substitutions(text, names, notes, message=index)
    # MLflow takes a text with a statement in it for Jinja, too, which drops its last newline.
    notes.changed("jinja2", "writes nothing for an undefined variable; here it fails")
    written = text.removesuffix("\n")
    try:
        check(written)
    except InvalidInput as error:
        notes.lost("jinja2", f"does not work here: {error.detail}", message=index)
    return written
