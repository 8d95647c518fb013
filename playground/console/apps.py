from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """Pages that cross rooms: the shell, home, chat and runs."""

    name = "playground.console"
    label = "console"

    def ready(self) -> None:
        from playground.console import inspecting, rendering, telling_traces
        from playground.console.workbench import answering, opening
        from playground.messaging import feedback, handlers
        from playground.messaging import rendering as socket_rendering
        from playground.prompts.pages import trying
        from playground.tracing import feedback as traced
        from playground.tracing import showing

        handlers.register(answering.KIND, answering.answer)
        showing.expect(inspecting.expects_trace)
        showing.expect(answering.expects_trace)
        feedback.register(telling_traces.hint)
        traced.register(telling_traces.Remembered())
        socket_rendering.register(rendering.render_event)
        trying.register(opening.page_of_draft)
