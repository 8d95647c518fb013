"""The site map: every path of the product on one page."""

from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView
from ninja import NinjaAPI

from agents import views as agents
from agents.api import agents_api, threads_api
from playground.console import views as console
from playground.console.workbench import views as workbench
from playground.console.workbench.api import workbench_api
from playground.core import health, problems
from playground.core.openapi_views import document_of
from playground.gateway import usage_views
from playground.gateway import views as gateway
from playground.gateway.api import models_api
from playground.gateway.usage_api import usage_api
from playground.messaging.api import events_api, runs_api
from playground.messaging.feedback_api import feedback_api
from playground.policy import views as policy
from playground.policy.api import policy_api
from playground.policy.authentication import ApiAuth
from playground.prompts.api import prompts_api
from playground.prompts.checks_api import checks_api
from playground.prompts.fragments_api import fragments_api
from playground.prompts.held.processes_api import processes_api
from playground.prompts.import_api import import_api
from playground.prompts.labels_api import labels_api
from playground.prompts.pages import about_views as prompt_about
from playground.prompts.pages import bump_views as prompt_bumps
from playground.prompts.pages import editor_views as prompt_editor
from playground.prompts.pages import import_views as prompt_import
from playground.prompts.pages import list_views as prompt_lists
from playground.prompts.pages import new_views as prompt_new
from playground.prompts.pages import rules_views as prompt_rules
from playground.prompts.pages import views as prompts
from playground.prompts.ramps.ramps_api import ramps_api
from playground.prompts.rules_api import rules_api
from playground.prompts.versions_api import versions_api
from playground.tracing import views as tracing
from playground.tracing.api import traces_api
from skills import views as skills
from skills.api import skills_api

