"""The administration site: who may enter, and that whatever is changed there is audited."""

import functools
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.db import models
from django.db.models.deletion import ProtectedError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite

from playground.core import problems
from playground.core.errors import NotFound
from playground.core.ids import urn
from playground.policy import auditing


class Site(UnfoldAdminSite):
    """The site at ``/admin/``, for active staff; for everybody else there is nothing."""

    def admin_view(
        self, view: Callable[..., HttpResponseBase], cacheable: bool = False
    ) -> Callable[..., HttpResponseBase]:
        """Let staff in; people sign in at the product's own door, long before."""
        inner = super().admin_view(view, cacheable)

        @functools.wraps(inner)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not self.has_permission(request):
                return _nothing(request)
            return inner(request, *args, **kwargs)

        return guarded

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Lead to the overview: there is no second way to sign in."""
        return redirect("admin:index") if self.has_permission(request) else _nothing(request)

    def logout(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Lead home, where one can sign out."""
        return redirect("home")

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Nobody has a password here."""
        return _nothing(request)

    def password_change_done(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Nobody has a password here."""
        return _nothing(request)


def _nothing(request: HttpRequest) -> HttpResponse:
    return problems.respond(request, NotFound("not-found", "There is nothing at this address."))


class AuditedModelAdmin(ModelAdmin):  # type: ignore[misc, type-arg]
    """Write an audit row for whatever is added, changed or deleted: names of fields, no values."""

    compressed_fields = True
    warn_unsaved_form = True

    def log_addition(self, request: Any, obj: models.Model, message: Any) -> Any:
        """Log an object that was added."""
        self.record(request, "create", obj)
        return super().log_addition(request, obj, message)

    def log_change(self, request: Any, obj: models.Model, message: Any) -> Any:
        """Log an object that was changed."""
        self.record(request, "edit", obj, fields=_changed(message))
        return super().log_change(request, obj, message)

    def log_deletions(self, request: Any, queryset: Iterable[models.Model]) -> Any:
        """Log objects that are about to be deleted."""
        for obj in queryset:
            self.record(request, "delete", obj)
        return super().log_deletions(request, queryset)

    def record(
        self, request: Any, action: str, obj: models.Model, *, fields: Iterable[str] = ()
    ) -> None:
        """Append to the chain of the object's team, else of the administrator's."""
        team = getattr(getattr(obj, "team", None), "slug", None) or request.context.team
        auditing.record(
            replace(request.context, team=team),
            action=action,
            resource=urn(obj._meta.model_name or "", obj.pk),
            outcome="done",
            details={"by": "admin", "fields": sorted(fields)},
        )

    def delete_model(self, request: HttpRequest, obj: models.Model) -> None:
        """Delete, or say what still needs it."""
        try:
            super().delete_model(request, obj)
        except ProtectedError:
            messages.error(request, f"{obj} is still used and was not deleted.")


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc, type-arg]
    """Show rows that nobody may add, change or delete."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody adds."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes."""
        return False


def _changed(message: Any) -> set[str]:
    """Read the names of the changed fields from what Django's admin notes."""
    if not isinstance(message, list):
        return set()
    return {
        str(name)
        for entry in message
        for part in entry.values()
        for name in (part.get("fields") or ())
    }
