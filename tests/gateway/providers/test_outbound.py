"""Endpoints that are said to be outside reach nothing inside; others may."""

import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given
from hypothesis import strategies as st

from playground.core.errors import ProviderError
from playground.gateway import endpoints
from playground.gateway.configuration import Server
from playground.gateway.providers.openai_compatible import OpenAICompatible
from playground.gateway.providers.outbound import Outside, Refused, is_outside
from tests.gateway.providers.refusals import KEY, Upstream, ask, serving


class Named(AbstractResolver):
    """Resolves every name to the addresses given."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=each, port=port, family=family, proto=0, flags=0)
            for each in self.addresses
        ]

    async def close(self) -> None: ...


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001:0:53aa:64c::1",
        "2001:db8::1",
        "localhost",
        "",
    ],
)
def test_it_takes_an_address_for_inside_when_not_all_the_world_reaches_it(address: str) -> None:
    assert not is_outside(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "20.42.65.88", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_it_takes_an_address_for_outside_when_all_the_world_reaches_it(address: str) -> None:
    assert is_outside(address)


@given(st.ip_addresses(v=4))
def test_it_judges_an_address_alike_when_it_is_wrapped(address: object) -> None:
    assert is_outside(f"::ffff:{address}") == is_outside(str(address))


async def test_it_refuses_a_name_when_one_of_its_addresses_is_inside() -> None:
    with pytest.raises(Refused):
        await Outside(Named("1.1.1.1", "10.0.0.1")).resolve("example.com", 443)

    (only,) = await Outside(Named("1.1.1.1")).resolve("example.com", 443)
    assert only["host"] == "1.1.1.1"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "10.0.0.1",
        "169.254.169.254",
    ],
)
async def test_it_sends_nothing_inside_when_the_endpoint_is_external(host: str) -> None:
    upstream = Upstream()
    async with serving(upstream):
        port = upstream.url.rpartition(":")[2]
        provider = OpenAICompatible(
            name="up", base_url=f"http://{host}:{port}", api_key=KEY, external=True, connect_s=1
        )
        with pytest.raises(ProviderError) as asked:
            await ask(provider, streamed=True)
        with pytest.raises(ProviderError) as listed:
            await provider.models()
        await provider.close()

    assert (asked.value.code, asked.value.may_retry) == ("provider.address-refused", False)
    assert listed.value.code == "provider.address-refused"
    assert upstream.paths == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_it_reaches_inside_when_the_endpoint_is_not_external(host: str) -> None:
    upstream = Upstream()
    async with serving(upstream):
        url = upstream.url.replace("127.0.0.1", host)
        provider = OpenAICompatible(name="up", base_url=url, api_key=KEY)
        said = await ask(provider, streamed=True)
        await provider.close()

    assert said.gathered.text == "Hello"


async def test_it_goes_through_no_proxy_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proxy = Upstream()
    async with serving(proxy):
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url.removesuffix("/v1"))
        provider = OpenAICompatible(name="up", base_url="http://127.0.0.1:9/v1", api_key=KEY)
        with pytest.raises(ProviderError, match="unreachable"):
            await ask(provider, streamed=True)
        await provider.close()

    assert proxy.paths == []


async def test_it_connects_as_the_administrator_has_set() -> None:
    server = Server("up", "openai", base_url="http://127.0.0.1:9/v1", external=True)
    provider = endpoints.connect(server)

    with pytest.raises(ProviderError, match="address-refused"):
        await ask(provider, streamed=True)

    await provider.close()
