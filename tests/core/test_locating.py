"""URLs become silos, or a message that names the variable."""

from pathlib import Path

import pytest

from playground.core import environment, silos
from playground.core.embedded import claiming, credentials
from playground.core.embedded.places import LONGEST_SOCKET_FOLDER, Places

RUN = Path("/run/x")


def _locate(**urls: str) -> dict[str, silos.Silo]:
    found = silos.locate(urls, sockets=RUN, superuser_password="secret")
    return {silo.alias: silo for silo in found}


def test_it_puts_all_three_into_the_embedded_cluster_when_no_url_is_given() -> None:
    found = _locate()

    assert [s.name for s in found.values()] == [
        "playground",
        "playground_memory",
        "playground_client",
    ]
    assert {s.server for s in found.values()} == {(str(RUN), 5432)}


def test_it_follows_the_default_when_only_its_url_is_given() -> None:
    found = _locate(default="postgresql://boss:p%40ss@db.example:6543/agents?sslmode=require")

    assert [s.name for s in found.values()] == ["agents", "agents_memory", "agents_client"]
    assert {s.server for s in found.values()} == {("db.example", 6543)}
    assert {s.admin_password for s in found.values()} == {"p@ss"}
    assert found["memory"].options == {"sslmode": "require"}


def test_it_moves_one_silo_when_it_has_a_url_of_its_own() -> None:
    found = _locate(
        default="postgresql://boss:x@one/agents", client_data="postgresql://boss:x@two/people"
    )

    assert found["client_data"].server == ("two", 5432)
    assert found["client_data"].app == "people_app"
    assert found["memory"].server == ("one", 5432)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://me:hunter2@host/name",
        "postgresql://me:hunter2@host/",
        "postgresql://host/name",
        "postgresql://me:hunter2@host:port/name",
        "not a url",
    ],
)
def test_it_names_the_variable_and_no_value_when_a_url_is_wrong(url: str) -> None:
    with pytest.raises(silos.InvalidDatabaseUrl) as refused:
        _locate(memory=url)

    assert "MEMORY_DATABASE_URL" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_it_hides_passwords_when_a_silo_is_printed() -> None:
    assert "secret" not in repr(_locate()["default"])


def test_it_shortens_the_socket_folder_when_the_home_is_deep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 12345)

    places = Places.under(tmp_path / ("deep " * 30))

    assert len(str(places.sockets)) <= LONGEST_SOCKET_FOLDER


def test_it_keeps_secrets_when_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"
    first = credentials.ensure(path, roles=["a"])

    second = credentials.ensure(path, roles=["a", "b"])

    assert second.secret_key == first.secret_key
    assert second.passwords["a"] == first.passwords["a"]
    assert set(second.passwords) == {"postgres", "a", "b"}
    assert path.stat().st_mode & 0o777 == 0o600


def test_it_agrees_between_hosts_when_the_secret_key_is_given(tmp_path: Path) -> None:
    one, two = (
        credentials.ensure(tmp_path / host / "c.json", roles=["a", "b"], secret_key="k" * 40)
        for host in ("one", "two")
    )

    assert one.passwords["a"] == two.passwords["a"] != one.passwords["b"]
    assert "k" * 40 not in one.passwords.values()


def test_it_refuses_the_folder_when_somebody_holds_it(tmp_path: Path) -> None:
    held = claiming.claim_folder(tmp_path / "lock")

    with pytest.raises(claiming.Taken, match="already runs"):
        claiming.claim_folder(tmp_path / "lock")
    held.close()

    claiming.claim_folder(tmp_path / "lock").close()


@pytest.mark.parametrize("value", ["x", "nan", "-1", "11", "1.5"])
def test_it_names_the_variable_when_a_number_is_wrong(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("SOME_NUMBER", value)

    with pytest.raises(environment.InvalidSetting, match="SOME_NUMBER"):
        environment.whole("SOME_NUMBER", 5, least=0, most=10)
