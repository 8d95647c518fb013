"""Prompts: versioned Jinja messages, rendered in a sandbox."""

from django.apps import AppConfig


class PromptsConfig(AppConfig):
    name = "playground.prompts"
    label = "prompts"
    verbose_name = "Prompts"

    def ready(self) -> None:
        """Let calls of models and programs name prompts, and ramps choose and learn of calls."""
        from playground.gateway import keeping, prompting
        from playground.gateway.door import routes
        from playground.prompts import changing
        from playground.prompts.held import door, watching
        from playground.prompts.ramps.observing_calls import observe
        from playground.prompts.ramps.steering import steer
        from playground.prompts.resolving import register_assigner, resolve

        prompting.register(resolve)
        register_assigner(steer)
        keeping.register(observe)
        routes.register(door.PREFIX, door.route_of)
        changing.on_change(watching.hint)
