from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """Pages that cross rooms: the shell, home, chat and runs."""

    name = "playground.console"
    label = "console"

    def ready(self) -> None:
        from playground.console import inspecting, rendering
        from playground.console.telling_traces import RunFeedback
        from playground.console.workbench import answering
        from playground.messaging import handlers
        from playground.messaging import rendering as socket_rendering
        from playground.tracing import feedback, showing

        handlers.register(answering.KIND, answering.answer)
        showing.expect(inspecting.expects_trace)
        showing.expect(answering.expects_trace)
        feedback.register(RunFeedback())
        socket_rendering.register(rendering.render_event)
