"""Name the file of a prompt, and the prompt of a file. Pure: no Django.

Not ``.jinja``: formatters know that ending, and would tidy up white space that a model reads.
"""

import re
from pathlib import PurePosixPath

from playground.prompts.files.placing import refuse

SUFFIX = ".prompt"
_SLUG = re.compile(r"[-a-zA-Z0-9_]{1,64}")


def path_of(team: str, name: str) -> PurePosixPath:
    """Return ``team/name.prompt``, the name that an ``include`` says plus an ending."""
    return PurePosixPath(team) / f"{name}{SUFFIX}"


def prompt_of(path: PurePosixPath) -> tuple[str, str]:
    """Return team and name.

    Raises:
        InvalidInput: ``prompt.file-invalid``, the path is not ``team/name.prompt``.
    """
    parts = path.parts
    names = (parts[0], path.name.removesuffix(SUFFIX)) if len(parts) == 2 else ()
    if not names or path.suffix != SUFFIX or not all(_SLUG.fullmatch(name) for name in names):
        raise refuse(str(path), 1, 1, f"a prompt's file is called team/name{SUFFIX}")
    return parts[0], names[1]
