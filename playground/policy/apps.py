"""The policy room: people, keys, decisions and the audit log."""

from django.apps import AppConfig
from django.contrib.admin import apps


class PolicyConfig(AppConfig):
    name = "playground.policy"
    label = "policy"
    verbose_name = "Policy"
    default = True
    default_auto_field = "django.db.models.BigAutoField"


class AdministrationConfig(apps.AdminConfig):
    """Django's administration behind our own door."""

    # Not what "playground.policy" means, which it would inherit to be.
    default = False
    default_site = "playground.policy.administering.Administration"
