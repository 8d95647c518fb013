"""The doors: signing in, the API's two ways in, bad bodies, headers, limits."""

import json
import logging

import pytest
from django.test import Client

from playground.policy import keys, limiting, links
from playground.policy.models import ApiKey, AuditRow, Membership, User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("valkey")]

PASTED = "http://127.0.0.1:8000/login/"


def _send(client: Client, body: bytes | str, **headers: str):
    return client.post("/api/keys", body, content_type="application/json", headers=headers)


def test_it_signs_in_when_the_page_behind_the_link_is_sent(alice):
    client, token = Client(enforce_csrf_checks=True), links.issue(alice)
    page = client.get(f"/login/{token}")
    csrf = client.cookies["playground_csrf_8000"].value

    answer = client.post(f"/login/{token}", headers={"x-csrftoken": csrf})

    assert page.status_code == 200
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.get("/api/me").json()["subject"] == "user:alice"


def test_it_keeps_the_link_good_when_a_preview_only_fetches_it(alice):
    token = links.issue(alice)

    for _ in range(3):
        Client().get(f"/login/{token}")
        Client().head(f"/login/{token}")

    assert links.redeem(token) == alice


def test_it_signs_in_and_goes_on_when_the_whole_link_is_pasted(alice):
    client = Client()

    answer = client.post(
        "/login", {"token": f" {PASTED}{links.issue(alice)} ", "next": "/traces?q=1"}
    )

    assert (answer.status_code, answer["Location"]) == (302, "/traces?q=1")


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:x", ""])
def test_it_goes_home_when_the_target_lies_elsewhere(alice, target):
    answer = Client().post("/login", {"token": links.issue(alice), "next": target})

    assert answer["Location"] == "/"


def test_it_says_so_and_lets_nobody_in_when_a_token_is_wrong(alice):
    client = Client()

    answer = client.post("/login", {"token": "x" * 43})

    assert answer.status_code == 401
    assert "used already, or it has expired" in answer.content.decode()
    assert client.get("/api/me").status_code == 401


def test_it_changes_the_session_id_when_somebody_signs_in(alice, client_for, bob):
    client = client_for(bob)
    before = client.cookies["playground_8000"].value

    client.post("/login", {"token": links.issue(alice)})

    cookie = client.cookies["playground_8000"]
    assert cookie.value != before
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


def test_it_ends_the_session_when_somebody_signs_out(alice, client_for):
    client = client_for(alice)

    client.post("/logout")

    assert client.get("/api/me").status_code == 401


def test_it_slows_down_when_tokens_are_guessed(alice):
    client = Client(headers={"accept": "application/json"})

    answers = [client.post("/login", {"token": str(n)}) for n in range(limiting.LOGIN.burst + 1)]

    assert {answer.status_code for answer in answers[:-1]} == {401}
    assert answers[-1].status_code == 429
    assert answers[-1].json()["code"] == "rate-limited"
    assert int(answers[-1]["Retry-After"]) >= 1
    assert links.redeem(links.issue(alice)) == alice


@pytest.fixture
def _slow_refill(monkeypatch):
    # At the usual rate a busy machine refills the bucket faster than it asks.
    monkeypatch.setattr(limiting, "PERSON", limiting.Limit("person", per_s=0.01, burst=5))


@pytest.mark.usefixtures("_slow_refill")
def test_it_answers_429_when_one_key_asks_too_often(alice, bob, api_for):
    client = api_for(alice)

    statuses = [client.get("/api/me").status_code for _ in range(6)]

    assert statuses == [200] * 5 + [429]
    assert api_for(bob).get("/api/me").status_code == 200


@pytest.mark.usefixtures("_slow_refill")
def test_it_limits_nobody_when_limits_are_off(alice, api_for, settings):
    settings.PLAYGROUND_RATE_LIMITS = False
    client = api_for(alice)

    statuses = [client.get("/api/me").status_code for _ in range(10)]

    assert statuses == [200] * 10


