"""Tell which call a piece of a tool call belongs to, for endpoints that say it badly or not at all.

Seen in use: an index that is missing, null or always 0; ids only at first, never, or new in every
piece; the name repeated in every piece; arguments given as an object.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from playground.gateway.chat import ToolCallDelta

# More are no answer; each piece is compared with all that have begun.
MOST_CALLS = 256


@dataclass
class _Call:
    index: int
    told_index: int | None
    told_id: str
    name: str = ""
    arguments: list[str] = field(default_factory=list)


class Numbering:
    """Number the calls of one answer from 0.

    Of each call the first delta brings the id, ``call_<index>`` where the endpoint gave none; its
    name comes once.
    """

    def __init__(self) -> None:
        self._calls: list[_Call] = []

    def deltas(self, listed: Sequence[Mapping[str, Any]] | None) -> list[ToolCallDelta] | None:
        """Read the tool calls of one event.

        Raises:
            TypeError, AttributeError, ValueError: they are no tool calls, or too many.
        """
        if not listed:
            return None
        several = len(listed) > 1
        return [
            self._delta(entry, position if several else None)
            for position, entry in enumerate(listed)
        ]

    def _delta(self, entry: Mapping[str, Any], position: int | None) -> ToolCallDelta:
        function = entry.get("function") or {}
        name, arguments = _text(function.get("name")), _arguments(function.get("arguments"))
        told_index, told_id = entry.get("index"), _text(entry.get("id"))
        if not isinstance(told_index, int) or isinstance(told_index, bool):
            told_index = None
        call = self._known(told_index, told_id, name, arguments, position)
        begins = call is None
        if call is None:
            if len(self._calls) == MOST_CALLS:
                raise ValueError("too many tool calls")
            call = _Call(len(self._calls), told_index, told_id)
            self._calls.append(call)
        named = name if not call.name else ""
        call.told_id = call.told_id or told_id
        call.name = call.name or name
        call.arguments.append(arguments)
        return ToolCallDelta(
            index=call.index,
            id=(told_id or f"call_{call.index}") if begins else None,
            name=named or None,
            arguments=arguments,
        )

    def _known(
        self, told_index: int | None, told_id: str, name: str, arguments: str, position: int | None
    ) -> _Call | None:
        """Return the call that the piece goes on with, None for a new one."""
        alike = [c for c in self._calls if told_index is None or c.told_index == told_index]
        for call in alike:
            if told_id and call.told_id == told_id:
                return call
        if told_index is not None:
            if not alike:
                return None
            # An index that is always 0 counts nothing: a named piece with another id begins a
            # call. Without a name it is the id that is new in every piece.
            another = told_id and alike[-1].told_id and name
            return None if another else alike[-1]
        if position is not None and not told_id and not name:
            return self._calls[position] if position < len(self._calls) else None
        last = self._calls[-1] if self._calls else None
        if last is None or position:
            return None
        if told_id and (last.told_id or name):
            return None
        if not (name and last.name):
            return last
        repeats = arguments.strip() and _is_whole("".join(last.arguments))
        return None if name != last.name or repeats else last


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _arguments(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _is_whole(arguments: str) -> bool:
    try:
        return isinstance(json.loads(arguments), dict)
    except (ValueError, RecursionError):
        return False
