from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """Pages that cross rooms: the shell, home, chat and runs."""

    name = "playground.console"
    label = "console"

    def ready(self) -> None:
        from playground.console import inspecting, rendering
        from playground.console.workbench import answering, opening
        from playground.messaging import handlers
        from playground.messaging import rendering as socket_rendering
        from playground.prompts.pages import trying
        from playground.tracing import showing

        handlers.register(answering.KIND, answering.answer)
        showing.expect(inspecting.expects_trace)
        showing.expect(answering.expects_trace)
        socket_rendering.register(rendering.render_event)
        trying.register(opening.page_of_draft)
