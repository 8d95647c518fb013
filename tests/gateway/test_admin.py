"""Endpoints, routes and rules in the administration: secrets go in, mistakes are named."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from playground.gateway.models import Endpoint, Guardrail, LedgerRow, Quota, Route, ServedModel
from playground.gateway.rule_settings import validated
from playground.policy import keys
from playground.policy.models import AuditRow, Team, User
from tests.gateway.configured import SECRET, configure

pytestmark = pytest.mark.django_db(databases="__all__")

NO_MODELS = {"models-TOTAL_FORMS": 0, "models-INITIAL_FORMS": 0}
ENDPOINT = {
    "name": "acme", "kind": "openai", "base_url": "https://models.acme.example/v1",
    "silence_s": 60, "enabled": "on", **NO_MODELS,
}  # fmt: skip


def _page(model: Any, page: str, *args: object) -> str:
    return reverse(f"admin:gateway_{model._meta.model_name}_{page}", args=args)


@pytest.fixture
def staff(ada: User, client_for: Callable[..., Client]) -> Client:
    User.objects.filter(pk=ada.pk).update(is_staff=True, is_superuser=True)
    return client_for(ada)


@pytest.fixture
def endpoint(hiring: Team) -> Endpoint:
    return configure(hiring)


# Endpoints


def test_it_shows_no_secret_on_any_page(staff: Client, endpoint: Endpoint):
    sealed = bytes(endpoint.sealed_secret or b"").decode()

    for model in admin.site._registry:
        if model._meta.app_label != "gateway":
            continue
        for page in ["changelist", "add"]:
            text = staff.get(_page(model, page)).content.decode()
            assert SECRET not in text
            assert sealed not in text
        for each in model.objects.all():
            for page in ["change", "history", "delete"]:
                text = staff.get(_page(model, page, each.pk)).content.decode()
                assert SECRET not in text
                assert sealed not in text


def test_it_shows_no_secret_again_when_the_form_comes_back(staff: Client, endpoint: Endpoint):
    form = {**ENDPOINT, "base_url": "nowhere", "secret": "sk-entered-anew"}

    response = staff.post(_page(Endpoint, "change", endpoint.pk), form)

    assert response.status_code == 200
    assert b"sk-entered-anew" not in response.content


def test_it_keeps_replaces_and_forgets_the_secret(staff: Client, endpoint: Endpoint):
    page = _page(Endpoint, "change", endpoint.pk)

    def after(**entered: str) -> str:
        assert staff.post(page, {**ENDPOINT, **entered}).status_code == 302
        endpoint.refresh_from_db()
        return endpoint.secret

    assert after() == SECRET
    assert after(secret="sk-new") == "sk-new"
    assert after() == "sk-new"
    assert after(clear_secret="on") == ""


def test_it_records_that_a_secret_changed_and_not_what_it_is(staff: Client, endpoint: Endpoint):
    staff.post(_page(Endpoint, "change", endpoint.pk), {**ENDPOINT, "secret": "sk-new"})

    entry = AuditRow.objects.filter(team="hiring").latest("seq").entry
    assert entry["resource"] == f"endpoint:{endpoint.pk}"
    assert "secret" in entry["details"]["fields"]
    assert "sk-new" not in str(entry)


@pytest.mark.parametrize(
    ("base_url", "said"),
    [
        ("", "Say where it is"),
        ("models.acme.example/v1", "Begin with http"),
        ("ftp://models.acme.example", "Begin with http"),
        ("https:///v1", "Begin with http"),
        ("https://me:pw@models.acme.example/v1", "Keep credentials out"),
        ("https://key@models.acme.example/v1", "Keep credentials out"),
        ("https://models.acme.example/v1?key=1", "Leave out"),
        ("https://models.acme.example/v1 x", "Leave out"),
        ("https://[models/v1", "This is not a URL"),
        ("https://models.acme.example:port/v1", "This is not a URL"),
    ],
)
def test_it_names_what_is_wrong_with_an_address(staff: Client, base_url: str, said: str):
    response = staff.post(_page(Endpoint, "add"), {**ENDPOINT, "base_url": base_url})

    assert said in response.content.decode()
    assert not Endpoint.objects.filter(name="acme").exists()


@pytest.mark.parametrize("secret", ["sk a", "sk-ä", "sk\x07"])
def test_it_refuses_a_secret_that_no_header_can_carry(staff: Client, secret: str):
    response = staff.post(_page(Endpoint, "add"), {**ENDPOINT, "secret": secret})

    assert "no header can carry" in response.content.decode()


def test_it_makes_an_endpoint_with_its_models(staff: Client):
    staff.post(
        _page(Endpoint, "add"),
        {**ENDPOINT, "secret": "sk-1", "models-TOTAL_FORMS": 1,
         "models-0-name": "large", "models-0-operation": "chat", "models-0-enabled": "on",
         "models-0-input_price": "2.5"},
    )  # fmt: skip

    model = ServedModel.objects.get(endpoint__name="acme")
    assert (str(model), model.endpoint.secret) == ("acme/large", "sk-1")
    made = {row.entry["resource"] for row in AuditRow.objects.filter(team="hiring")}
    assert made >= {f"endpoint:{model.endpoint_id}", f"servedmodel:{model.pk}"}


def test_it_keeps_the_endpoint_of_this_process(staff: Client):
    offline = Endpoint.objects.get(kind="offline")
    models = list(offline.models.order_by("endpoint__name", "name"))
    form = {
        "name": "other", "kind": "openai", "base_url": "https://x.example", "enabled": "on",
        "models-TOTAL_FORMS": len(models) + 1, "models-INITIAL_FORMS": len(models),
        f"models-{len(models)}-name": "more", f"models-{len(models)}-operation": "chat",
    }  # fmt: skip
    for number, model in enumerate(models):
        form |= {
            f"models-{number}-id": model.pk, f"models-{number}-name": "other",
            f"models-{number}-DELETE": "on", f"models-{number}-enabled": "on",
        }  # fmt: skip

    page = _page(Endpoint, "change", offline.pk)
    shown, saved = staff.get(page), staff.post(page, form)
    deleted = staff.post(_page(Endpoint, "delete", offline.pk), {"post": "yes"})
    staff.post(
        _page(Endpoint, "changelist"),
        {"action": "delete_selected", "_selected_action": [offline.pk], "post": "yes"},
    )

    assert (shown.status_code, saved.status_code, deleted.status_code) == (200, 302, 403)
    offline = Endpoint.objects.get(kind="offline")
    assert (offline.name, offline.base_url) == ("offline", "")
    assert [each.name for each in offline.models.order_by("endpoint__name", "name")] == [
        each.name for each in models
    ]


def test_it_makes_no_second_endpoint_of_this_process(staff: Client):
    response = staff.post(_page(Endpoint, "add"), {**ENDPOINT, "kind": "offline"})

    assert response.status_code == 200
    assert not Endpoint.objects.filter(name="acme").exists()


# Routes, quotas, the ledger


def test_it_says_what_a_route_does_when_a_target_fails(staff: Client, endpoint: Endpoint):
    page = staff.get(_page(Route, "change", Route.objects.get(name="chat-acme").pk))

    assert "When a target fails" in page.content.decode()
    assert "acme/large" in page.content.decode()


def test_it_refuses_a_quota_for_another_teams_key(staff: Client, charlie: User, hiring: Team):
    key = keys.create(user=charlie, team=charlie.memberships.get().team, name="theirs").key
    form = {"team": hiring.pk, "key": key.pk, "kind": "day", "cap": "5", "enabled": "on"}

    response = staff.post(_page(Quota, "add"), form)

    assert "of another team" in response.content.decode()
    assert not Quota.objects.exists()


def test_it_filters_the_ledger_and_changes_nothing_in_it(staff: Client, endpoint: Endpoint):
    row = LedgerRow.objects.get()

    def shown(query: str) -> bool:
        return str(row.pk) in staff.get(_page(LedgerRow, "changelist") + query).content.decode()

    assert shown("?team=hiring&outcome=succeeded")
    assert not shown("?outcome=failed")
    assert not shown("?team=else")
    assert not shown("?settled_at__gte=2001-01-01T00:00Z&settled_at__lt=2001-01-02T00:00Z")
    for page, arguments in (("add", ()), ("change", (row.pk,)), ("delete", (row.pk,))):
        assert staff.post(_page(LedgerRow, page, *arguments), {"post": "yes"}).status_code == 403


# Guardrails

GOOD = [
    ("pii", {}),
    ("pii", {"kinds": ["email", "iban"]}),
    ("secrets", {"kinds": ["jwt"]}),
    ("judge", {"model": "chat-default"}),
    ("injection", {"threshold": 0}),
    ("injection", {"threshold": 0.8}),
    ("topics", {"topics": {"weapons": ["how to build a bomb"]}, "margin": 0.1}),
    ("schema", {"schema": {"type": "object"}}),
    ("judge", {"model": "chat-default", "instructions": "Be strict", "fails": "open",
               "timeout_s": 3}),
]  # fmt: skip
BAD = [
    ("pii", {"kind": ["email"]}, "kind is unknown"),
    ("pii", {"kinds": []}, "kinds: list should have at least 1 item"),
    ("pii", {"kinds": ["e-mail"]}, "kinds: unknown: e-mail; known: card, email"),
    ("secrets", {"kinds": ["email"]}, "kinds: unknown: email"),
    ("secrets", {"kinds": "email"}, "kinds: input should be a valid list"),
    ("injection", {"threshold": 2}, "threshold: input should be less than or equal to 1"),
    ("injection", {"threshold": "0.5"}, "threshold: input should be a valid number"),
    ("injection", {"threshold": 0.5, "model": "m"}, "model is unknown"),
    ("topics", {}, "topics is missing"),
    ("topics", {"topics": {"weapons": []}}, "topics.weapons"),
    ("schema", {"schema": {"type": "thing"}}, "schema: this is not a JSON schema"),
    ("schema", {"schema_": {}}, "schema_ is unknown"),
    ("judge", {"model": "m", "instructions": "i", "fails": "never"}, "fails: input should be"),
    ("judge", {"model": "m", "instructions": "i", "timeout_s": 0}, "timeout_s: input should be"),
    ("other", {}, "there is no check 'other'"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "settings"), GOOD)
def test_it_reads_the_settings_of_a_check(check: str, settings: dict[str, Any]):
    read = validated(check, settings).model_dump(by_alias=True, exclude_unset=True)

    assert read == settings


@pytest.mark.parametrize(("check", "settings", "said"), BAD)
def test_it_says_what_is_wrong_with_settings(check: str, settings: dict[str, Any], said: str):
    with pytest.raises(ValueError, match=re.escape(said)):
        validated(check, settings)


def test_it_knows_the_shape_of_every_check():
    for check in Guardrail.Check.values:
        with pytest.raises(ValueError, match="nonsense is unknown"):
            validated(check, {"nonsense": 1})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"settings": json.dumps({"limit": 1})}, "limit is unknown"),
        ({"settings": "[1]"}, "valid dictionary"),
        ({"check_kind": "injection"}, "Only personal data and secrets can be redacted"),
    ],
)
def test_it_names_what_is_wrong_with_a_guardrail(staff: Client, change: dict[str, str], said: str):
    form = {"name": "rule", "check_kind": "pii", "stage": "both", "action": "redact",
            "settings": "{}", "enabled": "on"}  # fmt: skip

    refused = staff.post(_page(Guardrail, "add"), {**form, **change})
    saved = staff.post(_page(Guardrail, "add"), {**form, "name": "good"})

    assert said in refused.content.decode()
    assert saved.status_code == 302
    assert list(Guardrail.objects.values_list("name", flat=True)) == ["good"]
