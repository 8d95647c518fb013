"""Do what the buttons of a prompt's page ask for. Each branch calls one verb."""

from collections.abc import Mapping

from playground.core.context import RequestContext
from playground.core.errors import InvalidInput, PolicyDenied
from playground.core.numbering import whole_number
from playground.prompts.archiving import archive_prompt, archive_version
from playground.prompts.drafting import discard_draft
from playground.prompts.labelling import move_label, remove_label
from playground.prompts.proposing import decide_proposal, propose_label, withdraw_proposal


def act(context: RequestContext, path: str, form: Mapping[str, str]) -> str:
    """Call the verb that ``do`` names; return what happened, for the person.

    Raises:
        InvalidInput: ``prompt.action-unknown``, a number is missing, or what the verb raises.
    """
    match form.get("do"):
        case "label":
            return _label(context, path, form)
        case "unlabel":
            label = form.get("label", "")
            expected = _version(form, "expected")
            reason = form.get("reason", "")
            remove_label(context, path, label=label, expected=expected, reason=reason)
            return f"The label “{label}” is gone."
        case "approve" | "reject" as what:
            approve = what == "approve"
            answer = form.get("reason", "")
            decided = decide_proposal(
                context, form.get("proposal", ""), approve=approve, answer=answer
            )
            if approve and decided.ramp is not None:
                first = decided.ramp.steps[0].percent
                return f"“{decided.label}” is ramping: {first:g} % get the candidate now."
            if approve:
                return f"“{decided.label}” is at version {decided.version.number} now."
            return f"The proposal for “{decided.label}” is rejected."
        case "withdraw":
            withdraw_proposal(context, form.get("proposal", ""))
            return "Your proposal is withdrawn."
        case "archive" | "restore" as what:
            archive_prompt(context, path, archived=what == "archive")
            said = "archived; what uses it still gets it" if what == "archive" else "restored"
            return f"{path} is {said}."
        case "archive-version" | "restore-version" as what:
            number = _version(form, "version")
            archive_version(context, path, version=number, archived=what == "archive-version")
            return f"Version {number} is {'archived' if what == 'archive-version' else 'restored'}."
        case "discard":
            discard_draft(context, path)
            return "Your draft is thrown away."
    raise InvalidInput("prompt.action-unknown", "There is no such thing to do with a prompt.")


def _label(context: RequestContext, path: str, form: Mapping[str, str]) -> str:
    """Move a label; where it takes a reviewer and this is none, propose the move."""
    label, number = form.get("label", "").strip(), _version(form, "version")
    expected = _version(form, "expected") if form.get("expected") else None
    reason = form.get("reason", "")
    try:
        move_label(context, path, label=label, version=number, expected=expected, reason=reason)
    except PolicyDenied as error:
        if error.code != "prompt.label-protected":
            raise
        propose_label(context, path, label=label, version=number, reason=reason)
        return f"“{label}” is protected, so the move to version {number} waits for a reviewer."
    return f"“{label}” is at version {number} now."


def _version(form: Mapping[str, str], name: str) -> int:
    number = whole_number(form.get(name))
    if number is None:
        raise InvalidInput("prompt.version-missing", "Name a version by its number.")
    return number
