"""What administrators decide about models, and the ledger of what was called."""

import uuid
from decimal import Decimal
from typing import ClassVar, Self

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Now

from playground.core.context import RequestContext
from playground.core.ids import new_id
from playground.core.sealing import seal, unseal
from playground.policy.models import ApiKey, Team


class EndpointKind(models.TextChoices):
    """Who answers, as far as the differences between them matter."""

    OPENAI = "openai", "OpenAI"
    AZURE = "azure", "Azure OpenAI"
    ANTHROPIC = "anthropic", "Anthropic"
    GEMINI = "gemini", "Gemini"
    VLLM = "vllm", "vLLM"
    OLLAMA = "ollama", "Ollama"
    LLAMACPP = "llamacpp", "llama.cpp"
    OTHER = "other", "Other, OpenAI-compatible"
    OFFLINE = "offline", "In this process"


class Operation(models.TextChoices):
    """What a model does."""

    CHAT = "chat", "Chat"
    EMBEDDINGS = "embeddings", "Embeddings"


class Endpoint(models.Model):
    """A server that answers model calls; its secret is encrypted at rest."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.SlugField(unique=True, help_text="Its models are called name/model.")
    kind = models.CharField(max_length=16, choices=EndpointKind, default=EndpointKind.OTHER)
    base_url = models.CharField(
        max_length=500, blank=True, help_text="Up to and with its version: https://…/v1"
    )
    api_version = models.CharField(
        max_length=40, blank=True, help_text="Azure's classic interface only: 2024-10-21"
    )
    sealed_secret = models.BinaryField(null=True, editable=False)
    external = models.BooleanField(
        default=True,
        help_text="Outside this network. Private and loopback addresses are refused then.",
    )
    silence_s = models.FloatField(
        "silence, seconds",
        default=120,
        validators=[MinValueValidator(0.1)],
        help_text="How long it may send nothing before it counts as failed.",
    )
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(kind__in=EndpointKind.values), name="endpoint_kind_known"
            ),
            models.CheckConstraint(condition=models.Q(silence_s__gt=0), name="endpoint_silence"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def secret(self) -> str:
        """The key it is called with, empty for none.

        Raises:
            Unavailable: ``secret.unreadable``.
        """
        return unseal(self.sealed_secret) if self.sealed_secret else ""

    @secret.setter
    def secret(self, text: str) -> None:
        self.sealed_secret = seal(text) if text else None


def _price(name: str) -> "models.DecimalField[Decimal | None, Decimal | None]":
    return models.DecimalField(
        name,
        max_digits=12,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="US dollars per million tokens",
    )


class ServedModel(models.Model):
    """A model that an endpoint serves; what is left empty is not known."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="models")
    name = models.CharField(max_length=200, help_text="As the endpoint calls it.")
    operation = models.CharField(max_length=16, choices=Operation, default=Operation.CHAT)
    input_price = _price("price of input")
    cached_input_price = _price("price of cached input")
    output_price = _price("price of output")
    context_tokens = models.PositiveIntegerField(
        "context length, tokens", null=True, blank=True, validators=[MinValueValidator(1)]
    )
    max_output_tokens = models.PositiveIntegerField(
        "longest answer, tokens", null=True, blank=True, validators=[MinValueValidator(1)]
    )
    max_concurrent = models.PositiveIntegerField(
        "calls at once",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="In all processes together; empty for any number.",
    )
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering: ClassVar = ["endpoint__name", "name"]
        verbose_name = "model"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["endpoint", "name"], name="served_model_once_per_endpoint"
            )
        ]

    def __str__(self) -> str:
        return f"{self.endpoint.name}/{self.name}"


class Route(models.Model):
    """A name for callers behind which models can be exchanged."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.SlugField(
        unique=True, help_text="What callers name, such as chat-default, which is everybody's."
    )
    description = models.CharField(max_length=200, blank=True)
    retries = models.PositiveSmallIntegerField(
        default=1, help_text="Of one target, before the next one is tried."
    )
    enabled = models.BooleanField(default=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class Target(models.Model):
    """One model that a route leads to."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    route = models.ForeignKey(Route, on_delete=models.CASCADE, related_name="targets")
    model = models.ForeignKey(ServedModel, on_delete=models.PROTECT, related_name="targets")
    priority = models.PositiveSmallIntegerField(
        default=0, help_text="The lowest is tried first; the next when all of it have failed."
    )
    weight = models.PositiveIntegerField(
        default=1, help_text="Share of the calls among targets of one priority; 0 for none."
    )
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering: ClassVar = ["priority", "-weight", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["route", "model"], name="target_once_per_route")
        ]

    def __str__(self) -> str:
        return f"{self.route.name} → {self.model}"


class Quota(models.Model):
    """A limit for whom it names; what is left empty is everybody or everything."""

    class Kind(models.TextChoices):
        REQUESTS = "requests", "Requests per minute"
        TOKENS = "tokens", "Tokens per minute"
        STREAMS = "streams", "Calls at once"
        DAY = "day", "US dollars per day"
        MONTH = "month", "US dollars per month"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, null=True, blank=True)
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, null=True, blank=True)
    model = models.CharField(
        max_length=250, blank=True, help_text="A route or endpoint/model; empty for all."
    )
    kind = models.CharField(max_length=16, choices=Kind)
    cap = models.DecimalField(
        max_digits=18,
        decimal_places=6,
        validators=[MinValueValidator(0)],
        help_text="At most this much; 0 forbids.",
    )
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering: ClassVar = ["team__slug", "model", "kind"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["team", "key", "model", "kind"],
                name="quota_once_per_scope",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=models.Q(cap__gte=0, cap__lte=10**9), name="quota_cap_in_range"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cap.normalize():f} {self.get_kind_display().lower()}"


