"""Answer the document that describes the API, written once: that takes a third of a second."""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import etag, require_safe
from ninja import NinjaAPI
from ninja.openapi import get_schema
from ninja.responses import Response

# The document names paths, which begin as the proxy in front says; there is one, or none.
_PREFIXES = 4


class _Document(NamedTuple):
    body: bytes
    tag: str


def document_of(api: NinjaAPI) -> Callable[[HttpRequest], HttpResponse]:
    """Return the view of an API's document, which is the same for everybody who may see it."""

    @lru_cache(maxsize=_PREFIXES)
    def written(prefix: str) -> _Document:
        body = Response(get_schema(api, path_prefix=prefix)).content
        return _Document(body, f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"')

    def current() -> _Document:
        return written(api.get_root_path({}))

    @require_safe
    @cache_control(private=True, no_cache=True)
    @etag(lambda request: current().tag)
    def document(request: HttpRequest) -> HttpResponse:
        return HttpResponse(current().body, content_type="application/json")

    return document
