"""Endpoints, routes and the rules of the gateway in the administration site."""

from typing import Any, ClassVar
from urllib.parse import urlsplit

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldBooleanSwitchWidget

from playground.gateway import rule_settings
from playground.gateway.models import (
    CacheRule,
    Endpoint,
    EndpointKind,
    Guardrail,
    LedgerRow,
    Quota,
    Route,
    ServedModel,
    Target,
)
from playground.policy.administering import AuditedModelAdmin, ReadOnlyAdmin

SETTINGS_HELP = (
    'Personal data: {"kinds": ["email", "phone", "card", "iban", "ssn", "ip"]}, or {} for all. '
    'Injection: {"threshold": 0.5}. Topics: {"topics": {"weapons": ["an example", "another"]}}. '
    'Schema: {"schema": {…}}, or {} for the one that the caller asks for. '
    'Judge: {"model": "a route", "fails": "closed"}.'
)


class EndpointForm(forms.ModelForm):  # type: ignore[type-arg]
    """An endpoint; its secret goes in and never comes out."""

    secret = forms.CharField(
        required=False,
        strip=True,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="The key it is called with. Left empty, the present one stays.",
    )
    forget_secret = forms.BooleanField(
        required=False, widget=UnfoldBooleanSwitchWidget(), help_text="Call it without any key."
    )

    class Meta:
        model = Endpoint
        fields = ("name", "kind", "base_url", "api_version", "external", "silence_s", "enabled")

    def clean(self) -> dict[str, Any]:
        """Check that the address is one, without a password in it."""
        told: dict[str, Any] = super().clean() or {}
        address = urlsplit(told.get("base_url") or "")
        offline = told.get("kind") == EndpointKind.OFFLINE
        if offline and not (self.instance.pk and self.instance.kind == EndpointKind.OFFLINE):
            self.add_error("kind", "The models in this process are there already.")
        if not offline and (address.scheme not in ("http", "https") or not address.hostname):
            self.add_error("base_url", "Give an address that begins with http:// or https://.")
        if address.username or address.password:
            self.add_error("base_url", "Put the key into the field below, not into the address.")
        return told

    def save(self, commit: bool = True) -> Endpoint:
        """Seal the secret that was given."""
        endpoint: Endpoint = super().save(commit=False)
        if self.cleaned_data.get("forget_secret"):
            endpoint.secret = ""
        elif self.cleaned_data.get("secret"):
            endpoint.secret = self.cleaned_data["secret"]
        if commit:
            endpoint.save()
            self.save_m2m()
        return endpoint


class ServedModelInline(TabularInline):  # type: ignore[misc, type-arg]
    """The models of an endpoint."""

    model = ServedModel
    extra = 0
    tab = False


