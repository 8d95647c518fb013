"""The three silos: where each lies, who may connect, and which application's rows live in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

ALIASES = ("default", "memory", "client_data")
SUFFIXES = {"default": "", "memory": "_memory", "client_data": "_client"}
VARIABLES = {
    "default": "DATABASE_URL",
    "memory": "MEMORY_DATABASE_URL",
    "client_data": "CLIENT_DATABASE_URL",
}
EMBEDDED_NAME = "playground"
HOMES = {"hiring": "client_data", "memory": "memory"}


class InvalidDatabaseUrl(ValueError):
    """A database URL cannot be understood; the message names the variable, never the value."""


@dataclass(frozen=True, slots=True)
class Silo:
    """One database and the two roles that may connect to it.

    Attributes:
        host: a host name, or the folder of a Unix socket.
        admin: role that provisions; its password is None where the server asks for none.
        embedded: it lies in our own cluster, where nobody else has anything.
        options: libpq parameters from the URL, such as ``sslmode``.
    """

    alias: str
    host: str
    port: int
    name: str
    admin: str
    admin_password: str | None = field(repr=False, default=None)
    embedded: bool = False
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        return f"{self.name}_owner"

    @property
    def app(self) -> str:
        return f"{self.name}_app"

    @property
    def server(self) -> tuple[str, int]:
        return self.host, self.port


def locate(
    urls: Mapping[str, str | None], *, sockets: Path, superuser_password: str | None
) -> tuple[Silo, ...]:
    """Place every silo: on the user's servers by URL, else in the embedded cluster.

    ``urls`` maps silo aliases to URLs. The default one's server also takes the silos that have no
    URL of their own, under ``<name>_memory`` and ``<name>_client``.

    Raises:
        InvalidDatabaseUrl: a URL is not of the form ``postgresql://user:password@host:port/name``.
    """
    default_url = urls.get("default")
    silos = []
    for alias in ALIASES:
        url = urls.get(alias)
        if url:
            silos.append(_from_url(alias, url))
        elif default_url:
            base = _from_url("default", default_url)
            silos.append(
                Silo(
                    alias=alias,
                    host=base.host,
                    port=base.port,
                    name=base.name + SUFFIXES[alias],
                    admin=base.admin,
                    admin_password=base.admin_password,
                    options=base.options,
                )
            )
        else:
            silos.append(
                Silo(
                    alias=alias,
                    host=str(sockets),
                    port=5432,
                    name=EMBEDDED_NAME + SUFFIXES[alias],
                    admin="postgres",
                    admin_password=superuser_password,
                    embedded=True,
                )
            )
    return tuple(silos)


def _from_url(alias: str, url: str) -> Silo:
    try:
        parts = urlsplit(url)
        port = parts.port or 5432
    except ValueError as error:
        raise InvalidDatabaseUrl(f"{VARIABLES[alias]} has an invalid port") from error
    options = dict(parse_qsl(parts.query))
    host = options.pop("host", None) or parts.hostname
    name = unquote(parts.path.lstrip("/"))
    if parts.scheme not in ("postgres", "postgresql") or not host or not name or not parts.username:
        raise InvalidDatabaseUrl(
            f"{VARIABLES[alias]} must look like postgresql://user:password@host:5432/name"
        )
    return Silo(
        alias=alias,
        host=unquote(host),
        port=port,
        name=name,
        admin=unquote(parts.username),
        admin_password=unquote(parts.password) if parts.password else None,
        options=options,
    )


class SiloRouter:
    """Send each application's rows to its silo, and refuse every other path."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return HOMES.get(model._meta.app_label, "default")

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return HOMES.get(model._meta.app_label, "default")

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        return self.db_for_read(one) == self.db_for_read(other)

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return HOMES.get(app_label, "default") == db
