from django.apps import AppConfig


class MessagingConfig(AppConfig):
    """Lanes, messages, runs and events."""

    name = "playground.messaging"
    label = "messaging"
    verbose_name = "Messaging"

    def ready(self) -> None:
        """Let appended messages ring for a worker."""
        from playground.messaging import tasks  # noqa: F401
