"""The policy room: people, keys, decisions and the audit log."""

from django.apps import AppConfig


class PolicyConfig(AppConfig):
    name = "playground.policy"
    label = "policy"
    verbose_name = "Policy"
    default_auto_field = "django.db.models.BigAutoField"
