"""Read numbers that somebody has written."""

MAX_DIGITS = 9


def whole_number(text: str | None) -> int | None:
    """Return the whole number that a text is, from 0 on; None where it is none of nine digits.

    More digits fit no column of the database, and thousands of them Python refuses to read.
    """
    if not text or len(text) > MAX_DIGITS or not (text.isascii() and text.isdigit()):
        return None
    return int(text)
