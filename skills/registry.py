"""Know every skill of the process: those in ``skills/builtin``, found by being there."""

import importlib
import pkgutil
import threading
from collections.abc import Iterable
from types import ModuleType

from playground.core.context import RequestContext
from playground.core.errors import NotFound
from skills import builtin
from skills.declaring import Skill


class Catalogue:
    """A set of skills in which every name and every alias stands for one."""

    def __init__(self) -> None:
        self._skills: dict[str, Skill] = {}
        self._aliases: dict[str, str] = {}
        self.conflicts: list[str] = []

    def add(self, skill: Skill) -> None:
        """Add a skill; one whose name or alias is taken is left out and noted as a conflict."""
        known = self._skills.get(skill.name)
        if known is skill:
            return
        if known is not None:
            self.conflicts.append(
                f"the name {skill.name!r} is declared in {known.run.__module__} "
                f"and in {skill.run.__module__}"
            )
            return
        other = self._aliases.get(skill.alias)
        if other is not None:
            self.conflicts.append(f"{skill.name!r} and {other!r} both become {skill.alias!r}")
            return
        self._skills[skill.name] = skill
        self._aliases[skill.alias] = skill.name

    def remove(self, name: str) -> None:
        """Forget a skill."""
        gone = self._skills.pop(name, None)
        if gone is not None:
            del self._aliases[gone.alias]

    def all(self) -> list[Skill]:
        """Return every skill, in order of names."""
        return [self._skills[name] for name in sorted(self._skills)]

    def find(self, name: str) -> Skill | None:
        """Return the skill of this name or alias."""
        return self._skills.get(name) or self._skills.get(self._aliases.get(name, ""))

    def visible_to(self, context: RequestContext) -> list[Skill]:
        """Return the skills of the context's team and those of every team, in order of names."""
        return [skill for skill in self.all() if skill.team in (None, context.team)]


_catalogue = Catalogue()
_loading = threading.RLock()
_loaded = False


def load() -> None:
    """Import every module of ``skills/builtin`` once."""
    global _loaded
    with _loading:
        if not _loaded:
            for skill in discover(builtin):
                _catalogue.add(skill)
            _loaded = True


def discover(package: ModuleType) -> Iterable[Skill]:
    """Import the package's modules, in order of names, and yield the skills that they declare."""
    for found in sorted(pkgutil.iter_modules(package.__path__), key=lambda each: each.name):
        if found.name.startswith("_"):
            continue
        module = importlib.import_module(f"{package.__name__}.{found.name}")
        for value in vars(module).values():
            if isinstance(value, Skill) and value.run.__module__ == module.__name__:
                yield value


def register(skill: Skill) -> Skill:
    """Add a skill from elsewhere, an application of one's own for example."""
    load()
    _catalogue.add(skill)
    return skill


def unregister(name: str) -> None:
    """Forget a skill of this process."""
    _catalogue.remove(name)


def conflicts() -> list[str]:
    """Return what is declared twice; the system check ``skills.E001`` shows it."""
    load()
    return list(_catalogue.conflicts)


def all() -> list[Skill]:
    """Return every skill, in order of names."""
    load()
    return _catalogue.all()


def visible_to(context: RequestContext) -> list[Skill]:
    """Return the skills that the context may see, in order of names."""
    load()
    return _catalogue.visible_to(context)


def get(name: str) -> Skill:
    """Return the skill of this name or alias, whoever asks.

    Raises:
        NotFound: there is none.
    """
    load()
    found = _catalogue.find(name)
    if found is None:
        raise unknown()
    return found


def find(context: RequestContext, name: str) -> Skill:
    """Return the skill of this name or alias if the context may see it.

    Raises:
        NotFound: there is none, or it is another team's; the two answer alike.
    """
    found = get(name)
    if found.team not in (None, context.team):
        raise unknown()
    return found


def unknown() -> NotFound:
    """Return the one answer for what is not there and what is not shown."""
    return NotFound("skill.not-found", "There is no such skill.")
