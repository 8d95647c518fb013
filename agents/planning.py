"""Read a plan and tick it off. Pure: imports no Django."""

import json
from collections.abc import Collection, Sequence
from typing import Any, Literal, TypedDict

MAX_ITEMS = 8

PlanStatus = Literal["pending", "running", "done", "failed", "skipped"]


class PlanItem(TypedDict):
    """One line of a plan; ``tool`` is the alias of a tool, or empty for thinking and writing."""

    id: str
    title: str
    tool: str
    status: PlanStatus


def schema(tools: Collection[str]) -> dict[str, Any]:
    """Return the response format that asks a model for a plan over these tools."""
    return {
        "type": "json_schema",
        "json_schema": {
            "name": "plan",
            "schema": {
                "type": "object",
                "properties": {
                    "steps": {
                        "type": "array",
                        "description": "The steps to take, in order; the last one answers.",
                        "maxItems": MAX_ITEMS,
                        "items": {
                            "type": "object",
                            "properties": {
                                "title": {"type": "string", "description": "A few words"},
                                "tool": {"type": "string", "enum": ["", *sorted(tools)]},
                            },
                            "required": ["title", "tool"],
                            "additionalProperties": False,
                        },
                    }
                },
                "required": ["steps"],
                "additionalProperties": False,
            },
        },
    }


def parse(text: str, *, tools: Collection[str]) -> list[PlanItem]:
    """Read a model's plan; whatever is not one gives no plan."""
    start, end = text.find("{"), text.rfind("}")
    try:
        steps = json.loads(text[start : end + 1])["steps"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []
    if not isinstance(steps, list):
        return []
    items: list[PlanItem] = []
    for step in steps[:MAX_ITEMS]:
        if isinstance(step, str):
            step = {"title": step}
        if not isinstance(step, dict) or not isinstance(step.get("title"), str):
            continue
        title = " ".join(step["title"].split())[:120]
        tool = step.get("tool") if step.get("tool") in tools else ""
        if title:
            items.append(
                {"id": str(len(items) + 1), "title": title, "tool": tool or "", "status": "pending"}
            )
    return items


def begin(plan: Sequence[PlanItem], tool: str) -> list[PlanItem]:
    """Mark the item that a call of this tool works on."""
    return _mark(plan, tool, of=("pending", "failed"), to="running")


def finish(plan: Sequence[PlanItem], tool: str, *, ok: bool) -> list[PlanItem]:
    """Tick the item that a call of this tool worked on."""
    return _mark(plan, tool, of=("running",), to="done" if ok else "failed")


def close(plan: Sequence[PlanItem], *, answered: bool) -> list[PlanItem]:
    """Settle what is left: an answer completes items without a tool, others were skipped."""
    settled: list[PlanItem] = []
    for item in plan:
        status = item["status"]
        if status in ("pending", "running"):
            status = "done" if answered and not item["tool"] else "skipped"
        settled.append({**item, "status": status})
    return settled


def shown(plan: Sequence[PlanItem]) -> list[dict[str, Any]]:
    """Return what the log keeps of a plan."""
    return [{"id": i["id"], "title": i["title"], "status": i["status"]} for i in plan]


def as_text(plan: Sequence[PlanItem]) -> str:
    """Write the plan for the model."""
    return "Your plan:\n" + "\n".join(f"{item['id']}. {item['title']}" for item in plan)


def _mark(
    plan: Sequence[PlanItem], tool: str, *, of: Sequence[PlanStatus], to: PlanStatus
) -> list[PlanItem]:
    marked = [PlanItem(**item) for item in plan]
    for item in marked:
        if item["tool"] == tool and item["status"] in of:
            item["status"] = to
            break
    return marked
