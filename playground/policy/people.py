"""Find the people behind contexts and teams, and make them where there are none yet."""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import QuerySet

from playground.core.context import RequestContext
from playground.policy.models import Membership, Role, Team, User

OWNER = "admin"


def person_for(context: RequestContext) -> User | None:
    """Return the user who is the context's subject; None where the subject is no user."""
    kind, _, username = context.subject.partition(":")
    if kind != "user":
        return None
    return User.objects.filter(username=username, is_active=True).first()


def members_of(team: str) -> QuerySet[Membership]:
    """Return the memberships of the team with this slug, users loaded, in order of names."""
    memberships = Membership.objects.filter(team__slug=team, user__is_active=True)
    return memberships.select_related("user", "team").order_by("user__username")


def memberships_of(user: User) -> QuerySet[Membership]:
    """Return the user's memberships, teams loaded, in order of slugs."""
    return user.memberships.select_related("team").order_by("team__slug")


def names_of(urns: Iterable[str]) -> dict[str, str]:
    """Return what those behind URNs are called, people as they are shown; one query."""
    named = {urn: urn.partition(":") for urn in urns}
    usernames = {name for kind, _, name in named.values() if kind == "user"}
    people = {each.username: str(each) for each in User.objects.filter(username__in=usernames)}
    return {
        urn: people.get(name, name) if kind == "user" else name
        for urn, (kind, _, name) in named.items()
    }


@transaction.atomic
def ensure_member(username: str, *, team: str, role: Role = Role.DEVELOPER) -> Membership:
    """Return the user's membership in the team, making user, team and membership when missing.

    A role that the user already holds stays as it is.
    """
    user, _ = User.objects.get_or_create(
        username=username, defaults={"display_name": username.replace("-", " ").title()}
    )
    joined, _ = Team.objects.get_or_create(
        slug=team, defaults={"name": team.replace("-", " ").title()}
    )
    membership, _ = Membership.objects.get_or_create(
        user=user, team=joined, defaults={"role": role}
    )
    return membership


@transaction.atomic
def ensure_owner() -> User:
    """Return the local owner, an administrator of every team; make them on the first run.

    Where there is no team yet, one named after the owner is made, so that they can begin. Where
    nobody may appoint staff yet, the owner may.
    """
    slugs = list(Team.objects.values_list("slug", flat=True)) or [OWNER]
    for slug in slugs:
        ensure_member(OWNER, team=slug, role=Role.ADMIN)
    if not User.objects.filter(is_superuser=True, is_active=True).exists():
        User.objects.filter(username=OWNER).update(is_staff=True, is_superuser=True)
    return User.objects.get(username=OWNER)
