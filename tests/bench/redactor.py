"""Measure what the stream redactor costs a chunk: ``python -m tests.bench.redactor``."""

import re
import timeit

from playground.gateway.guardrails.streaming import StreamRedactor

PROSE = "The quick brown fox jumps over the lazy dog, and nobody in the office minds. " * 20
MIXED = (
    "In 2024 we had 3 offices; write to bob.smith@example.com, call +49 170 1234567 or pay with "
    "4111 1111 1111 1111. The password: hunter2 and token sk-proj-abcdefghijklmnopqrstuv are on "
    "https://example.com/a?b=c since 2026-11-23 04:11. "
) * 10
REPEATS = 20


def per_chunk_us(text: str) -> float:
    """Return the mean cost of one chunk of one word with its leading space, in microseconds."""
    chunks = re.findall(r"\s*\S+", text)

    def run() -> None:
        redactor = StreamRedactor()
        for chunk in chunks:
            redactor.feed(chunk)
        redactor.end()

    return min(timeit.repeat(run, number=1, repeat=REPEATS)) / len(chunks) * 1e6


def whole_ms(text: str) -> float:
    """Return the cost of one text in one piece, in milliseconds."""

    def run() -> None:
        redactor = StreamRedactor()
        redactor.feed(text)
        redactor.end()

    return min(timeit.repeat(run, number=1, repeat=3)) * 1e3


def measure() -> None:
    """Print the figures."""
    print(f"prose, a word a chunk: {per_chunk_us(PROSE):.1f} µs a chunk")
    print(f"every other word suspicious: {per_chunk_us(MIXED):.1f} µs a chunk")
    for name, text in (("prose", PROSE), ("mixed", MIXED), ("no space", "a"), ("digits", "1 ")):
        whole = (text * (1_000_000 // len(text) + 1))[:1_000_000]
        print(f"1 MB of {name}, in one piece: {whole_ms(whole):.0f} ms")


if __name__ == "__main__":
    measure()
