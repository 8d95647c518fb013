from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """Pages that cross rooms: the shell, home, chat and runs."""

    name = "playground.console"
    label = "console"

    def ready(self) -> None:
        from playground.console import inspecting, rendering
        from playground.messaging import rendering as socket_rendering
        from playground.tracing import showing

        showing.expect(inspecting.expects_trace)
        socket_rendering.register(rendering.render_event)
