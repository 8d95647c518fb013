"""The administration's door, and forms whose every change is a row of the audit log."""

import functools
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from django.contrib import auth
from django.core.paginator import Paginator
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils.functional import cached_property
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite

from playground.core.errors import PolicyDenied
from playground.core.ids import urn
from playground.policy import auditing
from playground.policy.models import Team, User

# One signs in on the product's own page, by link; there are no passwords to change.
_CLOSED = {"login", "password_change", "password_change_done"}


class Administration(UnfoldAdminSite):
    """Django's administration, entered by the product's own session and by staff alone."""

    final_catch_all_view = False
    index_title = "Administration"

    def get_urls(self) -> list[URLPattern]:
        return [each for each in super().get_urls() if getattr(each, "name", None) not in _CLOSED]

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        guarded = super().admin_view(view, cacheable)

        @functools.wraps(view)
        def staff_alone(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            # Before anything is looked up, so that refusals tell nothing of what there is.
            if not self.has_permission(request):
                raise PolicyDenied("admin.staff-only", "Only staff may administer the Playground.")
            answer: HttpResponseBase = guarded(request, *args, **kwargs)
            return answer

        return staff_alone

    def logout(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if request.method != "POST":
            return redirect("admin:index")
        auth.logout(request)
        return redirect("login")


def record(
    request: HttpRequest,
    action: str,
    thing: models.Model,
    *,
    fields: Iterable[str] = (),
    resource: str = "",
) -> None:
    """Append to the audit log what staff did, with the names of changed fields, never values.

    It stands in the chain of the thing's team; in that of the person's first team where the thing
    is everybody's.

    Args:
        resource: the thing's URN, where it is gone already.
    """
    assert isinstance(request.user, User)
    context = request.user.context()
    auditing.record(
        replace(
            context,
            team=_team_of(thing) or context.team,
            request_id=getattr(request, "request_id", None),
        ),
        action=action,
        resource=resource or resource_of(thing),
        outcome="done",
        details={"door": "admin", "fields": sorted(fields)},
    )


def resource_of(thing: models.Model) -> str:
    """Name the thing in audit rows."""
    if isinstance(thing, User):
        return thing.urn
    return urn(str(thing._meta.model_name), str(thing.pk))


def _team_of(thing: models.Model) -> str | None:
    team = thing if isinstance(thing, Team) else getattr(thing, "team", None)
    return team.slug if isinstance(team, Team) else None


class AuditedModelAdmin(ModelAdmin):
    """Forms of one table; what is saved or deleted there, inlines included, is on record."""

    warn_unsaved_form = True

    def save_model(self, request: HttpRequest, obj: models.Model, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change or form.changed_data:
            record(request, "update" if change else "create", obj, fields=form.changed_data)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        # A deleted row forgets its id.
        gone = {id(each.instance): resource_of(each.instance) for each in formset.deleted_forms}
        super().save_formset(request, form, formset, change)
        fields = {id(each.instance): each.changed_data for each in formset.forms}
        for thing in formset.new_objects:
            record(request, "create", thing, fields=fields.get(id(thing), ()))
        for thing, changed in formset.changed_objects:
            record(request, "update", thing, fields=changed)
        for thing in formset.deleted_objects:
            record(request, "delete", thing, resource=gone[id(thing)])

    def delete_model(self, request: HttpRequest, obj: models.Model) -> None:
        resource = resource_of(obj)
        super().delete_model(request, obj)
        record(request, "delete", obj, resource=resource)

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        with transaction.atomic():
            things = [(each, resource_of(each)) for each in queryset]
            super().delete_queryset(request, queryset)
            for thing, resource in things:
                record(request, "delete", thing, resource=resource)


class FirstRows(Paginator):
    """Pages of the first 10,000 rows: counting a table that only grows would take ever longer."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows[:10_000].count())


class ReadOnlyModelAdmin(AuditedModelAdmin):
    """Rows to look at: nobody adds, changes or deletes one here, whatever their permissions."""

    paginator = FirstRows
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False