def test_it_knows_the_caller_when_a_key_is_sent(alice, api_for):
    answer = api_for(alice).get("/api/me")

    assert answer.json() == {
        "username": "alice",
        "display_name": "Alice",
        "subject": "user:alice",
        "actor": None,
        "purpose": "agent-development",
        "team": {"slug": "hiring", "name": "Hiring", "color": "#64748b", "role": "developer"},
    }


def test_it_stops_at_once_when_the_key_is_revoked(alice, api_for):
    client = api_for(alice)
    own = client.get("/api/keys").json()["items"][0]["id"]

    gone = client.delete(f"/api/keys/{own}")

    assert gone.status_code == 204
    assert client.get("/api/me").json()["code"] == "auth.invalid-key"


def test_it_stops_at_once_when_the_user_leaves_the_team(alice, api_for, client_for):
    script, browser = api_for(alice), client_for(alice)
    assert script.get("/api/me").status_code == 200

    Membership.objects.filter(user=alice).delete()

    assert script.get("/api/me").status_code == 401
    assert browser.get("/api/me").json()["code"] == "policy.no-team"


@pytest.mark.parametrize(
    "header", ["Bearer pg_x", "Bearer", "Basic YTpi", "bearer  ", "pg_0", "Bearer \xff"]
)
def test_it_answers_401_when_the_authorization_is_no_key(db, header):
    answer = Client(headers={"authorization": header}).get("/api/me")

    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_it_does_not_fall_back_to_the_session_when_a_bad_key_is_sent(alice, client_for):
    answer = client_for(alice).get("/api/me", headers={"authorization": "Bearer pg_bad"})

    assert answer.status_code == 401


def test_it_ignores_keys_when_they_stand_in_the_address(alice, key_for):
    assert Client().get(f"/api/me?key={key_for(alice)}").status_code == 401


def test_it_wants_the_csrf_token_when_a_session_changes_something(alice, client_for):
    client = client_for(alice, enforce_csrf_checks=True)

    refused = _send(client, '{"name": "a"}')
    client.get("/login/x")
    page_token = client.cookies["playground_csrf_8000"].value
    made = _send(client, '{"name": "a"}', **{"x-csrftoken": page_token})

    assert (refused.status_code, refused.json()["code"]) == (403, "auth.csrf")
    assert made.status_code == 201
    assert keys.recognise(made.json()["key"]) is not None


