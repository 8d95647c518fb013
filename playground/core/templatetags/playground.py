"""The vocabulary of the templates: icons, Markdown, and figures written one way everywhere."""

import datetime as dt
import json
from decimal import Decimal
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from playground.core.clock import now
from playground.core.markdown import highlight, render_markdown

register = template.Library()

KIND_ICONS = {
    "agent": "robot",
    "model": "sparkles",
    "skill": "bolt",
    "retrieval": "database",
    "guardrail": "shield",
    "prompt": "file-text",
    "chain": "link",
}
STATUS_WORDS = {
    "queued": "Queued",
    "running": "Running",
    "waiting": "Waiting",
    "retrying": "Retrying",
    "succeeded": "Done",
    "failed": "Failed",
    "cancelled": "Cancelled",
    "dead": "Given up",
    "ok": "OK",
    "error": "Error",
}


@register.simple_tag
def icon(name: str, classes: str = "") -> SafeString:
    """Draw an icon of the sprite, hidden from assistive technology."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true"><use href="{}#{}"/></svg>',
        classes,
        static("vendor/icons.svg"),
        name,
    )


@register.simple_tag
def kind_icon(kind: str) -> SafeString:
    """Draw the tinted square of a span kind, named for those who do not see the colour."""
    kind = str(kind).lower()
    return format_html(
        '<span class="kind" data-kind="{}" title="{}" role="img" aria-label="{}">{}</span>',
        kind,
        kind,
        kind,
        icon(KIND_ICONS.get(kind, "point")),
    )


@register.simple_tag
def status(value: str, dot: bool = False) -> SafeString:
    """Draw a status as a dot with its word."""
    value = str(value)
    return format_html(
        '<span class="status{}" data-status="{}" title="{}">{}</span>',
        " status--dot" if dot else "",
        value,
        STATUS_WORDS.get(value, value.capitalize()),
        STATUS_WORDS.get(value, value.capitalize()),
    )


@register.simple_tag
def copy_id(identifier: object, label: str = "id") -> SafeString:
    """Show an id short; a click copies it whole."""
    return format_html(
        '<button type="button" class="id-copy" data-copy="{}" title="Copy {} {}">{}{}</button>',
        identifier,
        label,
        identifier,
        short_id(identifier),
        icon("copy"),
    )


@register.filter
def markdown(text: str | None) -> SafeString:
    """Render Markdown as sanitised HTML."""
    return render_markdown(text or "")


@register.filter
def duration_ms(value: float | int | dt.timedelta | None) -> str:
    """Write milliseconds as ``84 ms``, ``3.2 s`` or ``2 m 05 s``."""
    if value is None or value == "":
        return "\u2013"
    ms = value.total_seconds() * 1000 if isinstance(value, dt.timedelta) else float(value)
    if ms < 1:
        return "<1 ms" if ms > 0 else "0 ms"
    if ms < 999.5:
        return f"{ms:.0f} ms"
    if ms < 59_950:
        return f"{ms / 1000:.1f} s"
    minutes, seconds = divmod(round(ms / 1000), 60)
    if minutes < 60:
        return f"{minutes} m {seconds:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} m"


@register.filter
def tokens(value: int | str | None) -> str:
    """Write a count of tokens as ``840`` or ``1.2k``."""
    if value is None or value == "":
        return "\u2013"
    count = int(value)
    if count < 1000:
        return str(count)
    if count < 999_950:
        return f"{count / 1000:.1f}".removesuffix(".0") + "k"
    return f"{count / 1_000_000:.1f}".removesuffix(".0") + "M"


@register.filter
def money(value: float | Decimal | None) -> str:
    """Write dollars exactly enough to compare: ``$0.0031``, ``$1.24``, never ``<$0.01``."""
    if value is None or value == "":
        return "\u2013"
    amount = Decimal(str(value))
    if amount == 0:
        return "$0"
    if abs(amount) >= 1:
        return f"${amount:,.2f}"
    digits = max(2, 1 - amount.adjusted())
    return f"${amount:.{digits}f}"


def _ago_words(seconds: float) -> str:
    if seconds < 45:
        return "just now"
    for limit, unit, size in ((90 * 60, "min", 60), (36 * 3600, "h", 3600)):
        if seconds < limit:
            return f"{max(1, round(seconds / size))} {unit} ago"
    days = round(seconds / 86400)
    if days < 60:
        return f"{days} d ago"
    return f"{round(days / 30.4)} mo ago"


@register.filter
def ago(value: dt.datetime | None) -> SafeString | str:
    """Write a moment relative to now, the exact one on hover; the shell keeps it current."""
    if value is None:
        return "\u2013"
    if (now() - value).days < 300:
        words = _ago_words((now() - value).total_seconds())
    else:
        words = f"{value:%Y-%m-%d}"
    exact = value.astimezone(dt.UTC)
    return format_html(
        '<time datetime="{}" title="{} UTC" data-ago>{}</time>',
        exact.isoformat(timespec="milliseconds"),
        f"{exact:%Y-%m-%d %H:%M:%S}",
        words,
    )


@register.filter
def short_id(value: object) -> str:
    """Return the last eight characters: the first ones of our ids are their time."""
    return str(value).replace("-", "")[-8:]


@register.filter
def pretty_json(value: Any) -> SafeString:
    """Write a JSON value indented and coloured, for use inside ``<pre class="code hl">``."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return format_html("{}", value)
    return highlight(json.dumps(value, indent=2, ensure_ascii=False, default=str), "json")


@register.filter
def get(mapping: Any, key: str) -> Any:
    """Look a key up that is not an attribute name."""
    return mapping.get(key) if hasattr(mapping, "get") else None


@register.filter
def initials(name: str) -> str:
    """Return one or two letters that stand for a name."""
    words = str(name).replace("-", " ").replace(".", " ").split()
    return mark_safe("") if not words else "".join(word[0] for word in words[:2]).upper()
