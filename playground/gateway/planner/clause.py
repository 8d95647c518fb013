"""One clause while its values find their parameters: what has been taken is blanked out."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from playground.gateway.planner import coding, dating, naming, numbering, phrasing
from playground.gateway.planner.finding import found
from playground.gateway.planner.wording import ordinal, quotations, terms

# Values are said at the beginning; what is longer holds a pasted text.
MAX_READ_CHARS = 1500


class Clause:
    """What a clause says and what is left of it.

    Attributes:
        full: the clause, however long, for parameters that want all of it.
        goal: its beginning, from which values are read.
        firm: without days, identifiers and taken numbers: what a topic is read from.
        left: without names, options and quotations, too: what a thing is read from.
        evidence: how many values were said in a form of their own.
    """

    def __init__(self, goal: str, whole: str, results: Sequence[Any], *, today: dt.date) -> None:
        self.full = goal
        self.goal = goal = goal[:MAX_READ_CHARS]
        self.whole = dating.without_days(whole[:MAX_READ_CHARS], today=today)
        self.today = today
        self.quotes = quotations(self.full)
        self.evidence = 0
        self.firm = dating.without_days(goal, today=today)
        self.left = self.firm
        for quote in self.quotes:
            self.left = naming.without(self.left, quote)
        self._results = results
        self._place = ordinal(goal)
        self._places: set[str] = set()

    def found(self, name: str, *, entity: str = "") -> Any:
        """Look a value up in earlier results."""
        return found(self._results, name, entity=entity, place=self._place)

    def said(self, value: Any) -> Any:
        """Count a value as evidence, and return it."""
        self.evidence += value is not None
        return value

    def quote(self, name: str) -> str | None:
        """Take the quotation that stands beside a parameter's own name."""
        quote = phrasing.quoted_for(name, self.goal)
        if quote not in self.quotes:
            return None
        self.quotes.remove(quote)
        return str(self.said(quote))

    def option(self, values: Sequence[Any]) -> Any:
        """Take the one of several values that is named here, or else in the whole request."""
        for text in (self.left, self.whole):
            named = phrasing.one_of(values, text)
            if named is not None:
                self.left = naming.without(self.left, str(named))
                return self.said(named)
        return None

    def identifier(self, entity: str, *, kind: str, required: bool) -> Any:
        """Take an identifier; for a required one any code will do."""
        said = coding.identifier(entity, self.firm, integer=kind != "string")
        if said is None and required and kind == "string":
            said = coding.lone_code(self.firm)
        if said is not None:
            self.firm = naming.without(self.firm, str(said))
            self.left = naming.without(self.left, str(said))
        return self.said(said)

    def number(self, name: str, described: str, *, integer: bool, required: bool) -> float | None:
        """Take a number that words beside it give to a parameter; for a required one, any."""
        text = coding.without_codes(self.left)
        years = numbering.years(text)
        counted = terms(f"{name} {described}")
        if numbering.is_year(name, counted):
            chosen = numbering.number_for(name, described, text, free=years)
            chosen = chosen or next(iter(years), None)
        else:
            free = [
                (at, number)
                for at, number in numbering.numbers(text)
                if (at, number) not in years and (number.is_integer() or not integer)
            ]
            chosen = numbering.number_for(name, described, text, free=free)
            chosen = chosen or (next(iter(free), None) if required else None)
        if chosen is None:
            return None
        at, number = chosen
        self.firm = numbering.without_number(self.firm, at, counted=counted)
        self.left = numbering.without_number(self.left, at, counted=counted)
        return float(self.said(number))

    def place(self, name: str, *, required: bool) -> str | None:
        """Take a place; where only a direction tells which is meant, from this clause only."""
        texts = (self.left,) if naming.names_direction(name) else (self.left, self.whole)
        for text in texts:
            open_text = coding.without_codes(text)
            for taken in self._places:
                open_text = naming.without(open_text, taken)
            place = self.said(naming.place(open_text, name))
            if place is None and required:
                place = naming.place(open_text, name, anywhere=True)
            if place:
                self._places.add(place)
                self.left = naming.without(self.left, place)
                return str(place)
        return None

    def person(self, name: str, *, required: bool) -> str | None:
        """Take a person's name."""
        text = coding.without_codes(self.left)
        person = naming.person(text, name, anywhere=required)
        if person:
            self.left = naming.without(self.left, person)
        return None if person is None else str(self.said(person))

    def thing(self, name: str) -> str | None:
        """Return what the rest of the clause is about: a name, or else a noun phrase."""
        text = coding.without_codes(self.left)
        return (
            next(iter(naming.names(text)), None)
            or phrasing.kind_named(name, text)
            or phrasing.thing(text)
        )
