"""Prompts: versioned Jinja messages, rendered in a sandbox."""

from django.apps import AppConfig


class PromptsConfig(AppConfig):
    name = "playground.prompts"
    label = "prompts"
    verbose_name = "Prompts"
