"""The clock of periodic tasks, without Django: it only sends names, so it stays small."""

from celery import Celery
from celery.schedules import crontab

from playground import settings

app = Celery("beat", fixups=[], broker=settings.CELERY_BROKER_URL)
app.conf.update(
    broker_transport_options=settings.CELERY_BROKER_TRANSPORT_OPTIONS,
    broker_connection_retry_on_startup=True,
    task_default_queue=settings.CELERY_TASK_DEFAULT_QUEUE,
    task_ignore_result=True,
    timezone=settings.CELERY_TIMEZONE,
    worker_hijack_root_logger=False,
    beat_schedule={
        "probe endpoints": {
            "task": "playground.gateway.tasks.probe_endpoints",
            "schedule": 15.0,
            # Rounds that nobody could make are not made up for.
            "options": {"expires": 15},
        },
        "judge ramps": {
            "task": "playground.prompts.tasks.judge_ramps",
            "schedule": 15.0,
            "options": {"expires": 15},
        },
        "forget expired sessions": {
            "task": "playground.core.tasks.forget_expired_sessions",
            "schedule": crontab(hour="3", minute="17"),
        },
    },
)
