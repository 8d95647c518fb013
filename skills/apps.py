"""Skills: what agents can do, declared once and called by people, models and programs."""

from django.apps import AppConfig


class SkillsConfig(AppConfig):
    name = "skills"
    label = "skills"
    verbose_name = "Skills"

    def ready(self) -> None:
        """Tell prompts which skills use them."""
        from playground.prompts.relying import register_users
        from skills import checks  # noqa: F401
        from skills.prompting import skills_using

        register_users(skills_using)
