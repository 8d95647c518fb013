"""Write an answer in Markdown from what tools returned."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

MAX_ROWS = 5
MAX_FACTS = 5
_TITLES = ("name", "title", "label", "subject", "headline", "id")
_PROSE = frozenset("body text draft message content description answer translation letter".split())
_REASONS = ("why", "reason", "reasons", "explanation", "matched", "evidence")
_HIDDEN = re.compile(r"(^|_)(score|vector|embedding|rank|hash|etag|cursor|next)(_|$)|^id$|_ids?$")


def answer(results: Sequence[tuple[str, Any]], *, open_questions: Sequence[str] = ()) -> str:
    """Tell what each tool found, the last result in full.

    Args:
        results: for each call a readable name of the tool and its parsed result.
        open_questions: what could not be done and why, a sentence each.
    """
    parts = [
        section(result, of=name, brief=0 < at < len(results) - 1)
        for at, (name, result) in enumerate(results)
    ]
    parts += list(open_questions)
    return "\n\n".join(part for part in parts if part).strip()


def section(result: Any, *, of: str = "", brief: bool = False) -> str:
    """Write one result under a sentence that leads to it.

    Args:
        of: a readable name of what was done.
        brief: leave it at the summary, where it has one.
    """
    if isinstance(result, str):
        return result.strip()
    if isinstance(result, list):
        return f"{_lead(of, len(result))}\n\n{_rows(result)}" if result else _lead(of, 0)
    if not isinstance(result, Mapping):
        return f"The result is **{result}**." if result is not None else ""
    parts = []
    summary = result.get("summary")
    lists = {
        k: v for k, v in result.items() if isinstance(v, list) and v and isinstance(v[0], Mapping)
    }
    prose = {k: v for k, v in result.items() if k in _PROSE and isinstance(v, str) and len(v) > 60}
    if isinstance(summary, str) and summary and not prose:
        parts.append(_sentence(summary))
        if brief:
            return parts[0]
    elif not prose and result:
        parts.append(_lead(of, len(next(iter(lists.values()))) if lists else None))
    if not lists and not prose:
        parts.append(_card(result))
    for rows in lists.values():
        parts.append(_rows(rows))
    if prose:
        parts.append(_letter(result, prose))
    return "\n\n".join(part for part in parts if part)


def _lead(of: str, rows: int | None) -> str:
    done = f" for “{of}”" if of else ""
    if rows is None:
        return f"This is what came back{done}:"
    if not rows:
        return f"Nothing came back{done}."
    return f"There {'is one result' if rows == 1 else f'are {rows} results'}{done}:"


def _sentence(text: str) -> str:
    text = text.strip()
    if not text:
        return ""
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?:" else f"{text}."


def _rows(rows: Sequence[Any]) -> str:
    lines = []
    for number, row in enumerate(rows[:MAX_ROWS], start=1):
        if not isinstance(row, Mapping):
            lines.append(f"{number}. {row}")
            continue
        title_key = _title_key(row)
        title = f"**{row[title_key]}**" if title_key else f"Result {number}"
        # Said in a later request, the number names the thing again.
        if title_key not in (None, "id") and isinstance(row.get("id"), int):
            title += f" (#{row['id']})"
        facts = [
            text for key, value in row.items() if key != title_key and (text := _fact(key, value))
        ]
        why = next((_plain(row[key]) for key in _REASONS if row.get(key)), "")
        line = f"{number}. {title}"
        if facts:
            line += " — " + " · ".join(facts[:MAX_FACTS])
        lines.append(line + (f"  \n   _{why}_" if why else ""))
    if len(rows) > MAX_ROWS:
        lines.append(f"\n… and {len(rows) - MAX_ROWS} more.")
    return "\n".join(lines)


def _title_key(row: Mapping[str, Any]) -> str | None:
    return next((key for key in _TITLES if isinstance(row.get(key), str | int)), None)


def _fact(key: str, value: Any) -> str:
    if _HIDDEN.search(key) or key in _REASONS or key in ("summary",) or value in (None, "", [], {}):
        return ""
    words = key.replace("_", " ")
    if isinstance(value, bool):
        return words if value else ""
    if isinstance(value, int | float):
        # "2016 from" reads wrong: a preposition goes before its number.
        return f"{words} {value}" if key in ("from", "to", "since") else f"{_number(value)} {words}"
    if isinstance(value, str):
        return value if len(value) <= 80 else ""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value[:6])
    return ""


def _number(value: float) -> str:
    return f"{value:,.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(str(each) for each in value[:6])
    return str(value)[:300]


def _card(result: Mapping[str, Any]) -> str:
    title_key = _title_key(result)
    lines = [f"**{result[title_key]}**"] if title_key and title_key != "id" else []
    for key, value in result.items():
        if key in (title_key, "summary") or _HIDDEN.search(key) or value in (None, "", [], {}):
            continue
        words = key.replace("_", " ").capitalize()
        if isinstance(value, Mapping):
            inner = "; ".join(f"{k.replace('_', ' ')} {v}" for k, v in value.items() if _fact(k, v))
            value = inner or None
        elif isinstance(value, list):
            value = ", ".join(str(each) for each in value if not isinstance(each, Mapping | list))
        if value not in (None, ""):
            shown = _number(value) if isinstance(value, float) else value
            lines.append(f"- **{words}**: {shown}")
    return "\n".join(
        ([lines[0], ""] if lines and title_key else []) + lines[1 if title_key else 0 :]
    )


def _letter(result: Mapping[str, Any], prose: Mapping[str, str]) -> str:
    heads = [
        f"**{key.replace('_', ' ').capitalize()}:** {result[key]}"
        for key in ("to", "recipient", "subject", "title")
        if isinstance(result.get(key), str)
    ]
    text = "\n\n".join(prose.values())
    quoted = "\n".join(f"> {line}".rstrip() for line in text.splitlines())
    return "\n\n".join(["Here is the text:", *heads, quoted])


def capabilities(tools: Sequence[tuple[str, str]]) -> str:
    """Say what can be asked, from the tools' names and descriptions."""
    if not tools:
        return (
            "I am the offline planner: rules, not a language model. This agent has no skills, so "
            "there is nothing I can look up or do here. Give it skills, or connect a real model."
        )
    lines = [f"- **{name}** — {first_sentence(description)}" for name, description in tools]
    return (
        "I am the offline planner: rules that choose tools, not a language model, so I cannot "
        "just talk. What I can do here:\n\n" + "\n".join(lines) + "\n\nAsk for one of these in a "
        "full English sentence, or connect a real model for everything else."
    )


def first_sentence(text: str) -> str:
    return re.split(r"(?<=[.!?])\s", text.strip())[0] if text.strip() else "no description"
