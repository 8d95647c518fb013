"""The policy room: people, keys, decisions and the audit log."""

from django.apps import AppConfig
from django.contrib.admin import apps as django_admin


class PolicyConfig(AppConfig):
    name = "playground.policy"
    label = "policy"
    verbose_name = "Policy"
    default = True
    default_auto_field = "django.db.models.BigAutoField"


class AdminConfig(django_admin.AdminConfig):
    """Django's administration, on our own site."""

    default = False
    default_site = "playground.policy.administering.Site"
