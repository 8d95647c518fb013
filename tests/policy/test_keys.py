"""API keys and login links: what is stored, and when they stop working."""

import datetime as dt
import io

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from playground.core.clock import now
from playground.core.errors import InvalidInput, NotFound, PolicyDenied, Unauthenticated
from playground.policy import keys, links
from playground.policy.models import ApiKey, LoginLink, Membership, Role, User

pytestmark = pytest.mark.django_db


def test_it_stores_only_a_hash_when_a_key_is_made(alice, hiring):
    created = keys.create(user=alice, team=hiring, name="script")

    secret = created.secret.rsplit("_", 1)[-1]
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(k)::text FROM policy_apikey k")
        (stored,) = cursor.fetchone()
    assert secret not in stored
    assert len(created.key.hash) == 64


def test_it_recognises_the_key_when_the_whole_of_it_is_shown(alice, hiring):
    created = keys.create(user=alice, team=hiring, name="script")

    found = keys.recognise(created.secret)

    assert found is not None
    assert found.id == created.key.id
    assert found.user == alice


@pytest.mark.parametrize("spoil", [
    lambda key: key[:-1] + ("A" if key[-1] != "A" else "B"),
    lambda key: key.upper(),
    lambda key: key + "\n",
    lambda key: key.replace("pg_", "pk_"),
    lambda key: "pg_000000000000_" + key.rsplit("_", 1)[-1],
    lambda key: "",
    lambda key: key.split("_")[1],
])  # fmt: skip
def test_it_knows_nobody_when_a_key_is_not_exactly_right(alice, hiring, spoil):
    created = keys.create(user=alice, team=hiring, name="script")

    assert keys.recognise(spoil(created.secret)) is None


def test_it_knows_nobody_when_the_key_has_expired(alice, hiring):
    past = now() - dt.timedelta(seconds=1)

    created = keys.create(user=alice, team=hiring, name="script", expires_at=past)

    assert keys.recognise(created.secret) is None


def test_it_knows_nobody_when_the_user_was_switched_off(alice, hiring):
    created = keys.create(user=alice, team=hiring, name="script")

    User.objects.filter(pk=alice.pk).update(is_active=False)

    assert keys.recognise(created.secret) is None


def test_it_forgets_a_key_at_once_when_its_owner_revokes_it(alice):
    created = keys.create_own(alice.context(), name="script")
    assert keys.recognise(created.secret) is not None

    keys.revoke(alice.context(), created.key.id)

    assert keys.recognise(created.secret) is None


def test_it_finds_no_key_when_a_teammate_wants_to_revoke_it(alice, bob):
    created = keys.create_own(alice.context(), name="script")

    with pytest.raises(NotFound):
        keys.revoke(bob.context(), created.key.id)

    assert keys.recognise(created.secret) is not None


def test_it_lets_a_viewer_hold_a_key_when_it_is_their_own(vera):
    created = keys.create_own(vera.context(), name="dashboard")

    assert created.key.user == vera


def test_it_makes_no_key_when_the_subject_is_a_member_and_not_a_user(alice):
    context = alice.context()
    served = type(context)(subject="member:42", team="hiring", actor=alice.urn)

    with pytest.raises(PolicyDenied):
        keys.create_own(served, name="theirs")


@pytest.mark.parametrize(("name", "days"), [("", None), ("x" * 101, None), ("a", 0), ("a", 9999)])
def test_it_refuses_a_key_when_name_or_time_are_out_of_range(alice, name, days):
    with pytest.raises(InvalidInput):
        keys.create_own(alice.context(), name=name, expires_in_days=days)


def test_it_prints_only_the_key_and_makes_what_is_missing_when_run_as_a_command():
    out = io.StringIO()

    call_command("create_api_key", user="newcomer", team="fresh", stdout=out)

    printed = out.getvalue().strip()
    found = keys.recognise(printed)
    assert found is not None
    assert (found.user.username, found.team.slug) == ("newcomer", "fresh")
    assert Membership.objects.get(user=found.user).role == Role.DEVELOPER


def test_it_leaves_the_role_alone_when_the_command_names_a_member(vera):
    call_command("create_api_key", user="vera", team="hiring", stdout=io.StringIO())

    assert Membership.objects.get(user=vera).role == Role.VIEWER
    assert ApiKey.objects.filter(user=vera).count() == 1


def test_it_refuses_the_command_when_a_name_could_not_be_a_urn():
    with pytest.raises(CommandError, match="--user"):
        call_command("create_api_key", user="a:b c", team="hiring")


def test_it_signs_in_once_when_a_link_is_redeemed(alice):
    token = links.issue(alice)

    assert links.redeem(token) == alice

    with pytest.raises(Unauthenticated):
        links.redeem(token)
    assert token not in str(LoginLink.objects.values_list("hash", flat=True))


def test_it_refuses_a_link_when_it_is_old(alice):
    token = links.issue(alice, valid_for=dt.timedelta(seconds=-1))

    with pytest.raises(Unauthenticated):
        links.redeem(token)


def test_it_prints_the_owners_link_when_nobody_is_named(hiring, settings):
    out = io.StringIO()

    call_command("login_link", stdout=out)

    link = out.getvalue().strip()
    assert link.startswith(f"{settings.PLAYGROUND_PUBLIC_URL}/login/")
    owner = links.redeem(link.rsplit("/", 1)[-1])
    assert Membership.objects.get(user=owner, team=hiring).role == Role.ADMIN
