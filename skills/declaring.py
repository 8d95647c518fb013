"""Declare a skill: a decorated function with typed arguments and a typed result.

class Greeting(SkillArgs):
    name: str = Field(description="Whom to greet.")

@skill("demo.greet", title="Greet somebody", description="Greet a person by name.")
def greet(args: Greeting, context: SkillContext) -> str:
    return f"Hello, {args.name}!"
"""

import hashlib
import inspect
import re
import time
import typing
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from playground.core.canonical import content_hash
from playground.core.context import RequestContext
from playground.core.errors import DeveloperError
from playground.core.spans import SpanKind
from playground.policy.deciding import Resource
from playground.prompts.using import Used, using
from skills import schemas

Effect = Literal["read", "draft", "write"]
Run = Callable[[Any, "SkillContext"], Any]
MAX_TIMEOUT_S = 300.0
# Parameters of LangChain's own call of a tool: an argument of that name would be lost.
RESERVED_ARGUMENTS = frozenset(("config", "run_manager", "runnable_config", "self"))
_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+", re.ASCII)
_VERSION = re.compile(r"\d+\.\d+\.\d+", re.ASCII)


class SkillArgs(BaseModel):
    """The base of every skill's arguments: unknown names are refused, text is trimmed."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


@dataclass(frozen=True, slots=True)
class SkillContext:
    """What a skill knows about its call.

    Attributes:
        request: who asks, for which team, to what purpose.
        call_id: of the model's tool call, where there is one.
        step: tells calls apart to which a provider gave the same id within a run.
        deadline: monotonic seconds at which the call is given up.
        run_id: of the run that the call is part of, where there is one.
        prompts: names of the prompts that the skill declares.
    """

    request: RequestContext
    call_id: str | None = None
    deadline: float = field(default=float("inf"))
    run_id: str | None = None
    prompts: tuple[str, ...] = ()
    step: str = ""

    @property
    def team(self) -> str:
        """Return the slug of the team whose rows may be touched."""
        return self.request.team

    @property
    def remaining_s(self) -> float:
        """Return the seconds left."""
        return max(0.0, self.deadline - time.monotonic())

    def using(
        self,
        name: str,
        *,
        label: str,
        variables: Mapping[str, Any],
        key: str | None = None,
        part: str = "",
    ) -> AbstractContextManager[Used]:
        """Render a declared prompt for a block of work, see ``prompts.using.using``.

        A call that a run makes again after a crash tells ramps of it once.

        Args:
            part: tells uses of the same prompt within one call apart, such as ``candidate:42``.

        Raises:
            DeveloperError: ``skill.prompt-undeclared``.
        """
        if name not in self.prompts:
            raise DeveloperError(
                "skill.prompt-undeclared",
                f"The skill uses the prompt {name!r}, which its declaration does not name in "
                "`prompts`.",
            )
        once = self._once(name, part)
        return using(self.request, name=name, label=label, variables=variables, key=key, once=once)

    def _once(self, name: str, part: str) -> str | None:
        if self.run_id is None or self.call_id is None:
            return None
        # Providers make ids of calls as they like, and long ones.
        said = "\n".join((self.call_id, self.step, name, part)).encode("utf-8", "surrogatepass")
        return f"run:{self.run_id}/{hashlib.sha256(said).hexdigest()[:32]}"


@dataclass(frozen=True)
class Skill:
    """A declared skill.

    Attributes:
        name: registry id, dotted: ``hiring.search_candidates``.
        team: slug of the only team that may see it; None for every team.
        effect: ``read`` looks, ``draft`` makes something for a person to use, ``write`` changes.
        release: semantic version given by its author.
        prompts: names of the prompts that it uses, its team's own as their names alone.
    """

    name: str
    title: str
    description: str
    run: Run
    args: type[BaseModel]
    result: Any
    team: str | None = None
    tags: tuple[str, ...] = ()
    effect: Effect = "read"
    kind: SpanKind = SpanKind.SKILL
    timeout_s: float = 10.0
    release: str = "1.0.0"
    prompts: tuple[str, ...] = ()
    # Django's templates call whatever can be called.
    do_not_call_in_templates: ClassVar[bool] = True

    def __call__(self, args: Any, context: SkillContext) -> Any:
        """Run the function itself: no policy, no time limit. Tests use it."""
        return self.run(args, replace(context, prompts=self.prompts))

    @property
    def alias(self) -> str:
        """Return the name under which models call it: they refuse dots."""
        return self.name.replace(".", "__")

    @cached_property
    def input_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the arguments."""
        return schemas.input_schema(self.args)

    @cached_property
    def output_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the result."""
        return schemas.output_schema(self.result)

    @cached_property
    def content_hash(self) -> str:
        """Return a hash of what models and callers depend on, and of the source."""
        return content_hash(
            {
                "name": self.name,
                "description": self.description,
                "input": self.input_schema,
                "output": self.output_schema,
                "effect": self.effect,
                "source": _source(self.run),
            }
        )

    @property
    def version(self) -> str:
        """Return the release and the beginning of the content hash: ``1.0.0+3fa94c01``."""
        return f"{self.release}+{self.content_hash[:8]}"

    def resource(self) -> Resource:
        """Return what policies decide about."""
        return Resource(
            kind="Skill", id=self.name, team=self.team, attributes={"effect": self.effect}
        )


def skill(
    name: str,
    *,
    title: str,
    description: str,
    team: str | None = None,
    tags: tuple[str, ...] = (),
    effect: Effect = "read",
    kind: Literal["skill", "retrieval"] = "skill",
    timeout_s: float = 10.0,
    version: str = "1.0.0",
    prompts: tuple[str, ...] = (),
) -> Callable[[Run], Skill]:
    """Make a skill of a function ``(args: <pydantic model>, context: SkillContext) -> result``.

    Raises:
        DeveloperError: ``skill.declaration-invalid``, with what is wrong.
    """

    def wrong(why: str) -> DeveloperError:
        return DeveloperError("skill.declaration-invalid", f"Skill {name!r}: {why}.")

    if not _NAME.fullmatch(name) or len(name) > 60 or "__" in name:
        raise wrong("a name looks like field.verb_thing, at most 60 characters")
    if not title.strip() or not description.strip():
        raise wrong("title and description are required, models choose by them")
    if not 0 < timeout_s <= MAX_TIMEOUT_S:
        raise wrong(f"timeout_s lies between 0 and {MAX_TIMEOUT_S:.0f}")
    if not _VERSION.fullmatch(version):
        raise wrong("version looks like 1.0.0")

    def declare(run: Run) -> Skill:
        if inspect.iscoroutinefunction(run):
            raise wrong("skills are plain functions; they run in a thread of their own")
        hints = typing.get_type_hints(run)
        parameters = list(inspect.signature(run).parameters)
        args = hints.get(parameters[0]) if len(parameters) == 2 else None
        if not (isinstance(args, type) and issubclass(args, BaseModel)):
            raise wrong("the function takes (args: <pydantic model>, context: SkillContext)")
        if "return" not in hints:
            raise wrong("the function says what it returns")
        declared = Skill(
            name=name,
            title=title.strip(),
            description=" ".join(description.split()),
            run=run,
            args=args,
            result=hints["return"],
            team=team,
            tags=tuple(tags),
            effect=effect,
            kind=SpanKind(kind),
            timeout_s=timeout_s,
            release=version,
            prompts=tuple(prompts),
        )
        try:
            unnamed = [
                field_name
                for field_name, each in declared.input_schema["properties"].items()
                if not each.get("description")
            ]
            _ = declared.output_schema
        except ValueError as error:
            raise wrong(str(error)) from error
        if unnamed:
            raise wrong(f"these arguments have no description: {', '.join(unnamed)}")
        if taken := RESERVED_ARGUMENTS.intersection(declared.input_schema["properties"]):
            raise wrong(f"LangChain keeps these names to itself: {', '.join(sorted(taken))}")
        return declared

    return declare


def _source(run: Run) -> str:
    try:
        return inspect.getsource(run)
    except (OSError, TypeError):
        return run.__qualname__
