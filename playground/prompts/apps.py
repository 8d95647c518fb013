"""Prompts: versioned Jinja messages, rendered in a sandbox."""

from django.apps import AppConfig


class PromptsConfig(AppConfig):
    name = "playground.prompts"
    label = "prompts"
    verbose_name = "Prompts"

    def ready(self) -> None:
        """Let calls of models name prompts."""
        from playground.gateway import prompting
        from playground.prompts.resolving import resolve

        prompting.register(resolve)
