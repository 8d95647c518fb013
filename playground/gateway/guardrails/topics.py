"""Tell whether a text is about one of some banned topics, by its likeness to examples.

Embedding models put all texts close together: with multilingual-e5 unrelated ones have a cosine of
about 0.73 and paraphrases 0.85 or more, and short texts differ from long ones. So a text's
likeness to an example is compared with the same text's likeness to sentences about nothing in
particular.

Source: Wang et al. 2024, "Multilingual E5 Text Embeddings" (the narrow band of the similarities).
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Embed = Callable[[Sequence[str]], np.ndarray]

WINDOW = 80
"""Characters of one window: one sentence or two. In longer ones a lone sentence goes under."""
MAX_WINDOWS = 64
"""Windows of one text, about. A longer text has longer ones, so that none of it goes unread."""
MARGIN = 0.065
"""Tuned, as all three, on the texts in tests/gateway/guardrails/subjects.py."""
WIDENING = 0.003
"""Added to the margin for each doubling of the windows: many chances make a chance hit likely."""

BACKGROUND = (
    "What time does the meeting start tomorrow?",
    "Please summarise this document for me.",
    "How do I install this program on my computer?",
    "Can you write a short story about a dog?",
    "Translate this sentence into English.",
    "Which city has the most inhabitants?",
    "The report has to be finished by Friday.",
    "Why does my code raise an error?",
    "Thank you very much for your help.",
    "Recommend a good restaurant near the station.",
    "What is the weather like today?",
    "Write a polite reply to this customer.",
    "Explain this to me in simple words.",
    "Which candidate fits this job best?",
    "How much does the ticket cost?",
    "I would like to change my address.",
    "Wie komme ich am besten zum Bahnhof?",
    "¿Qué película me recomiendas para esta noche?",
    "Peux-tu corriger ce texte ?",
    "这本书讲的是什么?",
)
"""What people ask assistants about otherwise."""

_SENTENCE = re.compile(r"[^.!?。！？\n]+[.!?。！？\n]*\s*")


@dataclass(frozen=True, slots=True)
class Topic:
    """The topic that a text is most like.

    Args:
        name: of the topic.
        score: cosine with its nearest example, less the mean with the background, -1 to 1.
        banned: whether the score reaches the margin.
    """

    name: str
    score: float
    banned: bool


class Topics:
    """Compare texts with the examples of banned topics.

    Args:
        examples: to each topic some sentences on it; four to ten, worded differently, in any
            language.
        embed: returns one normalised vector a text, (n, d). It is called once with all examples,
            when the first text comes, and once for each text: it may take long.
        margin: from which score a text of one window counts as on the topic.
    """

    def __init__(
        self, examples: Mapping[str, Sequence[str]], embed: Embed, *, margin: float = MARGIN
    ) -> None:
        self._names = [topic for topic, texts in examples.items() for _ in texts]
        self._examples = [text for texts in examples.values() for text in texts]
        self._embed = embed
        self._margin = margin
        self._known: tuple[np.ndarray, np.ndarray] | None = None

    def nearest(self, text: str) -> Topic | None:
        """Return the topic that some part of the text is most like; None without text or topic."""
        parts = windows(text)
        if not parts or not self._examples:
            return None
        if self._known is None:
            self._known = self._embed(self._examples), self._embed(BACKGROUND)
        vectors = self._embed(parts)
        near, background = (vectors @ known.T for known in self._known)
        scores = near - background.mean(axis=1, keepdims=True)
        best = int(np.argmax(scores.max(axis=0)))
        score = float(scores[:, best].max())
        margin = self._margin + WIDENING * math.log2(len(parts))
        return Topic(self._names[best], round(score, 4), score >= margin)


def windows(text: str) -> list[str]:
    """Cut a text into windows of whole sentences; sentences longer than a window are cut too."""
    size = max(WINDOW, len(text) // MAX_WINDOWS)
    parts: list[str] = []
    current = ""
    for found in _SENTENCE.finditer(text):
        for at in range(0, len(found.group()), size):
            piece = found.group()[at : at + size]
            if current and len(current) + len(piece) > size:
                parts.append(current)
                current = ""
            current += piece
    return [part.strip() for part in (*parts, current) if part.strip()]
