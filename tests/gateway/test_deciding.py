"""What is decided about texts is decided once, and at a price with an end."""

from playground.gateway import deciding
from playground.gateway.deciding import MAX_WINDOWS, Verdicts
from playground.gateway.guardrails.topics import windows


def test_it_forgets_the_oldest_when_there_are_too_many() -> None:
    verdicts = Verdicts(most=2)
    verdicts.keep(b"a", "")
    verdicts.keep(b"b", "bad")

    assert verdicts.of(b"a") == ""
    verdicts.keep(b"c", "")

    assert [verdicts.of(name) for name in (b"a", b"b", b"c")] == ["", None, ""]


def test_it_looks_at_the_newest_texts_one_by_one_and_at_all_others_together() -> None:
    texts = {str(n).encode(): f"This is sentence number {n}. " * 9 for n in range(1000)}

    alone, together = deciding._divided(texts)

    assert 0 < sum(len(windows(text)) for text in alone.values()) <= MAX_WINDOWS
    assert b"999" in alone
    assert all(text in together for name, text in texts.items() if name not in alone)
