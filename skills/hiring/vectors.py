"""The sample's embeddings, committed because 2,000 of them take minutes to make."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from playground.gateway.embeddings import embed
from skills.hiring.generation import CandidateDraft, JobDraft

FILE = Path(__file__).parent / "data" / "vectors.npz"
Vectors = NDArray[np.float32]


def text_of_candidate(candidate: CandidateDraft) -> str:
    """Return what is embedded for a candidate."""
    return (
        f"{candidate.headline}. {candidate.city}. {', '.join(candidate.skills)}. "
        f"{', '.join(candidate.industries)}. {candidate.summary}"
    )


def text_of_job(job: JobDraft) -> str:
    """Return what is embedded for a job."""
    return f"{job.title} at {job.company}, {job.city}, {job.industry}. {job.description}"


def make(texts: Sequence[str]) -> Vectors:
    """Embed texts as passages: (n, 384) float32, normalised."""
    rows = [embed(texts[start : start + 64], kind="passage") for start in range(0, len(texts), 64)]
    return np.concatenate(rows)


def store(candidates: Vectors, jobs: Vectors) -> None:
    """Write both arrays as float16, compressed."""
    np.savez_compressed(
        FILE, candidates=candidates.astype(np.float16), jobs=jobs.astype(np.float16)
    )


def committed() -> tuple[Vectors, Vectors]:
    """Return the stored vectors of candidates (2000, 384) and jobs (50, 384), normalised."""
    with np.load(FILE) as stored:
        return _normalised(stored["candidates"]), _normalised(stored["jobs"])


def _normalised(rows: "NDArray[np.float16]") -> Vectors:
    wide = rows.astype(np.float32)
    normalised: Vectors = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    return normalised
