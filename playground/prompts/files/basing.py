"""Remember in a prompt's file which version it was made from. Pure: no Django.

``based_on: 7@3f9a2c1b04de`` in the front matter: the version's number, for people, and the
beginning of its content's hash, which is the same in every Playground that the file is pushed to.
"""

import re
from dataclasses import dataclass

FIELD = "based_on"
_HASH_CHARS = 12
_SAID = re.compile(r"(?P<number>[1-9]\d{0,8})@(?P<hash>[0-9a-f]{12})")
_LINE = re.compile(rf"{FIELD}:[^\r\n]*")


@dataclass(frozen=True, slots=True)
class Base:
    """The version that a file was made from."""

    number: int
    hash: str

    @classmethod
    def of(cls, number: int, content_hash: str) -> "Base":
        """Return it by what the store knows of the version."""
        return cls(number, content_hash[:_HASH_CHARS])

    @classmethod
    def read(cls, said: object) -> "Base | None":
        """Return what stands in the front matter; None where it is no such thing."""
        found = _SAID.fullmatch(said) if isinstance(said, str) else None
        return None if found is None else cls(int(found["number"]), found["hash"])

    def __str__(self) -> str:
        return f"{self.number}@{self.hash}"

    def says(self, content_hash: str) -> bool:
        """Tell whether a version says what this one says."""
        return content_hash.startswith(self.hash)


def rebased(source: str, base: Base) -> str:
    """Return a file's text with another base, and everything else as somebody wrote it."""
    written = f"{FIELD}: {base}"
    mark = "\ufeff" if source.startswith("\ufeff") else ""
    lines = source.removeprefix(mark).splitlines(keepends=True)
    end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    if not lines or lines[0].rstrip() != "---":
        return f"{mark}---{end}{written}{end}---{end}" + "".join(lines)
    for index, line in enumerate(lines[1:], 1):
        if _LINE.match(line):
            lines[index] = _LINE.sub(written, line, count=1)
            return mark + "".join(lines)
        if line.rstrip() == "---":
            break
    return mark + "".join([lines[0], f"{written}{end}", *lines[1:]])
