"""The administration site: for staff alone, and nothing that is changed there goes unseen."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import resolve, reverse

from playground import administration
from playground.gateway.models import (
    CacheRule,
    Endpoint,
    Guardrail,
    LedgerRow,
    Quota,
    Route,
    ServedModel,
    Target,
)
from playground.policy import keys
from playground.policy.models import ApiKey, AuditRow, Policy, Team, User

SECRET = "sk-very-secret-0123456789"


@pytest.fixture
def staff(alice: User, client_for: Callable[..., Client]) -> Client:
    alice.is_staff = alice.is_superuser = True
    alice.save()
    return client_for(alice)


@pytest.fixture
def endpoint(db: None) -> Endpoint:
    endpoint = Endpoint(name="llama", base_url="http://10.0.0.7/v1", external=False)
    endpoint.secret = SECRET
    endpoint.save()
    return endpoint


@pytest.fixture
def everything(endpoint: Endpoint, alice: User) -> list[Any]:
    """One row of each model that the site shows."""
    team = Team.objects.get(slug="hiring")
    model = ServedModel.objects.create(endpoint=endpoint, name="small")
    route = Route.objects.create(name="chat-default")
    Target.objects.create(route=route, model=model)
    return [
        endpoint,
        model,
        route,
        team,
        alice,
        keys.create(user=alice, team=team, name="k").key,
        Quota.objects.create(team=team, kind="day", cap=5),
        Guardrail.objects.create(name="no-pii", check_kind="pii", action="redact"),
        CacheRule.objects.create(team=team, ttl_s=60),
        Policy.objects.create(name="mine", cedar="permit (principal, action, resource);"),
        LedgerRow.objects.create(
            id="00000000-0000-7000-8000-000000000001",
            settled_at="2026-01-01T00:00:00Z",
            team="hiring",
            subject=alice.urn,
            purpose="p",
            operation="chat",
            model="m",
            outcome="succeeded",
        ),
    ]


def actions() -> list[tuple[str, str]]:
    return [
        (row.entry["action"], row.entry["resource"].partition(":")[0])
        for row in AuditRow.objects.order_by("id")
        if row.entry["details"].get("by") == "admin"
    ]


def test_it_shows_staff_every_page_when_rows_are_there(
    staff: Client, everything: list[Any]
) -> None:
    shown = {type(each) for each in everything} | {AuditRow}
    assert {model for model in admin.site._registry if model._meta.app_label != "auth"} == shown

    pages = [reverse("admin:index")]
    for each in everything:
        name = f"admin:{each._meta.app_label}_{each._meta.model_name}"
        pages += [reverse(f"{name}_changelist"), reverse(f"{name}_change", args=[each.pk])]
        if admin.site._registry[type(each)].has_add_permission(_request(staff)):
            pages.append(reverse(f"{name}_add"))
    for page in pages:
        answer = staff.get(page)
        assert answer.status_code == 200, page
        text = answer.content.decode()
        assert SECRET not in text
        assert ApiKey.objects.get().hash not in text


def _request(client: Client) -> Any:
    return client.get(reverse("admin:index")).wsgi_request


@pytest.mark.parametrize("page", ["admin/", "admin/gateway/endpoint/", "admin/login/"])
def test_it_is_not_there_when_one_is_no_staff(bob: User, client_for: Any, page: str) -> None:
    answer = client_for(bob).get(f"/{page}")

    assert answer.status_code == 404
    assert b"password" not in answer.content.lower()


def test_it_leads_to_our_own_door_when_nobody_is_signed_in(db: None) -> None:
    answer = Client().get("/admin/gateway/endpoint/")

    assert (answer.status_code, answer["Location"]) == (
        302,
        "/login?next=%2Fadmin%2Fgateway%2Fendpoint%2F",
    )


FORM = {
    "name": "fresh", "kind": "vllm", "base_url": "http://10.0.0.8/v1", "api_version": "",
    "silence_s": "30", "enabled": "on", "secret": SECRET, "models-TOTAL_FORMS": "1",
    "models-INITIAL_FORMS": "0", "models-0-name": "qwen", "models-0-operation": "chat",
    "models-0-enabled": "on",
}  # fmt: skip


def test_it_seals_the_secret_when_an_endpoint_is_added(staff: Client) -> None:
    answer = staff.post(reverse("admin:gateway_endpoint_add"), FORM)

    assert answer.status_code == 302, answer.content.decode()
    made = Endpoint.objects.get(name="fresh")
    assert made.secret == SECRET
    assert SECRET.encode() not in bytes(made.sealed_secret or b"")
    assert [model.name for model in made.models.all()] == ["qwen"]
    assert ("create", "endpoint") in actions()
    assert SECRET not in str(list(AuditRow.objects.values_list("entry", flat=True)))


@pytest.mark.parametrize(
    ("more", "secret"),
    [({"secret": ""}, SECRET), ({"secret": "new"}, "new"), ({"forget_secret": "on"}, "")],
)
def test_it_keeps_changes_or_forgets_the_secret_when_an_endpoint_is_saved(
    staff: Client, endpoint: Endpoint, more: dict[str, str], secret: str
) -> None:
    form = {**FORM, "secret": "", "models-TOTAL_FORMS": "0", **more}

    answer = staff.post(reverse("admin:gateway_endpoint_change", args=[endpoint.pk]), form)

    assert answer.status_code == 302
    endpoint.refresh_from_db()
    assert endpoint.secret == secret
    assert ("edit", "endpoint") in actions()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("base_url", "ftp://x"),
        ("base_url", ""),
        ("base_url", "https://user:pw@host/v1"),
        ("silence_s", "0"),
        ("kind", "offline"),
        ("name", "with space"),
    ],
)
def test_it_says_what_is_wrong_when_an_endpoint_is_none(
    staff: Client, field: str, value: str
) -> None:
    answer = staff.post(reverse("admin:gateway_endpoint_add"), {**FORM, field: value})

    assert answer.status_code == 200
    assert field in answer.context["adminform"].form.errors


@pytest.mark.parametrize(
    ("kind", "action", "settings", "fault"),
    [
        ("pii", "redact", '{"kinds": ["email"]}', None),
        ("pii", "redact", '{"kinds": ["name"]}', "settings"),
        ("pii", "block", '{"more": 1}', "settings"),
        ("injection", "flag", '{"threshold": 2}', "settings"),
        ("injection", "redact", "{}", "action"),
        ("topics", "block", "{}", "settings"),
        ("topics", "block", '{"topics": {"arms": ["how to make a bomb"]}}', None),
        ("schema", "block", '{"schema": {"type": "nonsense"}}', "settings"),
        ("judge", "block", '{"model": "m"}', "settings"),
        ("judge", "block", '{"model": "m", "fails": "open"}', None),
    ],
)
def test_it_takes_a_guardrail_only_when_its_settings_fit(
    staff: Client, kind: str, action: str, settings: str, fault: str | None
) -> None:
    form = {
        "name": "rule", "check_kind": kind, "stage": "output", "action": action,
        "settings": settings, "enabled": "on",
    }  # fmt: skip

    answer = staff.post(reverse("admin:gateway_guardrail_add"), form)

    if fault is None:
        assert answer.status_code == 302, answer.context["adminform"].form.errors
    else:
        assert fault in answer.context["adminform"].form.errors


def test_it_keeps_the_models_of_this_process_when_they_are_to_be_deleted(staff: Client) -> None:
    offline = Endpoint.objects.get(kind="offline")

    staff.post(reverse("admin:gateway_endpoint_delete", args=[offline.pk]), {"post": "yes"})
    staff.post(
        reverse("admin:gateway_endpoint_changelist"),
        {"action": "delete_selected", "_selected_action": [offline.pk], "post": "yes"},
    )

    assert Endpoint.objects.filter(pk=offline.pk).exists()


def test_it_revokes_a_key_when_staff_says_so(staff: Client, everything: list[Any]) -> None:
    key = ApiKey.objects.get()

    staff.post(
        reverse("admin:policy_apikey_changelist"),
        {"action": "revoke", "_selected_action": [str(key.pk)]},
    )

    key.refresh_from_db()
    assert key.revoked_at is not None
    assert ("delete", "apikey") in actions()


def test_it_refuses_a_policy_when_it_is_not_cedar(staff: Client) -> None:
    answer = staff.post(reverse("admin:policy_policy_add"), {"name": "x", "cedar": "permit all"})

    assert "cedar" in answer.context["adminform"].form.errors


@pytest.mark.parametrize("verb", ["add", "change", "delete"])
def test_it_lets_nobody_change_the_log_and_the_ledger(
    staff: Client, everything: list[Any], verb: str
) -> None:
    for row in (LedgerRow.objects.get(), AuditRow.objects.first()):
        if row is None:
            continue
        args = [] if verb == "add" else [row.pk]
        name = f"admin:{row._meta.app_label}_{row._meta.model_name}_{verb}"
        assert staff.post(reverse(name, args=args), {"post": "yes"}).status_code == 403


def test_it_writes_no_values_when_it_audits_a_change(staff: Client) -> None:
    team = Team.objects.get(slug="hiring")

    form = {"name": "Quokka", "color": "#123456", "memberships-TOTAL_FORMS": "0"}
    form["memberships-INITIAL_FORMS"] = "0"
    staff.post(reverse("admin:policy_team_change", args=[team.pk]), form)

    entry = AuditRow.objects.filter(entry__action="edit").latest("id").entry
    assert "Name" in entry["details"]["fields"]
    assert "Quokka" not in str(entry)


def test_it_relaxes_its_policy_for_itself_alone(staff: Client) -> None:
    own = staff.get("/admin/")["Content-Security-Policy"]
    page = staff.get("/models")["Content-Security-Policy"]

    assert "'unsafe-eval'" in own
    assert "default-src 'none'" in own
    assert "http" not in re.sub(r"wss?://\S+", "", own)
    assert "unsafe" not in page


def test_it_leads_somewhere_when_its_sidebar_is_followed(staff: Client) -> None:
    links = [
        item["link"]
        for group in administration.UNFOLD["SIDEBAR"]["navigation"]
        for item in group["items"]
    ]

    assert all(resolve(link) for link in links)


def test_it_is_in_the_sidebar_of_staff_alone(staff: Client, bob: User, client_for: Any) -> None:
    assert b'href="/admin/"' in staff.get("/models").content
    assert b'href="/admin/"' not in client_for(bob).get("/models").content
