"""Find skills by words and by meaning."""

from functools import lru_cache

import numpy as np

from playground.core import ranking
from playground.core.context import RequestContext
from playground.gateway.embeddings import embed
from skills import registry
from skills.declaring import Skill

MAX_QUERY_CHARS = 200
# Embedding similarities lie in a narrow band, so a match in meaning alone must stand out.
MIN_SIMILARITY = 0.82
STOP_WORDS = frozenset(
    "a an and are as at be by can do for from has how i in is it me my of on or the to what "
    "which who with you".split()
)


def search(context: RequestContext, query: str) -> list[Skill]:
    """Return the visible skills that fit, best first; all of them, by name, without a query."""
    skills = registry.visible_to(context)
    wanted = query.strip()[:MAX_QUERY_CHARS]
    if not wanted or not skills:
        return skills
    terms = [word for word in ranking.words(wanted) if word not in STOP_WORDS]
    by_words = dict(
        zip(
            [skill.name for skill in skills],
            ranking.bm25(terms, [_words(skill) for skill in skills]),
            strict=True,
        )
    )
    for skill in skills:
        # Somebody who types half a word wants to see it found.
        if any(word.startswith(term) for term in terms for word in _words(skill)):
            by_words[skill.name] += 0.5
    vector = embed([wanted], kind="query")[0]
    by_meaning = {
        skill.name: float(np.dot(vector, np.asarray(_vector(_text(skill))))) for skill in skills
    }
    fused = ranking.fuse([by_words, by_meaning], weights=[1.0, 0.7])
    fitting = [
        skill
        for skill in skills
        if by_words[skill.name] > 0 or by_meaning[skill.name] >= MIN_SIMILARITY
    ]
    return sorted(fitting, key=lambda skill: (-fused[skill.name], skill.name))


def _text(skill: Skill) -> str:
    return f"{skill.title}. {skill.description} {' '.join(skill.tags)}"


def _words(skill: Skill) -> list[str]:
    return ranking.words(f"{skill.name} {_text(skill)}")


@lru_cache(maxsize=4096)
def _vector(text: str) -> tuple[float, ...]:
    return tuple(float(number) for number in embed([text], kind="passage")[0])
