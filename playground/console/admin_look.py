"""The look of the administration: its name, its colours and what its sidebar leads to."""

from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy


def _icon(_request: Any) -> str:
    return static("icons/mark.svg")


def _styles(_request: Any) -> str:
    return static("css/admin.css")


def _never(_request: Any) -> bool:
    return False


def _entry(title: str, app: str, name: str, icon: str) -> dict[str, Any]:
    def permitted(request: Any) -> bool:
        return bool(request.user.has_perm(f"{app}.view_{name}"))

    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{name}_changelist"),
        "permission": permitted,
    }


def _group(title: str, *entries: dict[str, Any]) -> dict[str, Any]:
    return {"title": title, "items": list(entries)}


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Playground",
    "SITE_HEADER": "Playground",
    "SITE_SUBHEADER": "Administration",
    "SITE_URL": None,
    "SITE_ICON": _icon,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _icon}],
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "6px",
    "STYLES": [_styles],
    # The greys and the accent of playground.css, light and dark, with the steps between.
    "COLORS": {
        "base": {
            "50": "#f6f7f8",
            "100": "#f1f2f4",
            "200": "#e4e6ea",
            "300": "#c3c8d0",
            "400": "#8d95a1",
            "500": "#656d79",
            "600": "#4a515c",
            "700": "#3a414b",
            "800": "#272c33",
            "900": "#15181c",
            "950": "#0e1013",
        },
        "primary": {
            "50": "#eef3fd",
            "100": "#dfe8fc",
            "200": "#c5d5fa",
            "300": "#a3bdff",
            "400": "#7ea2ff",
            "500": "#5079f2",
            "600": "#2856d8",
            "700": "#1f46b8",
            "800": "#1c3b93",
            "900": "#1b3474",
            "950": "#132147",
        },
    },
    "ACCOUNT": {"navigation": [{"title": "Back to the Playground", "link": "/"}]},
    "SIDEBAR": {
        "show_search": False,
        "navigation": [
            {
                "items": [
                    {
                        "title": "Back to the Playground",
                        "icon": "arrow_back",
                        "link": "/",
                        # Every path begins with it.
                        "active": _never,
                    },
                ]
            },
            _group(
                "Models",
                _entry("Endpoints", "gateway", "endpoint", "dns"),
                _entry("Routes", "gateway", "route", "alt_route"),
                _entry("Quotas", "gateway", "quota", "speed"),
                _entry("Guardrails", "gateway", "guardrail", "shield"),
                _entry("Caches", "gateway", "cacherule", "cached"),
                _entry("Ledger", "gateway", "ledgerrow", "receipt_long"),
            ),
            _group(
                "Prompts",
                _entry("Ramps", "prompts", "ramp", "fork_right"),
                _entry("Prompts", "prompts", "prompt", "notes"),
                _entry("Versions", "prompts", "promptversion", "layers"),
                _entry("Labels", "prompts", "label", "label"),
                _entry("Protected labels", "prompts", "protectedlabel", "lock"),
                _entry("Required fragments", "prompts", "requiredfragment", "link"),
            ),
            _group(
                "People",
                _entry("Teams", "policy", "team", "groups"),
                _entry("Users", "policy", "user", "person"),
                _entry("API keys", "policy", "apikey", "key"),
            ),
            _group(
                "Policy",
                _entry("Policies", "policy", "policy", "gavel"),
                _entry("Audit log", "policy", "auditrow", "history"),
                _entry("Audit chains", "policy", "audithead", "link"),
            ),
        ],
    },
}
