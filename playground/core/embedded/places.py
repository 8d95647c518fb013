"""Where the data folder's parts lie."""

import hashlib
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from playground.core.embedded.accounts import Account

ROOT_SERVICES = Path("/var/lib/playground")
# sun_path is 108 bytes with its final NUL, and PostgreSQL adds "/.s.PGSQL.5432.lock".
LONGEST_SOCKET_FOLDER = 107 - len("/.s.PGSQL.5432.lock")


@dataclass(frozen=True, slots=True)
class Places:
    """The folders and files of one Playground.

    Attributes:
        home: the data folder, private to the user who runs the Playground.
        services: holds the database's files; as root outside ``home``, because an unprivileged
            account cannot reach into a root user's home.
        sockets: a short private folder for Unix sockets.
    """

    home: Path
    services: Path
    sockets: Path

    @classmethod
    def under(cls, home: Path) -> "Places":
        """Derive every place from the data folder, without touching the disk."""
        home = home.expanduser().resolve()
        digest = hashlib.sha256(str(home).encode()).hexdigest()[:12]
        if os.geteuid() == 0:
            services = ROOT_SERVICES / digest
            return cls(home, services, services / "run")
        sockets = home / "run"
        if len(os.fsencode(sockets)) > LONGEST_SOCKET_FOLDER:
            sockets = Path(tempfile.gettempdir()) / f"playground-{os.geteuid()}-{digest}"
        return cls(home, home / "services", sockets)

    @property
    def credentials(self) -> Path:
        return self.home / "credentials.json"

    @property
    def lock(self) -> Path:
        return self.home / "lock"

    @property
    def children(self) -> Path:
        return self.home / "children.json"

    @property
    def static(self) -> Path:
        return self.home / "static"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def postgres(self) -> Path:
        return self.services / "postgres"

    @property
    def valkey(self) -> Path:
        return self.services / "valkey"

    def make(self, account: Account | None) -> None:
        """Create the folders, each open to its owner alone.

        Raises:
            PermissionError: the socket folder exists and belongs to somebody else.
        """
        for folder in (self.home, self.logs):
            _make_private(folder, None)
        if account is not None:
            ROOT_SERVICES.mkdir(mode=0o711, parents=True, exist_ok=True)
            ROOT_SERVICES.chmod(0o711)
        for folder in (self.services, self.valkey, self.sockets):
            _make_private(folder, account)

    def remove(self) -> None:
        """Delete everything, the data included."""
        for folder in (self.sockets, self.services, self.home):
            shutil.rmtree(folder, ignore_errors=True)


def _make_private(folder: Path, account: Account | None) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    owner = account.uid if account else os.geteuid()
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in (owner, os.geteuid()):
        raise PermissionError(f"{folder} belongs to somebody else")
    folder.chmod(0o700)
    if account:
        os.chown(folder, account.uid, account.gid)
