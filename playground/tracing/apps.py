"""Register the store and the live view as sinks for spans."""

from django.apps import AppConfig


class TracingConfig(AppConfig):
    """Spans stored, followed live and shown."""

    name = "playground.tracing"
    label = "tracing"
    verbose_name = "Tracing"

    def ready(self) -> None:
        from django.conf import settings

        from playground.core import spans
        from playground.tracing import checks as checks
        from playground.tracing.publishing import LiveSink
        from playground.tracing.storing import StoreSink

        spans.configure(
            capture=settings.PLAYGROUND_CAPTURE, hash_key=settings.SECRET_KEY.encode("utf-8")
        )
        # Who watches a trace sees it by the other: rows may come in fewer, larger steps.
        spans.register_sink(StoreSink(), interval_s=0.15)
        spans.register_sink(LiveSink(settings.REDIS_URL))
