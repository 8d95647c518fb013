"""Administer endpoints, routes and rules; look at the ledger."""

from typing import Any, ClassVar
from urllib.parse import urlsplit

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminPasswordToggleWidget, UnfoldBooleanSwitchWidget

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
from playground.gateway.quotas.reservations import Outcome
from playground.gateway.rule_settings import REDACTING, validated
from playground.policy.admin import TeamNamedFilter
from playground.policy.administering import AuditedModelAdmin, ReadOnlyModelAdmin


class EndpointForm(forms.ModelForm):
    """An endpoint; its secret goes in and never comes out."""

    secret = forms.CharField(
        required=False,
        label="Secret",
        max_length=4000,
        widget=UnfoldAdminPasswordToggleWidget(attrs={"autocomplete": "new-password"}),
        help_text="The key it is called with. Empty keeps the present one.",
    )
    clear_secret = forms.BooleanField(
        required=False,
        label="Forget the present secret",
        widget=UnfoldBooleanSwitchWidget(),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "kind" in self.fields:
            # The one of this process is there from the start.
            choices = [each for each in EndpointKind.choices if each[0] != EndpointKind.OFFLINE]
            self.fields["kind"].choices = choices  # type: ignore[attr-defined]
        if "secret" in self.fields and self.instance.sealed_secret:
            self.fields["secret"].help_text = "One is kept. Empty keeps it."

    def clean_base_url(self) -> str:
        text: str = self.cleaned_data["base_url"].strip()
        try:
            url = urlsplit(text)
            host, _ = url.hostname, url.port
        except ValueError as error:
            raise forms.ValidationError("This is not a URL.") from error
        if not text:
            raise forms.ValidationError("Say where it is, such as https://api.example.com/v1.")
        if url.scheme not in ("http", "https") or not host:
            raise forms.ValidationError("Begin with http:// or https:// and a host name.")
        if url.username is not None or url.password is not None:
            raise forms.ValidationError("Keep credentials out of the URL; enter them as secret.")
        if url.query or url.fragment or any(each.isspace() for each in text):
            raise forms.ValidationError("Leave out spaces and what follows a ? or #.")
        return text

    def clean_secret(self) -> str:
        secret: str = self.cleaned_data["secret"]
        if any(not each.isascii() or not each.isprintable() or each == " " for each in secret):
            raise forms.ValidationError("It holds a character that no header can carry.")
        return secret

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if values.get("secret") and values.get("clear_secret"):
            self.add_error("clear_secret", "Either forget the secret or enter a new one.")
        return values

    def save(self, commit: bool = True) -> Any:
        if self.cleaned_data.get("clear_secret"):
            self.instance.secret = ""
        elif self.cleaned_data.get("secret"):
            self.instance.secret = self.cleaned_data["secret"]
        return super().save(commit)


def _built_in(endpoint: Any) -> bool:
    return endpoint is not None and endpoint.kind == EndpointKind.OFFLINE


class ServedModelForm(forms.ModelForm):
    """A model on one line; prices are in US dollars per million tokens."""

    class Meta:
        labels: ClassVar = {
            "input_price": "Input, $",
            "cached_input_price": "Cached, $",
            "output_price": "Output, $",
            "context_tokens": "Context",
            "max_output_tokens": "Longest",
            "max_concurrent": "At once",
        }
        help_texts: ClassVar = {
            "context_tokens": "Tokens that go in at most; empty where not known.",
            "max_output_tokens": "Tokens that come out at most; empty where not known.",
        }


class ServedModelInline(TabularInline):
    """What the endpoint serves; those of this process keep their names."""

    model = ServedModel
    form = ServedModelForm
    extra = 0
    hide_title = True
    fields = (
        "name", "operation", "input_price", "cached_input_price", "output_price",
        "context_tokens", "max_output_tokens", "max_concurrent", "enabled",
    )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("name", "operation") if _built_in(obj) else ()

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not _built_in(obj) and super().has_add_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not _built_in(obj) and super().has_delete_permission(request, obj)


@admin.register(Endpoint)
class EndpointAdmin(AuditedModelAdmin):
    form = EndpointForm
    list_display = ("name", "kind", "base_url", "has_secret", "external", "enabled", "updated_at")
    list_filter = ("kind", "enabled", "external")
    search_fields = ("name", "base_url")
    inlines = (ServedModelInline,)
    fieldsets = (
        (None, {"fields": ("name", "kind", "base_url", "api_version", "enabled")}),
        ("Secret", {"fields": ("secret", "clear_secret")}),
        ("Reach", {"fields": ("external", "silence_s")}),
    )

    @admin.display(description="Secret", boolean=True)
    def has_secret(self, endpoint: Endpoint) -> bool:
        return bool(endpoint.sealed_secret)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        # The endpoint of this process has no address and takes no secret.
        return (
            ((None, {"fields": ("name", "kind", "enabled")}),)
            if _built_in(obj)
            else (super().get_fieldsets(request, obj))
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("name", "kind") if _built_in(obj) else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not _built_in(obj) and super().has_delete_permission(request, obj)


class TargetInline(TabularInline):
    """Where a route leads, in order."""

    model = Target
    extra = 0
    hide_title = True
    fields = ("model", "priority", "weight", "enabled")

    def formfield_for_foreignkey(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        kwargs["queryset"] = ServedModel.objects.select_related("endpoint")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


@admin.register(Route)
class RouteAdmin(AuditedModelAdmin):
    list_display = ("name", "description", "leads_to", "retries", "enabled", "updated_at")
    list_filter = ("enabled",)
    search_fields = ("name", "description")
    inlines = (TargetInline,)
    fieldsets = (
        (
            None,
            {
                "fields": ("name", "description", "retries", "enabled"),
                "description": "When a target fails, it is tried again as often as retries say,"
                " then another of its priority, then those of the next priority; the caller sees"
                " an error only when all have failed.",
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("targets__model__endpoint")

    @admin.display(description="Leads to")
    def leads_to(self, route: Route) -> str:
        return ", ".join(str(each.model) for each in route.targets.all() if each.enabled)


class QuotaForm(forms.ModelForm):
    """A quota whose key, where it names one, belongs to the team that it names."""

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        key, team = values.get("key"), values.get("team")
        if key and team and key.team_id != team.pk:
            self.add_error("key", "This key is of another team.")
        return values


@admin.register(Quota)
class QuotaAdmin(AuditedModelAdmin):
    form = QuotaForm
    fields = ("team", "key", "model", "kind", "cap", "enabled")
    autocomplete_fields = ("team", "key")
    list_display = ("__str__", "team", "key", "model", "enabled")
    list_filter = ("team", "kind", "enabled")
    list_select_related = ("team", "key")
    search_fields = ("model", "team__name")


_SHAPES = (
    'Personal data, secrets: {} or {"kinds": ["email"]}. Prompt injection: {"threshold": 0.5}.'
    ' Topics: {"topics": {"name": ["example"]}, "margin": 0.1}. Schema: {"schema": {…}}.'
    ' Judge: {"model": "chat-default", "instructions": "…", "fails": "closed", "timeout_s": 10}.'
)


class GuardrailForm(forms.ModelForm):
    """A guardrail whose settings are those of its check."""

    class Meta:
        help_texts: ClassVar = {"settings": _SHAPES}

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        check = values.get("check_kind")
        if check and "settings" not in self.errors:
            settings = values.get("settings")
            values["settings"] = {} if settings is None else settings
            try:
                validated(check, values["settings"])
            except ValueError as error:
                self.add_error("settings", str(error))
        if check and values.get("action") == Guardrail.Action.REDACT and check not in REDACTING:
            self.add_error("action", "Only personal data and secrets can be redacted.")
        return values


@admin.register(Guardrail)
class GuardrailAdmin(AuditedModelAdmin):
    form = GuardrailForm
    fields = ("name", "team", "model", "check_kind", "stage", "action", "settings", "enabled")
    autocomplete_fields = ("team",)
    list_display = ("name", "check_kind", "stage", "action", "team", "model", "enabled")
    list_filter = ("check_kind", "action", "enabled", "team")
    list_select_related = ("team",)
    search_fields = ("name", "model")


@admin.register(CacheRule)
class CacheRuleAdmin(AuditedModelAdmin):
    fields = ("team", "model", "ttl_s", "enabled")
    autocomplete_fields = ("team",)
    list_display = ("team", "model", "ttl_s", "enabled")
    list_filter = ("team", "enabled")
    list_select_related = ("team",)
    search_fields = ("model", "team__name")


class OutcomeFilter(admin.SimpleListFilter):
    """How calls ended, without reading the whole ledger for what there is."""

    title = "outcome"
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(each.value, each.value.replace("-", " ").capitalize()) for each in Outcome]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> Any:
        return queryset.filter(outcome=self.value()) if self.value() else queryset


@admin.register(LedgerRow)
class LedgerRowAdmin(ReadOnlyModelAdmin):
    list_display = (
        "settled_at", "team", "subject", "model", "served_by", "outcome",
        "input_tokens", "output_tokens", "cost", "latency",
    )  # fmt: skip
    list_filter = (TeamNamedFilter, OutcomeFilter, ("settled_at", admin.DateFieldListFilter))
    date_hierarchy = "settled_at"

    @admin.display(description="Cost, $", ordering="cost_micro_usd")
    def cost(self, row: LedgerRow) -> str:
        return "" if row.cost_micro_usd is None else f"{row.cost_micro_usd / 1e6:.6f}"

    @admin.display(description="Took, ms", ordering="latency_ms")
    def latency(self, row: LedgerRow) -> str:
        return f"{row.latency_ms:.0f}"
