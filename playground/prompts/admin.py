"""Administer the rules about labels; look at prompts, versions and labels."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from playground.core.clock import now
from playground.core.errors import InvalidInput
from playground.policy.administering import AuditedModelAdmin, ReadOnlyModelAdmin
from playground.policy.models import User
from playground.prompts.content import PromptKind
from playground.prompts.finding import check_label
from playground.prompts.models import Label, Prompt, PromptVersion, ProtectedLabel, RequiredFragment
from playground.prompts.ramps import ramp_admin  # noqa: F401 - Django looks for admin.py alone


@admin.register(Prompt)
class PromptAdmin(ReadOnlyModelAdmin):
    """Prompts change in the editor, where every change is a version."""

    list_display = ("path", "kind", "title", "shared", "author", "created_at", "archived_at")
    list_filter = ("kind", "team", "shared")
    list_select_related = ("team",)
    search_fields = ("name", "title", "team__slug")

    @admin.display(description="Prompt", ordering="name")
    def path(self, prompt: Prompt) -> str:
        return prompt.path


@admin.register(PromptVersion)
class PromptVersionAdmin(ReadOnlyModelAdmin):
    """Versions never change; the database refuses it besides."""

    list_display = ("path", "number", "note", "labelled", "author", "created_at", "archived_at")
    list_filter = ("prompt__team", ("created_at", admin.DateFieldListFilter))
    list_select_related = ("prompt__team",)
    search_fields = ("prompt__name", "note", "author")
    ordering = ("-created_at",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("labels")

    @admin.display(description="Prompt", ordering="prompt__name")
    def path(self, version: PromptVersion) -> str:
        return version.prompt.path

    @admin.display(description="Labels")
    def labelled(self, version: PromptVersion) -> str:
        return ", ".join(label.name for label in version.labels.all())


@admin.register(Label)
class LabelAdmin(ReadOnlyModelAdmin):
    """Labels move on the prompt's page and by ramps."""

    list_display = ("name", "path", "number", "revision", "moved_by", "moved_at", "reason")
    list_filter = ("name", "prompt__team")
    list_select_related = ("prompt__team", "version")
    search_fields = ("name", "prompt__name")

    @admin.display(description="Prompt", ordering="prompt__name")
    def path(self, label: Label) -> str:
        return label.prompt.path

    @admin.display(description="Version")
    def number(self, label: Label) -> str:
        return f"v{label.version.number}"


def _checked(label: str) -> str:
    try:
        check_label(label)
    except InvalidInput as error:
        raise ValidationError(error.detail) from error
    return label


class ProtectedLabelForm(forms.ModelForm):
    """A label that can exist."""

    class Meta:
        help_texts: ClassVar = {
            "protected": "Moving it takes a reviewer; “production” is protected unless said here."
        }

    def clean_name(self) -> str:
        return _checked(self.cleaned_data["name"])


class RuleAdmin(AuditedModelAdmin):
    """A rule notes who set it and when, by whichever door."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        assert isinstance(request.user, User)
        obj.set_by, obj.set_at = request.user.urn, now()
        super().save_model(request, obj, form, change)


@admin.register(ProtectedLabel)
class ProtectedLabelAdmin(RuleAdmin):
    form = ProtectedLabelForm
    fields = ("team", "name", "protected", "reason")
    autocomplete_fields = ("team",)
    list_display = ("name", "team", "protected", "set_by", "set_at", "reason")
    list_filter = ("team", "protected")
    list_select_related = ("team",)


class RequiredFragmentForm(forms.ModelForm):
    """A fragment that the team may include."""

    class Meta:
        help_texts: ClassVar = {
            "fragment": "Asked for when the label moves; where it points now stays as it is."
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fragments = Prompt.objects.filter(kind=PromptKind.FRAGMENT).select_related("team")
        self.fields["fragment"].queryset = fragments  # type: ignore[attr-defined]

    def clean_label(self) -> str:
        return _checked(self.cleaned_data["label"])

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        fragment, team = values.get("fragment"), values.get("team")
        if fragment and team and not fragment.shared and fragment.team_id != team.pk:
            self.add_error("fragment", "This fragment is of another team, which does not share it.")
        return values


@admin.register(RequiredFragment)
class RequiredFragmentAdmin(RuleAdmin):
    form = RequiredFragmentForm
    fields = ("team", "label", "fragment", "reason")
    autocomplete_fields = ("team",)
    list_display = ("label", "team", "path", "set_by", "set_at", "reason")
    list_filter = ("team", "label")
    list_select_related = ("team", "fragment__team")

    @admin.display(description="Fragment")
    def path(self, rule: RequiredFragment) -> str:
        return rule.fragment.path