@admin.register(Endpoint)
class EndpointAdmin(AuditedModelAdmin):
    """Servers that answer model calls."""

    form = EndpointForm
    list_display: ClassVar = ["name", "kind", "base_url", "external", "has_secret", "enabled"]
    list_filter: ClassVar = ["kind", "external", "enabled"]
    search_fields: ClassVar = ["name", "base_url"]
    inlines: ClassVar = [ServedModelInline]
    fieldsets: ClassVar = [
        (None, {"fields": ["name", "kind", "base_url", "api_version", "enabled"]}),
        ("Key", {"fields": ["secret", "forget_secret"]}),
        ("Reach", {"fields": ["external", "silence_s"]}),
    ]

    @admin.display(boolean=True, description="Key")
    def has_secret(self, endpoint: Endpoint) -> bool:
        """Return whether there is a key."""
        return bool(endpoint.sealed_secret)

    def get_readonly_fields(
        self, request: HttpRequest, obj: Endpoint | None = None
    ) -> tuple[str, ...]:
        """Keep what the models of this process are called."""
        offline = obj is not None and obj.kind == EndpointKind.OFFLINE
        return ("name", "kind", "base_url", "api_version") if offline else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The models of this process are switched off, not deleted."""
        offline = obj is not None and obj.kind == EndpointKind.OFFLINE
        return not offline and super().has_delete_permission(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        """Spare the models of this process."""
        super().delete_queryset(request, queryset.exclude(kind=EndpointKind.OFFLINE))


@admin.register(ServedModel)
class ServedModelAdmin(AuditedModelAdmin):
    """Models with their prices and limits."""

    list_display: ClassVar = [
        "__str__", "operation", "input_price", "output_price", "context_tokens",
        "max_concurrent", "enabled",
    ]  # fmt: skip
    list_filter: ClassVar = ["endpoint", "operation", "enabled"]
    search_fields: ClassVar = ["name", "endpoint__name"]
    list_select_related: ClassVar = ["endpoint"]


class TargetInline(TabularInline):  # type: ignore[misc, type-arg]
    """Where a route leads."""

    model = Target
    extra = 0
    autocomplete_fields: ClassVar = ["model"]
    tab = False


@admin.register(Route)
class RouteAdmin(AuditedModelAdmin):
    """Names for callers, and the models behind them."""

    list_display: ClassVar = ["name", "leads_to", "retries", "enabled"]
    search_fields: ClassVar = ["name", "description"]
    inlines: ClassVar = [TargetInline]

    @admin.display(description="Leads to")
    def leads_to(self, route: Route) -> str:
        """Return the models in the order in which they are tried."""
        targets = route.targets.filter(enabled=True).select_related("model__endpoint")
        return " → ".join(str(target.model) for target in targets) or "nowhere"


@admin.register(Quota)
class QuotaAdmin(AuditedModelAdmin):
    """Limits of requests, tokens, calls at once and money."""

    list_display: ClassVar = ["kind", "cap", "team", "key", "model", "enabled"]
    list_filter: ClassVar = ["kind", "team", "enabled"]
    autocomplete_fields: ClassVar = ["team", "key"]


class GuardrailForm(forms.ModelForm):  # type: ignore[type-arg]
    """A rule whose settings fit its check."""

    class Meta:
        model = Guardrail
        fields = ("name", "check_kind", "stage", "action", "team", "model", "settings", "enabled")
        help_texts: ClassVar = {"settings": SETTINGS_HELP}

    def clean(self) -> dict[str, Any]:
        """Check the settings, and that what is to be redacted can be."""
        told: dict[str, Any] = super().clean() or {}
        kind, action = told.get("check_kind"), told.get("action")
        if told.get("settings") is None:
            told["settings"] = {}
        if kind:
            try:
                rule_settings.check(kind, told["settings"])
            except ValueError as error:
                self.add_error("settings", str(error))
        if action == Guardrail.Action.REDACT and kind not in ("pii", "secrets"):
            self.add_error("action", "Only personal data and secrets can be redacted.")
        if kind == "schema" and told.get("stage") == Guardrail.Stage.INPUT:
            self.add_error("stage", "A schema is of what comes out.")
        return told


@admin.register(Guardrail)
class GuardrailAdmin(AuditedModelAdmin):
    """Responsible-AI checks."""

    form = GuardrailForm
    list_display: ClassVar = ["name", "check_kind", "stage", "action", "team", "model", "enabled"]
    list_filter: ClassVar = ["check_kind", "action", "team", "enabled"]
    search_fields: ClassVar = ["name"]
    autocomplete_fields: ClassVar = ["team"]


@admin.register(CacheRule)
class CacheRuleAdmin(AuditedModelAdmin):
    """Which teams' answers are used again."""

    list_display: ClassVar = ["team", "model", "ttl_s", "enabled"]
    list_filter: ClassVar = ["team", "enabled"]
    autocomplete_fields: ClassVar = ["team"]


@admin.register(LedgerRow)
class LedgerRowAdmin(ReadOnlyAdmin):
    """Every call of a model."""

    list_display: ClassVar = [
        "settled_at", "team", "subject", "model", "served_by", "input_tokens", "output_tokens",
        "cost_micro_usd", "latency_ms", "outcome", "blocked_by",
    ]  # fmt: skip
    list_filter: ClassVar = ["team", "outcome", "operation", "endpoint"]
    date_hierarchy = "settled_at"
    show_full_result_count = False