api = NinjaAPI(
    title="Playground",
    version="1",
    description="Everything the screens can do. Errors are RFC 9457 problem documents.",
    auth=ApiAuth(),
    urls_namespace="api",
    docs_url="/docs",
    openapi_url="/openapi.json",
)
problems.install(api)
api.add_router("/agents", agents_api)
api.add_router("/threads", threads_api)
api.add_router("/threads", events_api)
api.add_router("/runs", runs_api)
api.add_router("/runs", feedback_api)
api.add_router("/skills", skills_api)
api.add_router("/prompts", ramps_api)
api.add_router("/prompts", import_api)
api.add_router("/prompts", processes_api)
api.add_router("/prompts", rules_api)
api.add_router("/prompts", labels_api)
api.add_router("/prompts", prompts_api)
api.add_router("/prompts", versions_api)
api.add_router("/prompts", checks_api)
api.add_router("/prompts", fragments_api)
api.add_router("/workbench", workbench_api)
api.add_router("/models", usage_api)
api.add_router("/models", models_api)
api.add_router("/traces", traces_api)
api.add_router("/", policy_api)

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("", console.home, name="home"),
    path("palette", console.palette, name="palette"),
    path("login", policy.login, name="login"),
    path("login/<str:token>", policy.login_with_link, name="login-link"),
    path("logout", policy.logout, name="logout"),
    path("team/switch", policy.switch_team, name="switch-team"),
    path("keys", policy.keys, name="keys"),
    path("chat", console.threads, name="threads"),
    path("chat/list", console.thread_list, name="thread-list"),
    path("chat/<uuid:thread_id>", console.thread, name="thread"),
    path("chat/<uuid:thread_id>/rows", console.thread_rows, name="thread-rows"),
    path("chat/<uuid:thread_id>/inspector", console.inspector, name="inspector"),
    path("runs/<uuid:run_id>", console.run, name="run"),
    path("runs/<uuid:run_id>/feedback", console.run_feedback, name="run-feedback"),
    path("agents", agents.agent_list, name="agents"),
    path("agents/new", agents.new_agent, name="new-agent"),
    path("agents/<slug:name>", agents.agent_page, name="agent"),
    path("agents/<slug:name>/edit", agents.edit_agent, name="edit-agent"),
    path("prompts", prompt_lists.prompt_list, name="prompts"),
    path("prompts/new", prompt_new.new_prompt, name="new-prompt"),
    path("prompts/rules", prompt_rules.rules, name="prompt-rules"),
    path("prompts/proposals", prompt_lists.proposal_list, name="proposals"),
    path("prompts/import", prompt_import.import_prompts, name="import-prompts"),
    path("prompts/<slug:team>/<slug:name>", prompts.prompt_page, name="prompt"),
    path(
        "prompts/<slug:team>/<slug:name>/processes",
        prompts.prompt_processes,
        name="prompt-processes",
    ),
    path("prompts/<slug:team>/<slug:name>/about", prompt_about.about_prompt, name="about-prompt"),
    path(
        "prompts/<slug:team>/<slug:name>/delete",
        prompt_about.delete_prompt_page,
        name="delete-prompt",
    ),
    path(
        "prompts/<slug:team>/<slug:name>/versions",
        prompt_lists.version_list,
        name="prompt-versions",
    ),
    path(
        "prompts/<slug:team>/<slug:name>/proposals/<uuid:proposal_id>",
        prompts.proposed_ramp,
        name="proposed-ramp",
    ),
    path("prompts/<slug:team>/<slug:name>/act", prompts.act_on_prompt, name="act-on-prompt"),
    path("prompts/<slug:team>/<slug:name>/bump", prompt_bumps.bump_prompt, name="bump-prompt"),
    path("prompts/<slug:team>/<slug:name>/bump/diff", prompt_bumps.bump_diff, name="bump-diff"),
    path("prompts/<slug:team>/<slug:name>/compare", prompts.compare_prompt, name="compare-prompt"),
    path("prompts/<slug:team>/<slug:name>/edit", prompt_editor.edit_prompt, name="edit-prompt"),
    path(
        "prompts/<slug:team>/<slug:name>/preview",
        prompt_editor.preview_prompt,
        name="preview-prompt",
    ),
    path("prompts/<slug:team>/<slug:name>/draft", prompt_editor.draft_prompt, name="draft-prompt"),
    path("workbench", workbench.benches, name="workbenches"),
    path(
        "workbench/from/<str:trace_id>/<str:span_id>",
        workbench.open_span,
        name="open-in-workbench",
    ),
    path("workbench/<uuid:bench_id>", workbench.workbench, name="workbench"),
    path("workbench/<uuid:bench_id>/save", workbench.save_workbench, name="save-workbench"),
    path(
        "workbench/<uuid:bench_id>/outputs", workbench.workbench_outputs, name="workbench-outputs"
    ),
    path("workbench/<uuid:bench_id>/outputs.csv", workbench.workbench_csv, name="workbench-csv"),
    path(
        "workbench/<uuid:bench_id>/outputs.jsonl", workbench.workbench_jsonl, name="workbench-jsonl"
    ),
    path(
        "workbench/<uuid:bench_id>/columns/<uuid:column_id>/history",
        workbench.workbench_history,
        name="workbench-history",
    ),
    path("skills", skills.skill_list, name="skills"),
    path("skills/<str:name>", skills.skill_page, name="skill"),
    path("skills/<str:name>/try", skills.try_skill, name="try-skill"),
    path("models", gateway.models, name="models"),
    path("models/routes", gateway.routes, name="routes"),
    path("models/usage", usage_views.usage_page, name="usage"),
    path("models/usage.csv", usage_views.usage_csv, name="usage-csv"),
    path("traces", tracing.trace_list, name="traces"),
    path("traces/<str:trace_id>", tracing.trace_page, name="trace"),
    path("traces/<str:trace_id>/tree", tracing.trace_tree, name="trace-tree"),
    path("traces/<str:trace_id>/spans/<str:span_id>", tracing.span_detail, name="span"),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    # Before the API's own view of the same address, which writes it for each request.
    path("api/openapi.json", document_of(api), name="openapi"),
    path("api/", api.urls),
]

handler400 = "playground.core.problems.bad_request"
handler403 = "playground.core.problems.forbidden"
handler404 = "playground.core.problems.page_not_found"
handler500 = "playground.core.problems.server_error"
