"""The administration of ramps: their list, and pages of our own that obey the strict policy."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.html import format_html
from unfold.views import ChangeList

from playground.core.context import RequestContext
from playground.core.errors import NotFound, PlaygroundError, PolicyDenied
from playground.core.templatetags.playground import ago
from playground.policy.administering import ReadOnlyModelAdmin
from playground.prompts.crediting import GUARD
from playground.prompts.models import LabelProposal, Ramp, RampEvent
from playground.prompts.ramps import planning_views
from playground.prompts.ramps.guarding_ramps import comparisons_of_each
from playground.prompts.ramps.page import RampPage, page_of
from playground.prompts.ramps.pressing import DONE, press
from playground.prompts.ramps.reviewing import foretold_of
from playground.prompts.ramps.sequential import Verdict
from playground.prompts.ramps.shell import groups_of
from playground.prompts.ramps.wording import counted

# Tells htmx to ask no more.
_STOP = 286
_SAID_OF_DRAFTS = {
    LabelProposal.Status.OPEN: ("proposed", "Draft, proposed"),
    LabelProposal.Status.REJECTED: ("draft", "Draft, rejected"),
}


class RampList(ChangeList):
    """A page of ramps, whose live ones are compared all at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        ramps: list[Any] = list(self.result_list)  # type: ignore[has-type]
        compared = comparisons_of_each([ramp for ramp in ramps if ramp.is_live])
        for ramp in ramps:
            ramp.compared = compared.get(ramp.pk, ())
        self.result_list = ramps


