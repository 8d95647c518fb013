"""Agents: versioned wirings of prompt, skills and model, and the runs that fulfil them."""

from django.apps import AppConfig


class AgentsConfig(AppConfig):
    name = "agents"
    label = "agents"
    verbose_name = "Agents"

    def ready(self) -> None:
        """Offer messaging the handler of threads and the verb that posts to them.

        Prompts are told which agents use them.
        """
        from agents.execution import answer
        from agents.threads import post_message
        from agents.using import agents_using
        from playground.messaging import handlers, posting
        from playground.prompts.relying import register_users

        handlers.register("thread", answer)
        posting.register(post_message)
        register_users(agents_using)
