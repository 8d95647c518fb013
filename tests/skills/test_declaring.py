import dataclasses
import sys
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field

from playground.core.errors import DeveloperError
from skills import builtin, checks, registry
from skills.declaring import Skill, SkillArgs, SkillContext, skill
from skills.registry import Catalogue

MODULE = """
from pydantic import Field
from skills.declaring import SkillArgs, SkillContext, skill

class Greeting(SkillArgs):
    name: str = Field(description="Whom to greet.")

@skill("demo.greet", title="Greet", description="Greet a person by name.")
def greet(args: Greeting, context: SkillContext) -> str:
    return f"Hello, {args.name}!"
"""


class Nothing(SkillArgs):
    pass


def _make(name: str = "demo.thing", **options: Any) -> Skill:
    options = {"title": "Thing", "description": "Does a thing.", **options}

    @skill(name, **options)
    def thing(args: Nothing, context: SkillContext) -> str:
        return "done"

    return thing


def test_it_finds_a_skill_when_only_a_module_is_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "greet_somebody.py").write_text(MODULE)
    monkeypatch.setattr(builtin, "__path__", [*builtin.__path__, str(tmp_path)])

    found = {each.name: each for each in registry.discover(builtin)}

    assert found["demo.greet"].alias == "demo__greet"
    assert "hiring.search_candidates" in found
    del sys.modules["skills.builtin.greet_somebody"]


def test_it_offers_every_builtin_skill_when_the_process_starts() -> None:
    assert {each.name for each in registry.all()} >= {
        "hiring.candidate_profile",
        "hiring.draft_outreach",
        "hiring.match_to_job",
        "hiring.search_candidates",
        "hiring.search_jobs",
        "math.calculate",
        "time.today",
    }
    assert registry.conflicts() == []


def test_it_has_a_test_file_when_a_builtin_skill_exists() -> None:
    modules = {path.stem for path in Path(builtin.__path__[0]).glob("[a-z]*.py")}
    tested = {path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py")}

    assert modules <= tested


def test_it_reports_a_conflict_when_a_name_is_taken() -> None:
    catalogue = Catalogue()

    catalogue.add(_make("demo.one_two"))
    catalogue.add(_make("demo.one_two"))

    assert len(catalogue.conflicts) == 1
    assert len(catalogue.all()) == 1


def test_it_reports_a_conflict_when_an_alias_is_taken() -> None:
    catalogue = Catalogue()
    first = _make("demo.one_two")
    # No declared name can reach another's alias today; the catalogue does not rely on that.
    second = dataclasses.replace(first, name="demo__one_two")

    catalogue.add(first)
    catalogue.add(second)

    assert catalogue.conflicts == ["'demo__one_two' and 'demo.one_two' both become 'demo__one_two'"]
    assert catalogue.all() == [first]


def test_it_fails_the_system_check_when_a_name_is_declared_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry, "conflicts", lambda: ["the name 'a.b' is declared twice"])

    assert [each.id for each in checks.check_declarations()] == ["skills.E001"]


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Point(BaseModel):
    x: int


class Rich(SkillArgs):
    title: str = Field(description="A property that is called like a keyword.")
    colour: Colour | None = Field(default=None, description="Which colour.")
    points: list[Point] = Field(default_factory=list, description="Where.")


def test_it_exports_a_plain_schema_when_models_nest() -> None:
    @skill("demo.rich", title="Rich", description="Has rich arguments.")
    def rich(args: Rich, context: SkillContext) -> Point:
        return Point(x=1)

    assert rich.input_schema == {
        "additionalProperties": False,
        "properties": {
            "title": {
                "description": "A property that is called like a keyword.",
                "type": "string",
            },
            "colour": {"description": "Which colour.", "enum": ["red", "blue"], "type": "string"},
            "points": {
                "description": "Where.",
                "items": {
                    "properties": {"x": {"type": "integer"}},
                    "required": ["x"],
                    "type": "object",
                },
                "type": "array",
            },
        },
        "required": ["title"],
        "type": "object",
    }


class Loop(SkillArgs):
    inner: "Loop | None" = Field(default=None, description="Itself.")


class Bare(SkillArgs):
    name: str


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"name": "Thing"}, "a name looks like"),
        ({"name": "a__b.c"}, "a name looks like"),
        ({"description": " "}, "description are required"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"version": "1"}, "version looks like"),
    ],
)
def test_it_refuses_a_declaration_when_something_is_missing(
    options: dict[str, Any], why: str
) -> None:
    with pytest.raises(DeveloperError, match=why):
        _make(**options)


def test_it_refuses_a_declaration_when_an_argument_says_nothing() -> None:
    with pytest.raises(DeveloperError, match="no description: name"):

        @skill("demo.bare", title="Bare", description="Bare.")
        def bare(args: Bare, context: SkillContext) -> str:
            return ""


class Settings(SkillArgs):
    config: str = Field(description="What LangChain would keep to itself.")


def test_it_refuses_a_declaration_when_langchain_would_lose_an_argument() -> None:
    with pytest.raises(DeveloperError, match="LangChain keeps these names to itself: config"):

        @skill("demo.configure", title="Configure", description="Configures.")
        def configure(args: Settings, context: SkillContext) -> str:
            return ""


def test_it_refuses_a_declaration_when_the_schema_has_no_end() -> None:
    with pytest.raises(DeveloperError, match="refers to itself"):

        @skill("demo.loop", title="Loop", description="Loop.")
        def loop(args: Loop, context: SkillContext) -> str:
            return ""


def test_it_has_another_version_when_the_contract_changes() -> None:
    assert _make().version == _make().version
    assert _make().version != _make(description="Does another thing.").version
