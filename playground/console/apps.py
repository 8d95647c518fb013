from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """Pages that cross rooms: the shell, home, chat and runs."""

    name = "playground.console"
    label = "console"

    def ready(self) -> None:
        from playground.console import rendering
        from playground.messaging import rendering as socket_rendering

        socket_rendering.register(rendering.render_event)
