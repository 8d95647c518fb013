"""Write Jinja that says what a Mustache template said, sections and all. Pure: no Django."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from playground.core.errors import InvalidInput
from playground.prompts.importing.expressing import Names, Piece, joined, quoted
from playground.prompts.importing.mustaches import MustacheError, Node, parse
from playground.prompts.importing.reporting import Notes


@dataclass(slots=True)
class Variables:
    """Names, in Jinja, that templates read: outside of sections all are needed."""

    needed: set[str] = field(default_factory=set)
    within: set[str] = field(default_factory=set)
    sections: bool = False


def from_mustache(
    template: str, names: Names, variables: Variables, notes: Notes, *, message: int
) -> str:
    """Return the template in Jinja, and add what it reads to the variables.

    Raises:
        InvalidInput: ``prompt.import-invalid``, it is not Mustache.
    """
    try:
        nodes = parse(template)
    except MustacheError as error:
        raise InvalidInput(
            "prompt.import-invalid", f"message {message}: not Mustache: {error}"
        ) from None
    variables.needed |= {
        names.of(each.said.split(".")[0])
        for each in nodes
        if each.kind in ("variable", "section", "inverted") and each.said != "."
    }
    return joined(_Writer(names, variables, notes, message).write(nodes, ()))


@dataclass(frozen=True, slots=True)
class _Writer:
    names: Names
    variables: Variables
    notes: Notes
    message: int

    def write(self, nodes: list[Node], scopes: tuple[str, ...]) -> Iterator[Piece]:
        """Yield Jinja for each part; ``scopes`` are the loops around it, the innermost last."""
        for node in nodes:
            if node.kind == "text":
                yield node.said, True
            elif node.kind == "variable":
                yield self._variable(node, scopes), False
            elif node.kind == "comment":
                yield "{# " + node.said.replace("#}", "# }") + " #}", False
            elif node.kind == "partial":
                self.notes.lost(
                    f"{{{{> {node.said}}}}}", "a partial that is not part of the export",
                    message=self.message,
                )  # fmt: skip
            elif node.kind == "inverted":
                yield f"{{% if not {self._value(node.said, scopes)} %}}", False
                yield from self.write(node.body, scopes)
                yield "{% endif %}", False
            else:
                yield from self._section(node, scopes)

    def _variable(self, node: Node, scopes: tuple[str, ...]) -> str:
        if node.escaped:
            self.notes.changed(
                "{{…}}", "escapes HTML in LangChain (& < > \"); here values go in as they are",
            )  # fmt: skip
        self.notes.changed(
            "{{…}}", "writes nothing for null and for empty lists; here they are written out"
        )
        return f"{{{{ {self._value(node.said, scopes)} }}}}"

    def _section(self, node: Node, scopes: tuple[str, ...]) -> Iterator[Piece]:
        self.variables.sections = True
        self.notes.changed(
            f"{{{{#{node.said}}}}}",
            "is a loop that takes a list, an object or a flag; shorten it if you know which it is",
            message=self.message,
        )
        value = self._value(node.said, scopes)
        item = self.names.fresh("item")
        listed = f"{value} is sequence and {value} is not string and {value} is not mapping"
        yield (
            f"{{% for {item} in ({value} if {listed} else [{value}] if {value} else []) %}}",
            False,
        )
        yield from self.write(node.body, (*scopes, item))
        yield "{% endfor %}", False

    def _value(self, said: str, scopes: tuple[str, ...]) -> str:
        """Return an expression that finds the name in the innermost scope that has it."""
        if said == ".":
            if not scopes:
                self.notes.lost("{{.}}", "outside of a section", message=self.message)
                return "''"
            return scopes[-1]
        first, *rest = said.split(".")
        name = self.names.of(first)
        value = name
        if name not in self.variables.needed:
            self.variables.within.add(name)
            value = f"{name}|default('')"
        key = quoted(first)
        for scope in scopes:
            value = f"{scope}[{key}] if {scope} is mapping and {key} in {scope} else {value}"
        path = "".join(f"[{part if part.isdigit() else quoted(part)}]" for part in rest)
        return f"({value}){path}" if " " in value or "|" in value else f"{value}{path}"
