"""Administer the rules of calls: quotas, guardrails, and what may be answered from the cache."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin

from playground.gateway.models import CacheRule, Guardrail, Quota
from playground.gateway.rule_settings import REDACTING, validated
from playground.policy.administering import AuditedModelAdmin


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
