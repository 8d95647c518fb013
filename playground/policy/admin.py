"""People and policies in the administration site."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from unfold.admin import TabularInline

from playground.core.errors import InvalidInput
from playground.policy import policies
from playground.policy.administering import AuditedModelAdmin, ReadOnlyAdmin
from playground.policy.models import ApiKey, AuditRow, Membership, Policy, Team, User

# Teams and Cedar say who may do what; staff get single permissions.
admin.site.unregister(Group)


class MembershipInline(TabularInline):  # type: ignore[misc, type-arg]
    """Who is in which team, as what."""

    model = Membership
    extra = 0
    autocomplete_fields: ClassVar = ["user", "team"]
    tab = False


@admin.register(Team)
class TeamAdmin(AuditedModelAdmin):
    """Teams and their members."""

    list_display: ClassVar = ["name", "slug", "members"]
    search_fields: ClassVar = ["name", "slug"]
    inlines: ClassVar = [MembershipInline]
    fields: ClassVar = ["name", "slug", "color"]

    def get_readonly_fields(self, request: HttpRequest, obj: Team | None = None) -> list[str]:
        """Keep the short name: traces, keys and the audit log carry it."""
        return ["slug"] if obj else []

    @admin.display(description="Members")
    def members(self, team: Team) -> int:
        """Return the number of members."""
        return team.memberships.count()


@admin.register(User)
class UserAdmin(AuditedModelAdmin):
    """People; nobody has a password, one signs in by a link."""

    list_display: ClassVar = ["username", "display_name", "is_active", "is_staff", "created_at"]
    list_filter: ClassVar = ["is_active", "is_staff"]
    search_fields: ClassVar = ["username", "display_name", "email"]
    fields: ClassVar = [
        "username",
        "display_name",
        "email",
        "is_active",
        "is_staff",
        "is_superuser",
        "user_permissions",
    ]
    filter_horizontal: ClassVar = ["user_permissions"]
    inlines: ClassVar = [MembershipInline]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """Keep the name, which is in contexts and logs; only superusers make others."""
        kept = ["username"] if obj else []
        return kept if request.user.is_superuser else [*kept, "is_superuser", "user_permissions"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """People are switched off, as their name stands in what they did."""
        return False


@admin.register(ApiKey)
class ApiKeyAdmin(AuditedModelAdmin):
    """Keys, of which only the beginning is known; they are made on the page of the keys."""

    list_display: ClassVar = ["name", "prefix", "user", "team", "last_used_at", "revoked_at"]
    list_filter: ClassVar = ["team", "revoked_at"]
    search_fields: ClassVar = ["name", "prefix", "user__username"]
    exclude: ClassVar = ["hash"]
    actions: ClassVar = ["revoke"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Nothing of a key is changed, it is revoked."""
        return [field.name for field in ApiKey._meta.fields if field.name != "hash"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A key is shown once to whom it belongs."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A revoked key stays, as the ledger names it."""
        return False

    @admin.action(description="Revoke", permissions=["change"])
    def revoke(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> None:
        """Make the keys useless from now on."""
        for key in keys.filter(revoked_at=None).select_related("team"):
            self.record(request, "delete", key)
            ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=Now())


class PolicyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A policy whose text must be Cedar."""

    class Meta:
        model = Policy
        fields = ("name", "cedar", "enabled")

    def clean_cedar(self) -> str:
        """Refuse what is not Cedar: nothing could be decided with it."""
        text = str(self.cleaned_data["cedar"])
        try:
            policies.check(text)
        except InvalidInput as error:
            raise forms.ValidationError(error.detail) from error
        return text


@admin.register(Policy)
class PolicyAdmin(AuditedModelAdmin):
    """Cedar policies that add to the starter ones, or replace the one of the same name."""

    form = PolicyForm
    list_display: ClassVar = ["name", "enabled", "updated_at"]

    def save_model(self, request: HttpRequest, obj: Policy, form: Any, change: bool) -> None:
        """Save, and let it count at once."""
        super().save_model(request, obj, form, change)
        policies.forget_compiled()

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Delete, and let that count at once."""
        super().delete_model(request, obj)
        policies.forget_compiled()


@admin.register(AuditRow)
class AuditRowAdmin(ReadOnlyAdmin):
    """The audit log, which the database itself keeps from being changed."""

    list_display: ClassVar = ["at", "team", "seq", "subject", "action", "resource", "outcome"]
    list_filter: ClassVar = ["team"]
    date_hierarchy = "at"
    show_full_result_count = False
    ordering: ClassVar = ["-at"]

    @admin.display(description="Subject")
    def subject(self, row: AuditRow) -> str:
        """Return who did it."""
        return str(row.entry.get("subject") or "")

    @admin.display(description="Action")
    def action(self, row: AuditRow) -> str:
        """Return what was done."""
        return str(row.entry.get("action") or "")

    @admin.display(description="Resource")
    def resource(self, row: AuditRow) -> str:
        """Return what it was done to."""
        return str(row.entry.get("resource") or "")

    @admin.display(description="Outcome")
    def outcome(self, row: AuditRow) -> str:
        """Return what became of it."""
        return str(row.entry.get("outcome") or "")