def test_it_wants_no_csrf_token_when_a_key_is_sent(alice, api_for):
    client = api_for(alice, enforce_csrf_checks=True)

    assert _send(client, '{"name": "a"}').status_code == 201


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "request.invalid"),
        (b"{", 400, "request.malformed-json"),
        (b"[1, NaN]", 400, "request.malformed-json"),
        (b'{"name": "\xff\xfe"}', 400, "request.not-utf8"),
        (b'{"name": "\xed\xa0\x80"}', 400, "request.not-utf8"),
        (b'{"name": "\\ud800"}', 400, "request.malformed-json"),
        (b'{"name": "a\\u0000b"}', 400, "request.nul"),
        (b"\x00\x01\x02", 400, "request.nul"),
        (b"[" * 100_000, 400, "request.too-deep"),
        (b"[" * 65 + b"]" * 65, 400, "request.too-deep"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, 400, "request.too-deep"),
        (b"[" * 64 + b"]" * 64, 422, "request.invalid"),
        (b'"%s"' % (b"x" * 1_100_000), 413, "request.too-large"),
        (b"[]", 422, "request.invalid"),
        (b"null", 422, "request.invalid"),
        (b'{"name": 5}', 422, "request.invalid"),
        (b'{"name": ""}', 422, "request.invalid"),
    ],
    ids=lambda value: str(value[:20]) if isinstance(value, bytes) else None,
)
def test_it_answers_with_a_stable_code_when_the_body_is_bad(alice, api_for, body, status, code):
    answer = _send(api_for(alice), body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer["X-Request-ID"]
    assert ApiKey.objects.count() == 1


def test_it_accepts_brackets_and_escapes_when_they_stand_in_strings(alice, api_for):
    name = '[{"\\' * 20 + "\\u0000 as text"

    answer = _send(api_for(alice), json.dumps({"name": name}))

    assert answer.status_code == 201
    assert answer.json()["name"] == name


@pytest.mark.parametrize("path", ["/api/me?q=%00", "/login?next=%00", "/login/%00"])
def test_it_answers_400_when_the_address_holds_nul(db, path):
    assert Client().get(path).status_code == 400


def test_it_answers_400_when_a_form_holds_nul(db):
    answer = Client().post("/login", b"token=%00", content_type="application/x-www-form-urlencoded")

    assert answer.status_code == 400


def test_it_answers_400_when_the_host_is_not_ours(db):
    answer = Client().get("/login", headers={"host": "evil.example"})

    assert answer.status_code == 400
    assert "script-src 'self'" in answer["Content-Security-Policy"]


def test_it_names_no_cause_when_something_unforeseen_fails(alice, api_for, monkeypatch, caplog):
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr(keys, "create_own", fail)
    with caplog.at_level(logging.ERROR):
        answer = _send(api_for(alice, raise_request_exception=False), '{"name": "a"}')

    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "swordfish" not in answer.content.decode()
    assert "swordfish" in caplog.text


def test_it_sends_strict_headers_when_it_answers(db):
    first, second = Client().get("/login"), Client().get("/login")

    policy = first["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert policy != second["Content-Security-Policy"]
    assert first["X-Content-Type-Options"] == "nosniff"
    assert first["X-Frame-Options"] == "DENY"
    assert "no-store" in first["Cache-Control"]


def test_it_serves_the_api_reference_from_its_own_files_when_asked(alice, client_for):
    page = client_for(alice).get("/api/docs")

    text = page.content.decode()
    assert page.status_code == 200
    assert "/static/ninja/swagger-ui-bundle" in text
    assert "https://" not in text
    assert "style-src 'self' 'unsafe-inline'" in page["Content-Security-Policy"]
    assert "script-src 'self' 'nonce-" in page["Content-Security-Policy"]


def test_it_asks_to_sign_in_and_remembers_where_when_nobody_is(db):
    answer = Client().get("/keys?tab=1")

    assert answer["Location"] == "/login?next=%2Fkeys%3Ftab%3D1"


def test_it_works_in_another_team_when_the_person_switches(alice, charlie, client_for):
    Membership.objects.create(user=alice, team=charlie.memberships.get().team, role="viewer")
    client = client_for(alice)
    assert client.get("/api/me").json()["team"]["slug"] == "hiring"

    client.post("/team/switch", {"team": "trust"})

    team = client.get("/api/me").json()["team"]
    assert (team["slug"], team["role"]) == ("trust", "viewer")


def test_it_stays_in_the_team_when_the_other_is_not_the_persons(alice, charlie, client_for):
    client = client_for(alice)

    theirs = client.post("/team/switch", {"team": "trust"})
    unknown = client.post("/team/switch", {"team": "nowhere"})

    assert theirs.status_code == unknown.status_code == 404
    assert client.get("/api/me").json()["team"]["slug"] == "hiring"


def test_it_shows_only_the_one_team_when_a_key_asks(alice, charlie, api_for):
    client = api_for(alice)
    Membership.objects.create(user=alice, team=charlie.memberships.get().team, role="viewer")

    assert [team["slug"] for team in client.get("/api/teams").json()["items"]] == ["hiring"]


def test_it_shows_no_foreign_keys_when_teammates_and_strangers_look(alice, bob, charlie, api_for):
    own = api_for(alice).get("/api/keys").json()["items"][0]["id"]

    for other in (bob, charlie):
        assert own not in api_for(other).get("/api/keys").content.decode()
        assert api_for(other).delete(f"/api/keys/{own}").json()["code"] == "key.not-found"


def test_it_shows_a_new_key_once_when_the_page_makes_it(alice, client_for):
    client = client_for(alice)

    made = client.post("/keys", {"name": "nightly"}).content.decode()
    later = client.get("/keys").content.decode()

    prefix = ApiKey.objects.get(user=alice).prefix
    assert f"pg_{prefix}_" in made
    assert made.count("Bearer pg_") >= 1
    assert "Bearer pg_" not in later
    assert f"pg_{prefix}_…" in later


def test_it_keeps_what_was_typed_when_the_page_refuses_a_key(alice, client_for):
    answer = client_for(alice).post("/keys", {"name": "nightly", "expires_in_days": "0"})

    assert answer.status_code == 422
    assert "1 to 3650 days" in answer.content.decode()
    assert 'value="nightly"' in answer.content.decode()


def test_it_revokes_when_the_page_says_so(alice, client_for):
    created = keys.create_own(alice.context(), name="nightly")

    client_for(alice).post("/keys", {"revoke": str(created.key.id)})

    assert keys.recognise(created.secret) is None


def test_it_acts_for_a_member_when_a_developer_declares_it(alice, vera, api_for):
    headers = {"playground-on-behalf-of": "member:42", "playground-purpose": "recruiting"}

    allowed = api_for(alice).get("/api/me", headers=headers).json()
    denied = api_for(vera).get("/api/me", headers=headers).json()

    assert (allowed["subject"], allowed["actor"]) == ("member:42", "user:alice")
    assert allowed["purpose"] == "recruiting"
    assert denied["code"] == "policy.on-behalf-denied"


@pytest.mark.parametrize(
    "subject", ["user:charlie", "user:nobody", "member:", "agent:1", "user:bob'", "x", ""]
)
def test_it_answers_alike_when_one_may_not_become_somebody(ada, charlie, api_for, subject):
    answer = api_for(ada).get("/api/me", headers={"playground-on-behalf-of": subject})

    assert (answer.status_code, answer.json()["code"]) == (403, "policy.on-behalf-denied")


def test_it_lets_an_admin_act_for_a_teammate_when_asked(ada, bob, api_for):
    answer = api_for(ada).get("/api/me", headers={"playground-on-behalf-of": "user:bob"})

    assert (answer.json()["subject"], answer.json()["actor"]) == ("user:bob", "user:ada")


def test_it_refuses_a_purpose_when_policy_does_not_name_it(alice, api_for):
    answer = api_for(alice).get("/api/me", headers={"playground-purpose": "spam"})

    assert (answer.status_code, answer.json()["code"]) == (403, "policy.purpose-denied")
    row = AuditRow.objects.filter(entry__resource="purpose:spam").latest("id")
    assert row.entry["outcome"] == "denied"


def test_it_keeps_the_session_when_the_server_starts_again(alice, client_for):
    client = client_for(alice)
    session = client.cookies["playground_8000"].value

    another_process = Client()
    another_process.cookies["playground_8000"] = session

    assert another_process.get("/api/me").json()["username"] == "alice"


@pytest.mark.parametrize("path", ["/prompts/new", "/logout", "/api/prompts"])
@pytest.mark.parametrize("checks_csrf", [False, True])
def test_it_says_that_a_form_cannot_be_read_when_nothing_parts_its_fields(
    alice, client_for, settings, path, checks_csrf
):
    client = client_for(alice, raise_request_exception=False)
    client.handler.enforce_csrf_checks = checks_csrf
    client.cookies[settings.CSRF_COOKIE_NAME] = "a" * 32

    answer = client.generic("POST", path, b"x", "multipart/form-data")

    assert answer.status_code == 400
    assert "request.malformed" in answer.content.decode()


@pytest.mark.parametrize("session", ['"aaaaaaaa\\000"', '"\\000"'])
def test_it_refuses_a_nul_character_when_the_session_spells_one(db, session):
    for path in ("/prompts", "/api/me"):
        client = Client(raise_request_exception=False)
        client.cookies.load(f"playground_8000={session}")

        answer = client.get(path)

        assert answer.status_code == 400
        assert "request.nul" in answer.content.decode()


@pytest.mark.parametrize("name", ["playground-purpose", "playground-on-behalf-of"])
def test_it_refuses_a_nul_character_when_a_header_holds_one(ada, api_for, name):
    client = api_for(ada, raise_request_exception=False)

    answer = client.get("/api/me", headers={name: "user:b\x00b"})

    assert (answer.status_code, answer.json()["code"]) == (400, "request.nul")


def test_it_ends_the_session_when_the_user_is_switched_off(alice, client_for):
    client = client_for(alice)

    User.objects.filter(pk=alice.pk).update(is_active=False)

    assert client.get("/api/me").status_code == 401
