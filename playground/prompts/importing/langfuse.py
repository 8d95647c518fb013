"""Read prompts of Langfuse, as its public API gives them with ``resolve=false``. Pure.

Source: https://langfuse.com/docs/prompt-management/data-model and
https://langfuse.com/docs/prompt-management/features/composability
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from playground.core.errors import InvalidInput
from playground.prompts.content import Content, PromptKind, content_of
from playground.prompts.importing.expressing import Names, Piece, joined
from playground.prompts.importing.naming import Slugs
from playground.prompts.importing.reporting import Imported, Notes, Report, only_objects
from playground.prompts.importing.settling import (
    response_format_of,
    role_of,
    settings_of,
    tools_of,
)
from playground.prompts.importing.substitutions import pieces_of

_REFERENCE = re.compile(r"@@@langfusePrompt:name=([^|@]+)\|(version|label)=([^|@]+)@@@")


def read_langfuse(document: Any, *, team: str, name: str) -> Report:
    """Return the prompts of one answer, of a list, or of a page with ``data``; oldest first.

    Raises:
        InvalidInput: ``prompt.import-invalid``.
    """
    if isinstance(document, dict) and isinstance(document.get("data"), list):
        document = document["data"]
    said = [{**each, "name": str(each.get("name") or name)} for each in only_objects(document)]
    for index, each in enumerate(said):
        if not isinstance(each.get("prompt"), str | list):
            raise InvalidInput(
                "prompt.import-invalid",
                f"prompt {index}: it has no prompt; Langfuse's list only names prompts, the export "
                "holds the answer of each",
            )
    included = {found[1] for each in said for found in _REFERENCE.finditer(str(each["prompt"]))}
    names = frozenset(each["name"] for each in said)
    export = _Export(team, Slugs(), names, frozenset(included))
    return Report(tuple(export.imported(each) for each in sorted(said, key=_number)))


def _number(said: Mapping[str, Any]) -> int:
    version = said.get("version")
    return version if isinstance(version, int) else 0


@dataclass(frozen=True, slots=True)
class _Export:
    """What is known of a document as a whole; ``included`` are names that others refer to."""

    team: str
    slugs: Slugs
    names: frozenset[str]
    included: frozenset[str]

    def imported(self, said: Mapping[str, Any]) -> Imported:
        """Return one version."""
        notes = Notes()
        called = said["name"]
        slug = self.slugs.of(called, notes)
        for what in ("labels", "tags"):
            words = [str(each) for each in said.get(what) or [] if each != "latest"]
            if words:
                notes.lost(what, f"{', '.join(words)}: set them where they are wanted")
        version = f"Langfuse version {said['version']}" if "version" in said else "From Langfuse"
        note = str(said.get("commitMessage") or version)
        return Imported(slug, self._content(said, notes), note, notes.changes)

    def _content(self, said: Mapping[str, Any], notes: Notes) -> Content:
        names = Names(notes)
        config = dict(said["config"]) if isinstance(said.get("config"), dict) else {}
        wanted = config.pop("response_format", None) or config.pop("json_schema", None)
        body: dict[str, Any] = {
            "tools": tools_of(config.pop("tools", None), notes),
            "response_format": response_format_of(wanted, notes),
            "settings": settings_of(config, notes),
        }
        prompt = said["prompt"]
        if isinstance(prompt, list):
            messages = only_objects(prompt)
            body["messages"] = [self._message(m, at, names, notes) for at, m in enumerate(messages)]
            return content_of(body)
        body["kind"] = PromptKind.TEXT
        if said["name"] in self.included:
            body["kind"] = PromptKind.FRAGMENT
            notes.changed("text", "is included by others, so it is a fragment")
        body["messages"] = [{"role": "text", "template": self._template(prompt, names, notes)}]
        return content_of(body)

    def _message(
        self, said: Mapping[str, Any], index: int, names: Names, notes: Notes
    ) -> dict[str, Any]:
        if said.get("type") == "placeholder":
            return {"role": "placeholder", "name": names.of(str(said.get("name", "")))}
        content = said.get("content")
        if not isinstance(content, str):
            raise InvalidInput("prompt.import-invalid", f"message {index}: its content is not text")
        for field in sorted(said.keys() - {"type", "role", "content"}):
            notes.lost(field, "is no part of a message here", message=index)
        template = self._template(content, names, notes, index)
        return {"role": role_of(said.get("role"), notes, message=index), "template": template}

    def _template(self, text: str, names: Names, notes: Notes, index: int | None = None) -> str:
        return joined(self._pieces(text, names, notes, index))

    def _pieces(self, text: str, names: Names, notes: Notes, index: int | None) -> Iterator[Piece]:
        position = 0
        for found in _REFERENCE.finditer(text):
            yield from pieces_of(text[position : found.start()], names, notes, message=index)
            name, by, which = found.groups()
            yield f'{{% include "{self.team}/{self.slugs.of(name)}" %}}', False
            here = "is pinned when the prompt is saved"
            if name not in self.names:
                here = "has to be a fragment already: it is not in this document"
            notes.changed(
                f"reference to {name}", f"was {by} {which} there; here it {here}", message=index
            )
            position = found.end()
        yield from pieces_of(text[position:], names, notes, message=index)
