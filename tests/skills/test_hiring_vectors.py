import numpy as np

from skills.hiring import generation, vectors


def test_it_has_fitting_vectors_when_a_sample_is_embedded_afresh() -> None:
    people, openings = vectors.committed()
    drafts, jobs = generation.candidates(), generation.jobs()
    chosen = [0, 41, 500, 777, 1111, 1500, 1789, 1999]

    fresh = vectors.make([vectors.text_of_candidate(drafts[each]) for each in chosen])
    fresh_jobs = vectors.make([vectors.text_of_job(jobs[each]) for each in (0, 17, 33, 49)])

    assert people.shape == (generation.CANDIDATES, 384)
    assert openings.shape == (generation.JOBS, 384)
    assert np.sum(fresh * people[chosen], axis=1).min() >= 0.999
    assert np.sum(fresh_jobs * openings[[0, 17, 33, 49]], axis=1).min() >= 0.999


def test_it_stays_small_when_committed() -> None:
    assert vectors.FILE.stat().st_size < 2_500_000


def test_it_makes_the_same_people_when_made_twice() -> None:
    first, second = generation.candidates(), generation.candidates()

    assert first == second
    assert len({each.name for each in first}) == generation.CANDIDATES
    assert len({each.summary for each in first}) > 0.99 * generation.CANDIDATES
