"""Look after ramps."""

from celery import shared_task

from playground.prompts.ramps import guarding_ramps, telling_once


@shared_task
def judge_ramps() -> None:
    """Take back what got worse, and go on where it is time."""
    guarding_ramps.judge_all()
    telling_once.forget()
