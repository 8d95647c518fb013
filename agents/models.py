"""Agents, their versions, and threads."""

import datetime as dt
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Exists, OuterRef, Subquery
from django.db.models.functions import Coalesce, Now

from playground.core.context import RequestContext
from playground.core.errors import Conflict
from playground.core.ids import new_id
from playground.messaging.models import Event, Run
from playground.policy.deciding import Resource


class AgentQuerySet(models.QuerySet["Agent"]):
    def visible_to(self, context: RequestContext) -> Self:
        """Keep the agents of the context's team."""
        return self.filter(team__slug=context.team)

    def active(self) -> Self:
        """Drop the archived ones."""
        return self.filter(archived_at=None)

    def with_use(self) -> Self:
        """Annotate ``version_count``, ``thread_count`` and ``last_used_at``."""
        versions = AgentVersion.objects.filter(agent=OuterRef("pk")).order_by()
        threads = Thread.objects.filter(agent=OuterRef("pk")).order_by()
        return self.annotate(
            version_count=_count(versions, "agent"),
            thread_count=_count(threads, "agent"),
            last_used_at=Subquery(
                threads.order_by("-lane__updated_at").values("lane__updated_at")[:1]
            ),
        )


def _count(rows: models.QuerySet[Any], group: str) -> Subquery:
    counted = rows.values(group).annotate(total=models.Count("pk")).values("total")
    return Subquery(counted, output_field=models.IntegerField())


class Agent(models.Model):
    """A named wiring owned by a team; names are unique within the team."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    team = models.ForeignKey("policy.Team", on_delete=models.PROTECT, related_name="agents")
    name = models.SlugField(max_length=64)
    title = models.CharField(max_length=100)
    description = models.CharField(max_length=1000, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    archived_at = models.DateTimeField(null=True, blank=True)

    #: The latest version, where ``agents.listing`` has read it for a whole page.
    current: "AgentVersion"

    objects = AgentQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["title"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team", "name"], name="agent_name_once_per_team")
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def latest(self) -> "AgentVersion":
        """Return the newest version; saving an agent always makes one."""
        return self.versions.select_related("prompt_version__prompt").order_by("-number")[0]

    def resource(self) -> Resource:
        """Describe the agent to the policies."""
        return Resource(kind="Agent", id=str(self.pk), team=self.team.slug, owner=None)


class AgentVersion(models.Model):
    """One immutable specification of an agent; the database refuses to change it.

    ``prompt_label`` is the label whose version of the prompt each run takes, empty where it is
    ``prompt_version``. ``skills`` are registry names, ``model`` a model id or ``default``,
    ``step_limit`` counts model and tool calls of one run, ``suggested`` first messages, ``author``
    a URN.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=100)
    description = models.CharField(max_length=1000, blank=True)
    prompt_version = models.ForeignKey(
        "prompts.PromptVersion", on_delete=models.PROTECT, related_name="agent_versions"
    )
    prompt_label = models.CharField(max_length=64, blank=True, default="")
    skills = models.JSONField(default=list)
    model = models.CharField(max_length=200)
    step_limit = models.PositiveSmallIntegerField()
    planning = models.BooleanField(default=False)
    suggested = models.JSONField(default=list)
    note = models.CharField(max_length=200, blank=True)
    content_hash = models.CharField(max_length=64)
    author = models.CharField(max_length=128)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar = ["agent", "-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["agent", "number"], name="agent_version_number_once"),
            models.CheckConstraint(
                condition=models.Q(step_limit__gte=1, step_limit__lte=50),
                name="agent_version_step_limit_range",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent} v{self.number}"

    @property
    def prompt(self) -> str:
        """Return the system template."""
        return str(self.prompt_version.messages[0]["template"])

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert the version.

        Raises:
            Conflict: it is stored already; a change is a new version.
        """
        if not self._state.adding:
            raise Conflict("agent.version-immutable", "A version of an agent never changes.")
        super().save(*args, **kwargs)


class ThreadQuerySet(models.QuerySet["Thread"]):
    def visible_to(self, context: RequestContext) -> Self:
        """Keep the threads of the context's team: teammates see each other's."""
        return self.filter(lane__team__slug=context.team)

    def active(self) -> Self:
        """Drop the archived ones."""
        return self.filter(archived_at=None)

    def with_status(self) -> Self:
        """Annotate ``run_status`` of the newest run, null without one, and ``latest_number``."""
        newest = Run.objects.filter(lane=OuterRef("lane_id")).order_by("-created_at", "-id")
        versions = AgentVersion.objects.filter(agent=OuterRef("agent_id")).order_by("-number")
        return self.annotate(
            run_status=Subquery(newest.values("status")[:1]),
            latest_number=Subquery(versions.values("number")[:1]),
        )

    def with_unread(self, user: str) -> Self:
        """Annotate ``seen_seq``, how far ``user:<name>`` has looked, and whether there is news.

        What is said about an answer is none, or each evaluator would make all threads unread.
        """
        seen = ThreadReading.objects.filter(thread=OuterRef("pk"), reader=user)
        news = Event.objects.filter(lane_id=OuterRef("lane_id")).exclude(type="run.feedback")
        return self.annotate(seen_seq=Subquery(seen.values("seq")[:1])).annotate(
            has_news=Exists(news.filter(seq__gt=Coalesce(OuterRef("seen_seq"), 0)))
        )

    def matching(self, text: str) -> Self:
        """Keep the threads whose title or agent holds the text."""
        if not text:
            return self
        return self.filter(models.Q(title__icontains=text) | models.Q(agent__title__icontains=text))

    def newest_first(self) -> Self:
        """Order by last activity."""
        return self.select_related("agent__team", "version", "lane__owner", "lane__team").order_by(
            "-lane__updated_at", "-lane_id"
        )


class Thread(models.Model):
    """A conversation with an agent, on the lane of the same id."""

    lane = models.OneToOneField(
        "messaging.Lane", on_delete=models.CASCADE, primary_key=True, related_name="thread"
    )
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="threads")
    version = models.ForeignKey(AgentVersion, on_delete=models.PROTECT, related_name="threads")
    title = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = ThreadQuerySet.as_manager()

    def __str__(self) -> str:
        return self.title or "New thread"

    @property
    def id(self) -> Any:
        """Return the lane's id, which is the thread's."""
        return self.lane_id

    @property
    def updated_at(self) -> dt.datetime:
        """Return when something last happened in the thread."""
        updated: dt.datetime = self.lane.updated_at
        return updated

    @property
    def unread(self) -> bool:
        """Tell whether there is news after what was seen; without ``with_unread`` nothing was."""
        news: bool = getattr(self, "has_news", self.lane.next_seq > 1)
        return news

    def resource(self) -> Resource:
        """Describe the thread to the policies."""
        lane = self.lane
        return Resource(
            kind="Thread", id=str(self.pk), team=lane.team.slug, owner=f"user:{lane.owner.username}"
        )


class ThreadReading(models.Model):
    """How far one person has looked into a thread. ``reader`` is a URN."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="readings")
    reader = models.CharField(max_length=128)
    seq = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["thread", "reader"], name="thread_reading_once")
        ]

    def __str__(self) -> str:
        return f"{self.reader} read {self.thread_id} to {self.seq}"
