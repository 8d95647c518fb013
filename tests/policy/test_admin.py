"""The administration: staff alone enter, everything they do is on record, secrets stay inside."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.test import Client, RequestFactory
from django.urls import reverse

from playground.policy import keys, people
from playground.policy.auditing import verify
from playground.policy.csp import policy_for
from playground.policy.models import ApiKey, AuditHead, AuditRow, Membership, Policy, Team, User

pytestmark = pytest.mark.django_db(databases="__all__")

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)


def _page(model: Any, page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def _last(team: str) -> dict[str, Any]:
    return AuditRow.objects.filter(team=team).latest("seq").entry


@pytest.fixture
def root(ada: User) -> User:
    ada.is_staff = ada.is_superuser = True
    ada.save()
    return ada


@pytest.fixture
def staff(root: User, client_for: Callable[..., Client]) -> Client:
    return client_for(root)


# The door


def test_it_leads_to_our_own_login_page_when_nobody_is_signed_in(client: Client):
    response = client.get(_page(Team, "changelist"))

    assert response.status_code == 302
    assert response["Location"] == "/login?next=%2Fadmin%2Fpolicy%2Fteam%2F"


@pytest.mark.parametrize("page", ["/admin/", "/admin/policy/team/", "/admin/policy/nothing/"])
def test_it_turns_away_who_is_not_staff(alice: User, client_for: Callable[..., Client], page: str):
    response = client_for(alice).get(page)

    assert response.status_code == (404 if "nothing" in page else 403)
    assert b"password" not in response.content


def test_it_turns_away_staff_who_were_set_inactive(root: User, staff: Client):
    User.objects.filter(pk=root.pk).update(is_active=False)

    assert staff.get("/admin/").status_code == 302


@pytest.mark.parametrize("path", ["login/", "password_change/", "password_change/done/"])
def test_it_has_no_password_form(staff: Client, path: str):
    assert staff.get(f"/admin/{path}").status_code == 404


def test_it_signs_out_of_the_product_when_staff_sign_out_there(staff: Client):
    assert staff.get("/admin/logout/").status_code == 302
    assert staff.get("/admin/").status_code == 200

    left = staff.post("/admin/logout/")

    assert left["Location"] == "/login"
    assert staff.get("/admin/").status_code == 302


def test_it_shows_staff_without_permissions_nothing(alice: User, client_for: Callable[..., Client]):
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    client = client_for(alice)

    statuses = {client.get(_page(model, "changelist")).status_code for model in MODELS}

    assert client.get("/admin/").status_code == 200
    assert statuses == {403}


def test_it_makes_the_first_owner_staff_and_no_second_one(db: None):
    owner = people.ensure_owner()
    assert (owner.is_staff, owner.is_superuser) == (True, True)

    User.objects.create(username="zoe", is_staff=True, is_superuser=True)
    User.objects.filter(pk=owner.pk).update(is_staff=False, is_superuser=False)

    assert not people.ensure_owner().is_staff


def test_it_shows_the_way_there_to_staff_alone(
    staff: Client, bob: User, client_for: Callable[..., Client]
):
    assert b'href="/admin/"' in staff.get("/keys").content
    assert b'href="/admin/"' not in client_for(bob).get("/keys").content


def test_it_loosens_the_content_policy_below_admin_alone():
    def policy(path: str) -> str:
        return policy_for(RequestFactory().get(path), nonce="n")

    assert "'unsafe-eval'" in policy("/admin/")
    assert "style-src 'self' 'unsafe-inline'" in policy("/admin/policy/team/")
    ramp = "/admin/prompts/ramp/0198c0de-0000-7000-8000-000000000000/change/"
    assert "'unsafe-eval'" in policy("/admin/prompts/ramp/")
    for path in (
        "/",
        "/admin",
        "/administration",
        "/admin/prompts/ramp/add/",
        ramp,
        "/chat",
        "/api/me",
        "/login",
        "/keys/admin/",
    ):
        assert "unsafe" not in policy(path)
    assert "unsafe-eval" not in policy("/api/docs")


# Every page


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_it_opens_every_list_and_form(staff: Client, things: None, model: Any):
    options = admin.site._registry[model]
    request = RequestFactory().get("/")
    request.user = User.objects.get(username="ada")

    listed = staff.get(_page(model, "changelist"))
    added = staff.get(_page(model, "add"))
    shown = [staff.get(_page(model, "change", each.pk)) for each in model.objects.all()[:3]]
    history = [staff.get(_page(model, "history", each.pk)) for each in model.objects.all()[:1]]

    assert listed.status_code == 200
    assert added.status_code == (200 if options.has_add_permission(request) else 403)
    assert shown
    assert {each.status_code for each in (*shown, *history)} == {200}


@pytest.fixture
def things(root: User, hiring: Team) -> None:
    """Have at least one row of every registered model."""
    from tests.gateway.configured import configure
    from tests.prompts.administered import administer

    keys.create(user=root, team=hiring, name="mine")
    Policy.objects.create(name="open", cedar="permit(principal, action, resource);", enabled=False)
    people.ensure_member("ada", team="hiring")
    root.context()
    from playground.policy import auditing

    auditing.record(root.context(), action="sign_in", resource=root.urn, outcome="done")
    configure(hiring)
    administer(root)


# On record


def test_it_records_names_of_fields_and_never_values(staff: Client, hiring: Team):
    staff.post(
        _page(Team, "change", hiring.pk),
        {
            "name": "Very Secret Name", "color": "#0f766e",
            "memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0,
        },
    )  # fmt: skip

    hiring.refresh_from_db()
    entry = _last("hiring")
    assert hiring.name == "Very Secret Name"
    assert (entry["subject"], entry["action"]) == ("user:ada", "update")
    assert entry["resource"] == f"team:{hiring.pk}"
    assert entry["details"] == {"door": "admin", "fields": ["color", "name"]}
    assert "Very Secret" not in str(entry)
    assert verify("hiring") == []


def test_it_records_each_membership_in_its_teams_chain(staff: Client, root: User, bob: User):
    trust = Team.objects.create(slug="trust", name="Trust")
    membership = bob.memberships.get()

    staff.post(
        _page(User, "change", bob.pk),
        {
            "display_name": "Bob", "is_active": "on",
            "memberships-TOTAL_FORMS": 2, "memberships-INITIAL_FORMS": 1,
            "memberships-0-id": membership.pk, "memberships-0-user": bob.pk,
            "memberships-0-team": membership.team_id, "memberships-0-role": "developer",
            "memberships-0-DELETE": "on",
            "memberships-1-user": bob.pk, "memberships-1-team": trust.pk,
            "memberships-1-role": "viewer",
        },
    )  # fmt: skip

    made = Membership.objects.get(user=bob)
    assert made.team == trust
    assert _last("trust")["resource"] == f"membership:{made.pk}"
    assert _last("trust")["action"] == "create"
    gone = _last("hiring")
    assert (gone["action"], gone["resource"]) == ("delete", f"membership:{membership.pk}")


def test_it_records_what_is_deleted_one_by_one_and_together(staff: Client, root: User):
    one, two, three = (
        Policy.objects.create(name=name, cedar="", enabled=False) for name in ("a", "b", "c")
    )

    staff.post(_page(Policy, "delete", one.pk), {"post": "yes"})
    staff.post(
        _page(Policy, "changelist"),
        {"action": "delete_selected", "_selected_action": [two.pk, three.pk], "post": "yes"},
    )

    deleted = {
        row.entry["resource"]
        for row in AuditRow.objects.filter(team="hiring")
        if row.entry["action"] == "delete"
    }
    assert not Policy.objects.exists()
    assert deleted >= {f"policy:{each}" for each in (one.pk, two.pk, three.pk)}


def test_it_revokes_keys_and_never_shows_their_hash(staff: Client, bob: User, hiring: Team):
    created = keys.create(user=bob, team=hiring, name="script")
    pages = [_page(ApiKey, "changelist"), _page(ApiKey, "change", created.key.pk)]

    shown = "".join(staff.get(page).content.decode() for page in pages)
    staff.post(
        _page(ApiKey, "changelist"), {"action": "revoke", "_selected_action": [created.key.pk]}
    )

    assert created.key.prefix in shown
    assert created.key.hash not in shown
    assert keys.recognise(created.secret) is None
    assert _last("hiring")["action"] == "revoke"
    assert _last("hiring")["resource"] == f"apikey:{created.key.pk}"


@pytest.mark.parametrize("model", [AuditRow, AuditHead], ids=lambda model: model.__name__)
def test_it_lets_nobody_touch_the_audit_log(staff: Client, root: User, things: None, model: Any):
    row = model.objects.first()

    answers = [
        staff.post(_page(model, "change", row.pk), {"team": "else"}),
        staff.post(_page(model, "delete", row.pk), {"post": "yes"}),
        staff.post(_page(model, "add"), {"team": "else"}),
    ]

    assert {each.status_code for each in answers} == {403}
    assert b"delete_selected" not in staff.get(_page(model, "changelist")).content


# People and policies


def test_it_lets_superusers_alone_appoint_staff(
    bob: User, root: User, client_for: Callable[..., Client]
):
    User.objects.filter(pk=bob.pk).update(is_staff=True)
    bob.user_permissions.set(Permission.objects.filter(codename__in=["view_user", "change_user"]))
    carol = User.objects.create(username="carol")
    form = {"is_active": "on", "is_staff": "on", "is_superuser": "on",
            "memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}  # fmt: skip

    answer = client_for(bob).post(_page(User, "change", carol.pk), form)
    above = client_for(bob).post(_page(User, "change", root.pk), form)

    carol.refresh_from_db()
    assert (answer.status_code, above.status_code) == (302, 403)
    assert (carol.is_staff, carol.is_superuser) == (False, False)


def test_it_keeps_names_that_others_refer_to(staff: Client, hiring: Team, bob: User):
    form = {"slug": "other", "username": "robert", "name": "Hiring", "color": "#0f766e",
            "is_active": "on", "memberships-TOTAL_FORMS": 0,
            "memberships-INITIAL_FORMS": 0}  # fmt: skip

    staff.post(_page(Team, "change", hiring.pk), form)
    staff.post(_page(User, "change", bob.pk), form)

    assert Team.objects.filter(slug="hiring").exists()
    assert User.objects.filter(username="bob").exists()


def test_it_makes_people_who_have_no_password(staff: Client):
    staff.post(
        _page(User, "add"),
        {"username": "dora", "is_active": "on", "memberships-TOTAL_FORMS": 0,
         "memberships-INITIAL_FORMS": 0},
    )  # fmt: skip

    assert not User.objects.get(username="dora").has_usable_password()


def test_it_refuses_a_policy_that_is_not_cedar(staff: Client):
    response = staff.post(_page(Policy, "add"), {"name": "x", "cedar": "let them in"})

    assert "This is not a Cedar policy" in response.content.decode()
    assert not Policy.objects.exists()
