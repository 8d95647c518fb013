"""Prompts: versioned Jinja messages, rendered in a sandbox."""

from django.apps import AppConfig


class PromptsConfig(AppConfig):
    name = "playground.prompts"
    label = "prompts"
    verbose_name = "Prompts"

    def ready(self) -> None:
        """Let calls of models name prompts, and programs ask for them below ``/v1``."""
        from playground.gateway import prompting
        from playground.gateway.door import routes
        from playground.prompts import changing, door, watching
        from playground.prompts.resolving import resolve

        prompting.register(resolve)
        routes.register(door.PREFIX, door.route_of)
        changing.on_change(watching.hint)
