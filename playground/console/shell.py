"""What stands around every page: where one can go, who one is, which team one works in."""

from dataclasses import dataclass

from django.http import HttpRequest

from playground.gateway import endpoints
from playground.policy.models import Membership


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the sidebar; ``key`` follows ``g`` on the keyboard."""

    title: str
    href: str
    icon: str
    key: str
    active: bool


@dataclass(frozen=True, slots=True)
class TeamChoice:
    """A team that the person belongs to, with their role in it."""

    slug: str
    name: str
    color: str
    role: str


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in."""

    name: str
    username: str


@dataclass(frozen=True, slots=True)
class Shell:
    """Everything that base.html shows beside the page itself."""

    entries: tuple[Entry, ...]
    person: Person | None
    team: TeamChoice | None
    teams: tuple[TeamChoice, ...]
    offline_model: bool
    administers: bool = False
    connect_href: str = "/#connect"


PLACES = (
    ("Home", "/", "home", "h", ()),
    ("Chat", "/chat", "message-circle", "c", ("/chat", "/runs")),
    ("Prompts", "/prompts", "file-text", "p", ("/prompts",)),
    ("Workbench", "/workbench", "columns-2", "w", ("/workbench",)),
    ("Skills", "/skills", "bolt", "s", ("/skills",)),
    ("Agents", "/agents", "robot", "a", ("/agents",)),
    ("Models", "/models", "sparkles", "m", ("/models",)),
    ("Traces", "/traces", "list-tree", "t", ("/traces",)),
)


def entries_for(path: str) -> tuple[Entry, ...]:
    """List the sidebar with the entry that a path belongs to marked."""
    return tuple(
        Entry(
            title,
            href,
            icon,
            key,
            path == href or any(path == root or path.startswith(f"{root}/") for root in roots),
        )
        for title, href, icon, key, roots in PLACES
    )


def only_offline() -> bool:
    """Tell whether no endpoint is connected, without asking it: a page must not wait for it."""
    return all(server.kind == "offline" for server in endpoints.servers())


def shell_for(request: HttpRequest) -> Shell:
    """Describe the shell for whoever asks; an anonymous person gets no entries."""
    user = getattr(request, "user", None)
    context = getattr(request, "context", None)
    if user is None or not user.is_authenticated or context is None:
        return Shell(entries=(), person=None, team=None, teams=(), offline_model=False)
    memberships = Membership.objects.filter(user=user).select_related("team").order_by("team__name")
    teams = tuple(
        TeamChoice(one.team.slug, one.team.name, one.team.color, one.role) for one in memberships
    )
    current = next((team for team in teams if team.slug == context.team), None)
    return Shell(
        entries=entries_for(request.path),
        person=Person(user.display_name or user.username, user.username),
        team=current,
        teams=teams,
        offline_model=only_offline(),
        administers=user.is_active and user.is_staff,
    )
