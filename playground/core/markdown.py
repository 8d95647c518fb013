"""Markdown of models and people as HTML that is safe to show."""

import html
from collections.abc import MutableMapping, Sequence
from functools import cache
from typing import Any

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from pygments import highlight as pygments_highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

HIGHLIGHT_LIMIT = 20_000
MARKDOWN_LIMIT = 400_000

_TAGS = {
    *("p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
    *("a", "span", "div", "button"),
}
_ATTRIBUTES = {
    "a": {"href", "title", "target"},
    "ol": {"start"},
    "button": {"type", "data-copy-code", "title"},
    "*": {"class"},
}


@cache
def _formatter() -> Any:
    return HtmlFormatter(nowrap=True)


def highlight(code: str, language: str) -> SafeString:
    """Mark up source with classes of Pygments; unknown languages and long texts stay plain."""
    if language and len(code) <= HIGHLIGHT_LIMIT:
        try:
            lexer = get_lexer_by_name(language, stripnl=False)
        except ClassNotFound:
            pass
        else:
            return mark_safe(pygments_highlight(code, lexer, _formatter()))
    return mark_safe(html.escape(code))


def _fence(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    options: OptionsDict,
    environment: MutableMapping[str, Any],
) -> str:
    token = tokens[index]
    language = token.info.split(maxsplit=1)[0] if token.info.strip() else ""
    return (
        '<div class="md-code"><pre class="hl"><code>'
        f"{highlight(token.content.rstrip(chr(10)), language)}</code></pre>"
        '<button type="button" class="copy btn btn-sm" data-copy-code="">Copy</button></div>\n'
    )


def _open_link(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    options: OptionsDict,
    environment: MutableMapping[str, Any],
) -> str:
    tokens[index].attrSet("target", "_blank")
    return renderer.renderToken(tokens, index, options, environment)


@cache
def _parser() -> MarkdownIt:
    """Return CommonMark with tables and line breaks, without raw HTML and images.

    An image would let a model's answer call any server from the reader's browser.
    """
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True})
    parser.enable(["table", "strikethrough"]).disable(["image", "html_block", "html_inline"])
    parser.add_render_rule("fence", _fence)
    parser.add_render_rule("code_block", _fence)
    parser.add_render_rule("link_open", _open_link)
    parser.add_render_rule("table_open", lambda *_: '<div class="md-table"><table>')
    parser.add_render_rule("table_close", lambda *_: "</table></div>\n")
    return parser


def render_markdown(text: str) -> SafeString:
    """Render Markdown, also a part of one that is still streaming, as sanitised HTML.

    Beyond ``MARKDOWN_LIMIT`` characters the text is shown as it is.
    """
    if len(text) > MARKDOWN_LIMIT:
        return mark_safe(f"<pre><code>{html.escape(text)}</code></pre>")
    return mark_safe(
        nh3.clean(
            _parser().render(text),
            tags=_TAGS,
            attributes=_ATTRIBUTES,
            url_schemes={"http", "https", "mailto"},
            link_rel="noopener noreferrer nofollow",
        )
    )
