"""The API of people and keys: who am I, which teams, my keys."""

import datetime as dt
from typing import Any
from uuid import UUID

from ninja import Field, Router, Schema, Status

from playground.policy import keys
from playground.policy.models import ApiKey, Membership, User
from playground.policy.people import memberships_of
from playground.policy.requests import TeamRequest

policy_api = Router(tags=["people and keys"])


class TeamOut(Schema):
    """A team, with the caller's role in it."""

    slug: str
    name: str
    color: str
    role: str


class TeamList(Schema):
    items: list[TeamOut]
    next: str | None = None


class MeOut(Schema):
    """Who the caller is taken for."""

    username: str
    display_name: str
    subject: str = Field(description="URN of who is asked for, such as `user:ana`.")
    actor: str | None = Field(description="URN of who asks on the subject's behalf.")
    purpose: str
    team: TeamOut


class KeyIn(Schema):
    name: str = Field(min_length=1, max_length=100)
    expires_in_days: int | None = Field(default=None, ge=1, le=3650)


class KeyOut(Schema):
    """A key without its secret."""

    id: UUID
    name: str
    prefix: str
    purpose: str
    created_at: dt.datetime
    last_used_at: dt.datetime | None
    expires_at: dt.datetime | None
    revoked_at: dt.datetime | None


class CreatedKeyOut(KeyOut):
    key: str = Field(description="The key itself; it is never shown again.")


class KeyList(Schema):
    items: list[KeyOut]
    next: str | None = None


@policy_api.get("/me", response=MeOut, url_name="me")
def read_me(request: TeamRequest) -> Any:
    """Tell who asks, in which team and for which purpose."""
    caller, context = request.caller, request.context
    user: User = caller.membership.user
    return {
        "username": user.username,
        "display_name": user.display_name,
        "subject": context.subject,
        "actor": context.actor,
        "purpose": context.purpose,
        "team": _team(caller.membership),
    }


@policy_api.get("/teams", response=TeamList, url_name="my-teams")
def list_teams(request: TeamRequest) -> Any:
    """List the caller's teams; a key sees the one team that it is for."""
    caller = request.caller
    memberships = memberships_of(caller.membership.user)
    if caller.key is not None:
        memberships = memberships.filter(team=caller.key.team)
    return {"items": [_team(membership) for membership in memberships]}


@policy_api.get("/keys", response=KeyList, url_name="my-keys")
def list_keys(request: TeamRequest) -> Any:
    """List the caller's own keys in this team, revoked ones included."""
    return {"items": list(ApiKey.objects.visible_to(request.context))}


@policy_api.post("/keys", response={201: CreatedKeyOut}, url_name="create-key")
def create_key(request: TeamRequest, key: KeyIn) -> Any:
    """Make a key for the caller in this team and show it once."""
    created = keys.create_own(
        request.context,
        name=key.name,
        expires_in_days=key.expires_in_days,
    )
    shown = KeyOut.from_orm(created.key).model_dump()
    return Status(201, {**shown, "key": created.secret})


@policy_api.delete("/keys/{uuid:key_id}", response={204: None}, url_name="revoke-key")
def revoke_key(request: TeamRequest, key_id: UUID) -> Any:
    """Revoke one of the caller's keys at once."""
    keys.revoke(request.context, key_id)
    return Status(204, None)


def _team(membership: Membership) -> dict[str, str]:
    team = membership.team
    return {"slug": team.slug, "name": team.name, "color": team.color, "role": membership.role}
