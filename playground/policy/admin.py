"""Administer people, keys and policies; look at the audit log."""

from typing import Any, ClassVar

from cedarpy import PolicySet
from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models.functions import Now
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.decorators import action
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from playground.policy import policies
from playground.policy.administering import AuditedModelAdmin, ReadOnlyModelAdmin, record
from playground.policy.models import ApiKey, AuditHead, AuditRow, Membership, Policy, Team, User

# What a person may do is decided by roles and policies; groups would be a third way.
admin.site.unregister(Group)


class MembershipInline(TabularInline):
    """Who is in a team, or a person's teams, with their role."""

    model = Membership
    extra = 0
    hide_title = True
    autocomplete_fields = ("user", "team")
    fields = ("user", "team", "role")


class TeamForm(forms.ModelForm):
    """A team; its colour is written like ``#0f766e``."""

    color = forms.CharField(
        validators=[RegexValidator(r"\A#[0-9a-fA-F]{6}\Z", "Write it like #0f766e.")],
        widget=UnfoldAdminTextInputWidget(),
        initial=Team._meta.get_field("color").default,
    )


@admin.register(Team)
class TeamAdmin(AuditedModelAdmin):
    form = TeamForm
    fields = ("slug", "name", "color")
    list_display = ("name", "slug", "created_at")
    search_fields = ("slug", "name")
    inlines = (MembershipInline,)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        # The ledger, the audit log and the other silos name the team by it.
        return ("slug",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Threads, agents and rows of other silos would go with it, or be left without a team.
        return False


@admin.register(User)
class UserAdmin(AuditedModelAdmin):
    """People. They sign in by link, so there is no password to set."""

    list_display = ("username", "display_name", "email", "is_active", "is_staff", "is_superuser")
    list_filter = ("is_active", "is_staff", "memberships__team")
    search_fields = ("username", "display_name", "email")
    filter_horizontal = ("user_permissions",)
    inlines = (MembershipInline,)
    fieldsets = (
        (None, {"fields": ("username", "display_name", "email", "is_active")}),
        (
            "Administration",
            {
                "fields": ("is_staff", "is_superuser", "user_permissions"),
                "description": "Staff may enter here and do what their permissions say;"
                " superusers may do everything and appoint staff.",
            },
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        # Keys, rows and other silos name a person by their username.
        fixed = ("username",) if obj else ()
        appointing = ("is_staff", "is_superuser", "user_permissions")
        if obj == request.user:
            return (*fixed, "is_active", *appointing)
        assert isinstance(request.user, User)
        return fixed if request.user.is_superuser else (*fixed, *appointing)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        assert isinstance(request.user, User)
        above = obj is not None and obj.is_superuser and not request.user.is_superuser
        return not above and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # The audit log names them for ever; who leaves is set inactive.
        return False

    def formfield_for_manytomany(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        administered = {model._meta.app_label for model in self.admin_site._registry}
        kwargs["queryset"] = Permission.objects.select_related("content_type").filter(
            content_type__app_label__in=administered
        )
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyModelAdmin):
    """Keys are made by their owners, on the page *API keys*; here they are revoked."""

    _SHOWN = ("name", "prefix", "user", "team", "purpose")
    _TIMES = ("created_at", "last_used_at", "expires_at", "revoked_at")
    fields = (*_SHOWN, *_TIMES)
    list_display = (*_SHOWN, "last_used_at", "expires_at", "revoked_at")
    list_filter = ("team", ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("user", "team")
    search_fields = ("name", "prefix", "user__username")
    actions = ("revoke",)

    @action(description="Revoke the chosen keys", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: models.QuerySet[ApiKey]) -> None:
        with transaction.atomic():
            chosen = queryset.filter(revoked_at=None).values_list("pk", flat=True)
            keys = list(ApiKey.objects.filter(pk__in=chosen).select_related("team"))
            ApiKey.objects.filter(pk__in=[key.pk for key in keys]).update(revoked_at=Now())
            for key in keys:
                record(request, "revoke", key, fields=("revoked_at",))
        self.message_user(request, f"Revoked: {len(keys)}")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        assert isinstance(request.user, User)
        return request.user.has_perm("policy.change_apikey")


class PolicyForm(forms.ModelForm):
    """A policy whose text is Cedar."""

    def clean_cedar(self) -> str:
        cedar: str = self.cleaned_data["cedar"]
        try:
            PolicySet.from_str(cedar)
        except ValueError as error:
            raise forms.ValidationError(f"This is not a Cedar policy: {error}") from error
        return cedar


@admin.register(Policy)
class PolicyAdmin(AuditedModelAdmin):
    form = PolicyForm
    fields = ("name", "cedar", "enabled")
    list_display = ("name", "enabled", "updated_at")
    search_fields = ("name",)
    formfield_overrides: ClassVar = {
        models.TextField: {
            "widget": UnfoldAdminTextareaWidget(attrs={"rows": 16, "class": "font-mono"})
        }
    }

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        transaction.on_commit(policies.forget_compiled)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        super().delete_model(request, obj)
        transaction.on_commit(policies.forget_compiled)

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        super().delete_queryset(request, queryset)
        transaction.on_commit(policies.forget_compiled)


class TeamNamedFilter(admin.SimpleListFilter):
    """Teams to choose from, for tables that keep their slug."""

    title = "team"
    parameter_name = "team"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(Team.objects.values_list("slug", "name"))

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(team=self.value()) if self.value() else queryset


@admin.register(AuditRow)
class AuditRowAdmin(ReadOnlyModelAdmin):
    """Who did what; the database itself refuses to change a row."""

    list_display = ("at", "team", "seq", "subject", "what", "resource", "outcome")
    list_filter = (TeamNamedFilter, ("at", admin.DateFieldListFilter))
    ordering = ("-id",)
    search_fields = ("entry__subject", "entry__actor", "entry__action", "entry__resource")

    @admin.display(description="Who")
    def subject(self, row: AuditRow) -> str:
        return str(row.entry.get("actor") or row.entry.get("subject") or "")

    @admin.display(description="Did")
    def what(self, row: AuditRow) -> str:
        return str(row.entry.get("action", ""))

    @admin.display(description="To")
    def resource(self, row: AuditRow) -> str:
        return str(row.entry.get("resource", ""))

    @admin.display(description="Outcome")
    def outcome(self, row: AuditRow) -> str:
        return str(row.entry.get("outcome", ""))


@admin.register(AuditHead)
class AuditHeadAdmin(ReadOnlyModelAdmin):
    list_display = ("team", "seq", "hash")
