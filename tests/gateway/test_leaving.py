"""A process that ends closes its connections with endpoints; ``test_ledger_drill`` stops one."""

import asyncio
import gc

from playground.gateway import endpoints, looping
from playground.gateway.configuration import Model, Server
from playground.gateway.providers.openai_compatible import OpenAICompatible
from tests.gateway.upstream import refuse, serve


def test_it_leaves_no_connection_open_when_an_endpoint_was_changed_before_the_end() -> None:
    unclosed: list[str] = []

    async def call_change_and_leave() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, told: unclosed.append(told["message"]))
        async with serve() as endpoint:
            endpoint.answer = refuse(200, '{"data": []}')
            for secret in ("old", "new"):
                server = Server("leaving", "openai", endpoint.url, secret=secret, external=False)
                provider = endpoints.provider_of(Model("m", server))
                assert isinstance(provider, OpenAICompatible)
                assert await provider.models() == []
            await looping.close()

    asyncio.run(call_change_and_leave())
    gc.collect()

    assert unclosed == []
