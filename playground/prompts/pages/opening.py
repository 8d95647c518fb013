"""Open the editor on a prompt: on one's own draft, a version, or what was just typed."""

import json
from dataclasses import dataclass, field

from playground.core.context import RequestContext
from playground.gateway import catalogue
from playground.prompts.composing import includes_of
from playground.prompts.content import PromptKind
from playground.prompts.finding import version_of
from playground.prompts.models import Draft, Prompt, PromptVersion
from playground.prompts.pages.browsing import fragments_for
from playground.prompts.pages.editing import ROLES, Card, Sheet, sheet_of
from playground.prompts.pages.meeting import Meeting
from playground.prompts.pages.previewing import discovers
from playground.prompts.pages.showing import EditingNow, editing_now
from playground.prompts.pages.trying import Opener, opener

FOLDED = {
    "inputs": "Inputs",
    "model": "Model",
    "temperature": "Temperature",
    "max_tokens": "Most tokens",
    "settings": "Other settings",
    "tools": "Tools",
    "response_format": "Response format",
}
"""What stands folded away beneath the messages, and is unfolded where it is wrong."""


@dataclass(slots=True)
class Editor:
    """Everything that the editor shows.

    Attributes:
        errors: by field, what is wrong.
        asks: whether the draft can be taken to where it is asked.
    """

    prompt: Prompt
    sheet: Sheet
    based_on: int
    latest: PromptVersion
    draft: Draft | None = None
    editors: list[EditingNow] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    failure: str = ""
    note: str = ""
    notice: str = ""
    meeting: Meeting | None = None
    roles: tuple[str, ...] = ROLES
    blank: Card = field(default_factory=lambda: Card("user"))
    models: list[str] = field(default_factory=list)
    fragments: str = "[]"
    asks: bool = False

    @property
    def unsaved(self) -> bool:
        """Tell whether the form holds what no version does."""
        return bool(self.draft or self.errors or self.failure or self.meeting or self.notice)

    @property
    def wrong(self) -> dict[str, str]:
        """Return the titles of the folded fields that are wrong, by their names."""
        return {name: title for name, title in FOLDED.items() if name in self.errors}


def opened(context: RequestContext, prompt: Prompt, wanted: str) -> Editor:
    """Open one's draft, else the version of the ``wanted`` number, else the newest."""
    latest = prompt.versions.newest_first()[0]
    draft = Draft.objects.filter(prompt=prompt, author=context.subject).first()
    if draft is not None and not wanted:
        sheet = sheet_of(draft.content, own_inputs="inputs" in draft.content)
        return Editor(prompt, sheet, draft.based_on or latest.number, latest, draft=draft)
    shown = version_of(prompt, version=int(wanted[:9])) if wanted.isdecimal() else latest
    notice = "" if shown == latest else f"This is what version {shown.number} says."
    own = not discovers(shown.content, includes_of(shown))
    sheet = sheet_of(shown.content.as_json(), own_inputs=own)
    return Editor(prompt, sheet, latest.number, latest, notice=notice)


def equip(context: RequestContext, editor: Editor) -> None:
    """Lay out what stands around the form: who else edits, models, fragments, where it is asked."""
    editor.editors = editing_now(context, editor.prompt)
    editor.asks = opener_for(editor.prompt) is not None
    editor.models = [model.id for model in catalogue.available()]
    editor.fragments = json.dumps(
        [
            {"path": each.path, "title": each.title, "href": f"/prompts/{each.path}"}
            for each in fragments_for(context)
            if each.pk != editor.prompt.pk
        ]
    )


def opener_for(prompt: Prompt) -> Opener | None:
    """Return who takes drafts to where they are asked; a fragment is nothing to ask."""
    return None if prompt.kind == PromptKind.FRAGMENT else opener()
