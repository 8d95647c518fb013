"""How the administration site looks and what its sidebar lists.

Addresses are written out, so that the settings, and with them beat, need not load Django.
"""

from typing import Any

_MARK = "/static/icons/mark.svg"


def _page(title: str, icon: str, model: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": f"/admin/{model.replace('_', '/')}/"}


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Playground",
    "SITE_HEADER": "Playground",
    "SITE_SUBHEADER": "Administration",
    "SITE_URL": "/",
    "SITE_ICON": lambda _: _MARK,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda _: _MARK}],
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "6px",
    "COLORS": {
        # The product's blue, lighter and darker.
        "primary": {
            "50": "#eef3fe",
            "100": "#dde7fd",
            "200": "#bfd0fb",
            "300": "#9ab4f7",
            "400": "#7ea2ff",
            "500": "#4b76ee",
            "600": "#2856d8",
            "700": "#1f46b8",
            "800": "#1b3a94",
            "900": "#1a3277",
            "950": "#121f4a",
        }
    },
    "SIDEBAR": {
        "show_search": True,
        "show_all_applications": False,
        "navigation": [
            {
                "items": [
                    {"title": "Back to the Playground", "icon": "arrow_back", "link": "/"},
                    {"title": "Overview", "icon": "home", "link": "/admin/"},
                ]
            },
            {
                "title": "Models",
                "separator": True,
                "items": [
                    _page("Endpoints", "dns", "gateway_endpoint"),
                    _page("Models", "neurology", "gateway_servedmodel"),
                    _page("Routes", "alt_route", "gateway_route"),
                    _page("Quotas", "speed", "gateway_quota"),
                    _page("Guardrails", "shield", "gateway_guardrail"),
                    _page("Answer caches", "cached", "gateway_cacherule"),
                    _page("Ledger", "receipt_long", "gateway_ledgerrow"),
                ],
            },
            {
                "title": "People",
                "separator": True,
                "items": [
                    _page("Users", "person", "policy_user"),
                    _page("Teams", "groups", "policy_team"),
                    _page("API keys", "key", "policy_apikey"),
                ],
            },
            {
                "title": "Policy",
                "separator": True,
                "items": [
                    _page("Cedar policies", "policy", "policy_policy"),
                    _page("Audit log", "history", "policy_auditrow"),
                ],
            },
        ],
    },
}
