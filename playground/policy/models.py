"""Teams, people, keys, policies and the audit log."""

import datetime as dt
from typing import Any, ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Now

from playground.core.context import RequestContext
from playground.core.ids import new_id, urn


class Role(models.TextChoices):
    """What a person may do in one team; each role includes the ones before it."""

    VIEWER = "viewer", "Viewer"
    DEVELOPER = "developer", "Developer"
    REVIEWER = "reviewer", "Reviewer"
    ADMIN = "admin", "Admin"


class TeamQuerySet(models.QuerySet["Team"]):
    def of(self, user: "User") -> Self:
        """Keep the teams that the user is a member of."""
        return self.filter(memberships__user=user)

    def visible_to(self, context: RequestContext) -> Self:
        """Keep the team that the context speaks for."""
        return self.filter(slug=context.team)


class Team(models.Model):
    """The unit of ownership and isolation."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    color = models.CharField(max_length=7, default="#64748b")
    created_at = models.DateTimeField(db_default=Now())

    objects = TeamQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["slug"]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, password: str | None = None, **fields: Any) -> "User":
        """Create a user; without a password only login links and keys let them in."""
        user = self.model(username=username, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, password: str | None = None, **fields: Any) -> "User":
        """Create a user who may use the administration site."""
        return self.create_user(username, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """Somebody who signs in."""

    username = models.SlugField(max_length=64, unique=True)
    email = models.EmailField(blank=True)
    display_name = models.CharField(max_length=100, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())

    objects = UserManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering: ClassVar = ["username"]

    def __str__(self) -> str:
        return self.display_name or self.username

    @property
    def urn(self) -> str:
        """Name the user in contexts, audit rows and other silos."""
        return urn("user", self.username)

    def context(self, *, team: str | None = None) -> RequestContext:
        """Return the context in which the user asks for themselves.

        Args:
            team: slug; without one the first team in the alphabet.

        Raises:
            Membership.DoesNotExist: the user is in no such team.
        """
        memberships = self.memberships.select_related("team").order_by("team__slug")
        if team is not None:
            memberships = memberships.filter(team__slug=team)
        membership = memberships.first()
        if membership is None:
            raise Membership.DoesNotExist(f"{self.username} is not in {team or 'any team'}")
        return RequestContext(subject=self.urn, team=membership.team.slug)


class MembershipQuerySet(models.QuerySet["Membership"]):
    def of_subject(self, subject: str, *, team: str) -> Self:
        """Keep the membership by which ``user:<name>`` belongs to the team, if still active."""
        kind, _, username = subject.partition(":")
        if kind != "user":
            return self.none()
        return self.filter(user__username=username, user__is_active=True, team__slug=team)


class Membership(models.Model):
    """A user's role in a team."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "team"], name="membership_once_per_team"),
            models.CheckConstraint(
                condition=models.Q(role__in=Role.values), name="membership_role_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role} in {self.team_id}"


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def usable(self) -> Self:
        """Keep the keys that are neither revoked nor expired, by the database's clock."""
        unexpired = models.Q(expires_at=None) | models.Q(expires_at__gt=Now())
        return self.filter(unexpired, revoked_at=None)

    def visible_to(self, context: RequestContext) -> Self:
        """Keep the subject's own keys in the context's team."""
        kind, _, username = context.subject.partition(":")
        if kind != "user":
            return self.none()
        return self.filter(user__username=username, team__slug=context.team)


class ApiKey(models.Model):
    """A secret by which a program asks as one user in one team.

    ``prefix`` finds the row and is shown in lists; of the secret only the SHA-256 is kept.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16, unique=True)
    hash = models.CharField(max_length=64)
    purpose = models.CharField(max_length=64, default="agent-development")
    created_at = models.DateTimeField(db_default=Now())
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} (pg_{self.prefix}_…)"


class LoginLink(models.Model):
    """A one-time way in; of the token only the SHA-256 is kept."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="login_links")
    hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"login link of {self.user_id}"


class Policy(models.Model):
    """Cedar text that adds to the starter policies, or replaces the starter of the same name."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.SlugField(unique=True)
    cedar = models.TextField()
    enabled = models.BooleanField(default=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name_plural = "policies"

    def __str__(self) -> str:
        return self.name


class AuditHead(models.Model):
    """The end of one team's chain; its row lock orders that team's writers.

    Written only by the database function ``policy_audit_append``.
    """

    team = models.CharField(max_length=64, primary_key=True)
    seq = models.BigIntegerField()
    hash = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.team} at {self.seq}"


class AuditRow(models.Model):
    """One entry of a team's chain; the database refuses to change or remove it.

    ``entry`` holds subject, actor, purpose, action, resource, outcome, reasons and policies.
    ``hash`` covers the previous hash, team, seq, time and the canonical JSON of ``entry``.
    """

    id = models.BigAutoField(primary_key=True)
    team = models.CharField(max_length=64)
    seq = models.BigIntegerField()
    at = models.DateTimeField()
    entry = models.JSONField()
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering: ClassVar = ["team", "seq"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team", "seq"], name="audit_row_once_per_seq")
        ]

    def __str__(self) -> str:
        return f"{self.team} {self.seq} {self.at:%Y-%m-%d %H:%M:%S}"

    @property
    def at_text(self) -> str:
        """Write the time as it was hashed: UTC, microseconds."""
        return self.at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
