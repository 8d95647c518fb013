from django.apps import AppConfig


class SkillsConfig(AppConfig):
    name = "skills"
    label = "skills"
    verbose_name = "Skills"

    def ready(self) -> None:
        from skills import checks  # noqa: F401
