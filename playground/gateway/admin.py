"""Administer endpoints and routes; look at the ledger."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from unfold.admin import TabularInline

from playground.gateway import rules_admin  # noqa: F401 - Django looks for admin.py alone
from playground.gateway.endpoint_form import EndpointForm
from playground.gateway.models import Endpoint, EndpointKind, LedgerRow, Route, ServedModel, Target
from playground.gateway.quotas.reservations import Outcome
from playground.policy.admin import TeamNamedFilter
from playground.policy.administering import AuditedModelAdmin, ReadOnlyModelAdmin


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
