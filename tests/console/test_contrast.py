"""Text can be read on every ground, in both themes: WCAG AA, 4.5 to 1."""

import itertools
import re

import pytest
from django.conf import settings

CSS = (settings.BASE_DIR / "static/css/playground.css").read_text()
TOKENS = {
    name: pair for name, *pair in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);", CSS)
}
GROUNDS = ("bg", "surface", "raised", "sunken", "hover", "selected")
TEXTS = (
    "text", "text-2", "text-3", "accent", "ok", "warn", "error", "run", "k-agent", "k-model",
    "k-skill", "k-retrieval", "k-guardrail", "k-prompt", "k-chain",
)  # fmt: skip


def luminance(color: str) -> float:
    """Return the relative luminance of ``#rrggbb``, 0 to 1.

    Source: WCAG 2.2, definition of relative luminance.
    """
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_it_keeps_every_text_token_readable_when_the_ground_changes(theme: int) -> None:
    weak = {
        f"{text} on {ground}": round(ratio, 2)
        for text, ground in itertools.product(TEXTS, GROUNDS)
        if (ratio := contrast(TOKENS[text][theme], TOKENS[ground][theme])) < 4.5
    }

    assert weak == {}


def test_it_keeps_white_readable_when_it_stands_on_the_accent() -> None:
    assert all(contrast("#ffffff", color) >= 4.5 for color in TOKENS["accent-solid"])