class Guardrail(models.Model):
    """A responsible-AI check of what goes into models or comes out of them."""

    class Check(models.TextChoices):
        PII = "pii", "Personal data"
        SECRETS = "secrets", "Secrets and keys"
        INJECTION = "injection", "Prompt injection"
        TOPICS = "topics", "Banned topics"
        SCHEMA = "schema", "JSON schema of the answer"
        JUDGE = "judge", "A guard model's judgement"

    class Stage(models.TextChoices):
        INPUT = "input", "What goes in"
        OUTPUT = "output", "What comes out"
        BOTH = "both", "Both"

    class Action(models.TextChoices):
        ALLOW = "allow", "Allow"
        FLAG = "flag", "Flag"
        REDACT = "redact", "Redact"
        BLOCK = "block", "Block"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.SlugField(unique=True, help_text="Errors and traces name the rule by it.")
    team = models.ForeignKey(
        Team, on_delete=models.CASCADE, null=True, blank=True, help_text="Empty for every team."
    )
    model = models.CharField(
        max_length=250, blank=True, help_text="A route or endpoint/model; empty for all."
    )
    check_kind = models.CharField("check", max_length=16, choices=Check)
    stage = models.CharField(max_length=8, choices=Stage, default=Stage.BOTH)
    action = models.CharField(max_length=8, choices=Action, default=Action.FLAG)
    settings = models.JSONField(default=dict, blank=True)
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~models.Q(action="redact") | models.Q(check_kind__in=["pii", "secrets"]),
                name="guardrail_redacts_entities_only",
            )
        ]

    def __str__(self) -> str:
        return self.name


class CacheRule(models.Model):
    """Lets a team's equal requests be answered from earlier answers; off where there is none."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE)
    model = models.CharField(
        max_length=250, blank=True, help_text="A route or endpoint/model; empty for all."
    )
    ttl_s = models.PositiveIntegerField("time to live, seconds", validators=[MinValueValidator(1)])
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering: ClassVar = ["team__slug", "model"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team", "model"], name="cache_rule_once_per_model"),
            models.CheckConstraint(condition=models.Q(ttl_s__gte=1), name="cache_rule_ttl"),
        ]

    def __str__(self) -> str:
        return f"{self.team.slug}: {self.model or 'every model'}, {self.ttl_s} s"


class ConfigurationVersion(models.Model):
    """One row that triggers give a new version with every change of the tables above."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    version = models.UUIDField(default=uuid.uuid4)

    class Meta:
        managed = False
        db_table = "gateway_configuration_version"

    def __str__(self) -> str:
        return str(self.version)


class LedgerQuerySet(models.QuerySet["LedgerRow"]):
    def visible_to(self, context: RequestContext) -> Self:
        """Keep the calls of the context's team."""
        return self.filter(team=context.team)

    def exportable(self) -> Self:
        """Keep the calls whose subject allows training with them."""
        return self.filter(training_consent=True)


class LedgerRow(models.Model):
    """One call of a model, as it was settled; money in micro-dollars, times in milliseconds.

    ``model`` is what the caller named, ``served_by`` the endpoint/model that answered.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    settled_at = models.DateTimeField()
    team = models.SlugField()
    key_id = models.UUIDField(null=True)
    subject = models.CharField(max_length=200)
    actor = models.CharField(max_length=200, blank=True)
    purpose = models.CharField(max_length=64)
    training_consent = models.BooleanField(default=False)
    request_id = models.CharField(max_length=64, blank=True)
    trace_id = models.CharField(max_length=32, blank=True)
    operation = models.CharField(max_length=16, choices=Operation)
    model = models.CharField(max_length=250)
    route = models.CharField(max_length=50, blank=True)
    endpoint = models.CharField(max_length=50, blank=True)
    served_by = models.CharField(max_length=250, blank=True)
    streamed = models.BooleanField(default=False)
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cached_tokens = models.BigIntegerField(default=0, help_text="Part of the input tokens.")
    counted_here = models.BooleanField(
        default=False, help_text="The endpoint did not tell its tokens."
    )
    cost_micro_usd = models.BigIntegerField(null=True, help_text="Null where no price is known.")
    latency_ms = models.FloatField(default=0)
    first_token_ms = models.FloatField(null=True)
    outcome = models.CharField(max_length=16)
    error_code = models.CharField(max_length=64, blank=True)
    blocked_by = models.CharField(max_length=50, blank=True)
    attempts = models.PositiveSmallIntegerField(default=1)
    from_cache = models.BooleanField(default=False)
    reserved_tokens = models.BigIntegerField(default=0)

    objects = LedgerQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-settled_at"]
        indexes: ClassVar = [
            models.Index(fields=["team", "settled_at"], name="ledger_by_team"),
            models.Index(fields=["settled_at"], name="ledger_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.team} {self.model} {self.outcome}"

    @property
    def tokens(self) -> int:
        """Return the tokens in and out."""
        return self.input_tokens + self.output_tokens


class TokenRatio(models.Model):
    """What calls of a model told of their tokens in, beside what was counted here of the same.

    ``model`` is ``endpoint/model``; the sums are of the last one or two thousand calls.
    """

    model = models.CharField(max_length=250, primary_key=True)
    counted = models.BigIntegerField()
    told = models.BigIntegerField()
    calls = models.PositiveIntegerField()
    updated_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.model}: {self.told / self.counted:.2f}"
