"""Look after ramps."""

from celery import shared_task

from playground.prompts.ramps import guarding_ramps


@shared_task
def judge_ramps() -> None:
    """Take back what got worse, and go on where it is time."""
    guarding_ramps.judge_all()
