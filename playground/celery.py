"""The Celery application: a doorbell for work that PostgreSQL holds."""

import os
import threading

from celery import Celery
from celery.signals import setup_logging, worker_ready

from playground.core.pulse import start_pulse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "playground.settings")

app = Celery("playground")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_: object) -> None:
    """Leave the logs as the settings configured them."""


@worker_ready.connect
def show_a_pulse(**_: object) -> None:
    """Let ``/healthz`` see that this worker lives."""
    start_pulse(app.conf.broker_url)


@worker_ready.connect
def keep_the_ledger(**_: object) -> None:
    """Write down what calls of models have used."""
    from playground.gateway import keeping, watching

    keeping.start()
    watching.watch()


@worker_ready.connect
def keep_prompts_fresh(**_: object) -> None:
    """Notice beside the runs when a prompt has changed."""
    from playground.prompts.held import watching

    watching.watch("worker")


@worker_ready.connect
def warm_up(**_: object) -> None:
    """Load what the first run would wait for: the tokenizer, and the skills' embeddings."""
    threading.Thread(target=_load_models, name="warm-up", daemon=True).start()


def _load_models() -> None:
    from playground.gateway import tokens
    from playground.gateway.planner.toolbox import Tool, ranked
    from skills import registry

    tokens.count("warm up")
    ranked("warm up", [Tool(s.alias, s.description, s.input_schema) for s in registry.all()])
