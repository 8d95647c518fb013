"""Prompts: versioned Jinja messages, rendered in a sandbox."""

from django.apps import AppConfig


class PromptsConfig(AppConfig):
    name = "playground.prompts"
    label = "prompts"
    verbose_name = "Prompts"

    def ready(self) -> None:
        """Let calls of models and programs name prompts; let ramps choose, and learn of both.

        They learn of what is said of runs, too.
        """
        from playground.gateway import keeping, prompting
        from playground.gateway.door import routes
        from playground.messaging import feedback
        from playground.prompts import changing
        from playground.prompts.held import door, watching
        from playground.prompts.ramps.hearing_feedback import hear
        from playground.prompts.ramps.observing_calls import observe
        from playground.prompts.ramps.steering import steer
        from playground.prompts.resolving import register_assigner, resolve

        prompting.register(resolve)
        register_assigner(steer)
        keeping.register(observe)
        feedback.register(hear)
        routes.register(door.PREFIX, door.route_of)
        changing.on_change(watching.hint)