@admin.register(Ramp)
class RampAdmin(ReadOnlyModelAdmin):
    """Ramps of all teams; whoever steers one is a member of its team and passes its policies."""

    list_display = ("ramp", "label", "versions", "condition", "reached", "begun", "marks")
    list_display_links = ("ramp",)
    list_filter = ("state", "prompt__team", "label")
    list_select_related = ("prompt__team", "baseline", "candidate")
    search_fields = ("prompt__name", "label")
    list_per_page = 50

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("prompts/", self._guarded(self.prompts), name="prompts_ramp_prompts"),
            path("<uuid:object_id>/live/", self._guarded(self.live), name="prompts_ramp_live"),
            path("<uuid:object_id>/edit/", self._guarded(self.edit), name="prompts_ramp_edit"),
            path("<uuid:object_id>/step/", self._guarded(self.step), name="prompts_ramp_step"),
        ]
        return [*own, *super().get_urls()]

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return request.user.has_perm("prompts.add_ramp")

    def get_changelist(self, request: HttpRequest, **_: Any) -> type[ChangeList]:
        return RampList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        by_guard = RampEvent.objects.filter(
            ramp=OuterRef("pk"), who=GUARD, what__in=("paused", "rolled_back")
        )
        last = LabelProposal.objects.filter(ramp=OuterRef("pk")).values("status")[:1]
        ramps = super().get_queryset(request).prefetch_related("guards")
        return ramps.annotate(stopped=Exists(by_guard), proposed=Subquery(last))

    @admin.display(description="Prompt", ordering="prompt__name")
    def ramp(self, ramp: Ramp) -> str:
        return ramp.prompt.path

    @admin.display(description="From, to")
    def versions(self, ramp: Ramp) -> str:
        return f"v{ramp.baseline.number} → v{ramp.candidate.number}"

    @admin.display(description="State", ordering="state")
    def condition(self, ramp: Any) -> str:
        mark = '<span class="ramp-state" data-state="{}">{}</span>'
        said = _SAID_OF_DRAFTS.get(ramp.proposed) if ramp.state == Ramp.State.DRAFT else None
        return format_html(mark, *(said or (ramp.state, ramp.get_state_display())))

    @admin.display(description="Reached")
    def reached(self, ramp: Ramp) -> str:
        stage = f"stage {ramp.stage + 1} of {len(ramp.stages)}"
        if not ramp.period:
            return f"{counted(len(ramp.stages), 'stage')} planned"
        return f"{ramp.step.percent:g} %, {stage}"

    @admin.display(description="Since", ordering="since")
    def begun(self, ramp: Ramp) -> str:
        return ago(ramp.since)

    @admin.display(description="Guards")
    def marks(self, ramp: Any) -> str:
        worse = [each.metric for each in ramp.compared if each.verdict is Verdict.REGRESSED]
        if worse:
            return format_html('<span class="ramp-worse">{} regressed</span>', ", ".join(worse))
        if ramp.stopped:
            return format_html('<span class="ramp-worse">{}</span>', "stopped by a guard")
        return "nothing regressed" if ramp.is_live else "–"

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        self._require_planner(request)
        return planning_views.plan_page(request, self._shell(request))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return self._page(request, self._find(request, object_id))

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        return self.change_view(request, object_id)

    def prompts(self, request: HttpRequest) -> HttpResponse:
        """Suggest prompts to plan a ramp for, by what was typed of their names."""
        self._require_planner(request)
        return planning_views.suggest(request)

    def edit(self, request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
        """Show the form of a draft, and keep what it was changed to."""
        ramp = self._find(request, object_id)
        if not request.user.has_perm("prompts.change_ramp"):
            raise PolicyDenied("forbidden", "Your permissions do not let you change ramps.")
        planning_views.context_in(request, ramp.prompt.team.slug)
        return planning_views.edit_page(request, self._shell(request), ramp)

    def live(self, request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
        """Send the parts of the page that change by themselves."""
        ramp = self._find(request, object_id)
        over = not ramp.is_live and ramp.state != Ramp.State.DRAFT
        shown = {"page": self._of(request, ramp), "oob": True}
        status = _STOP if over else 200
        return render(request, "prompts/ramp/live.html", shown, status=status)

    def step(self, request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
        """Do with the ramp what the button said, for the reason that was typed."""
        ramp = self._find(request, object_id)
        if request.method != "POST":
            return redirect("admin:prompts_ramp_change", ramp.pk)
        verb, reason = request.POST.get("verb", ""), request.POST.get("reason", "").strip()
        try:
            if not request.user.has_perm("prompts.change_ramp"):
                raise PolicyDenied("forbidden", "Your permissions do not let you change ramps.")
            context = planning_views.context_in(request, ramp.prompt.team.slug)
            press(context, ramp, verb, reason=reason, shown=request.POST)
        except PlaygroundError as error:
            return self._page(request, self._find(request, object_id), error=error, reason=reason)
        messages.success(request, DONE[verb])
        return redirect("admin:prompts_ramp_change", ramp.pk)

    def _page(
        self,
        request: HttpRequest,
        ramp: Ramp,
        *,
        error: PlaygroundError | None = None,
        reason: str = "",
    ) -> HttpResponse:
        page = self._of(request, ramp)
        shown: dict[str, Any] = {"page": page, "error": error, "reason": reason}
        if ramp.state == Ramp.State.DRAFT:
            context = self._context(request, ramp)
            shown["foretold"] = foretold_of(context, ramp) if context else None
        status = error.status if error else 200
        return render(
            request, "prompts/ramp/page.html", self._shell(request) | shown, status=status
        )

    def _of(self, request: HttpRequest, ramp: Ramp) -> RampPage:
        return page_of(
            ramp,
            context=self._context(request, ramp),
            may_change=request.user.has_perm("prompts.change_ramp"),
        )

    def _context(self, request: HttpRequest, ramp: Ramp) -> RequestContext | None:
        try:
            return planning_views.context_in(request, ramp.prompt.team.slug)
        except NotFound:
            return None

    def _find(self, request: HttpRequest, object_id: str | uuid.UUID) -> Ramp:
        if not self.has_view_permission(request):
            raise PolicyDenied("forbidden", "Your permissions do not let you see ramps.")
        found = planning_views.ramp_of(str(object_id))
        if found is None:
            raise NotFound("ramp.not-found", "There is no such ramp.")
        return found

    def _require_planner(self, request: HttpRequest) -> None:
        if not self.has_add_permission(request):
            raise PolicyDenied("forbidden", "Your permissions do not let you plan ramps.")

    def _shell(self, request: HttpRequest) -> dict[str, Any]:
        site = self.admin_site
        return {"groups": groups_of(site.get_sidebar_list(request))}  # type: ignore[attr-defined]

    def _guarded(self, view: Any) -> Any:
        return self.admin_site.admin_view(view)
