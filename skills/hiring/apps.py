from django.apps import AppConfig


class HiringConfig(AppConfig):
    name = "skills.hiring"
    label = "hiring"
    verbose_name = "Hiring"
