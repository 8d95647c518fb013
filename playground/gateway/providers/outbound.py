"""Keep calls of endpoints outside this network from reaching anything inside it.

What a name resolves to is judged, and exactly that is connected to: a name that changes its
address between two looks gains nothing.

Source: RFC 6890 (addresses of special purpose), RFC 6052 (IPv4 within IPv6).
"""

import ipaddress
import socket

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

# A translator sends these on to the IPv4 address in them.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Refused(OSError):
    """An address that is not outside this network."""


class Outside(AbstractResolver):
    """Resolve names to global addresses only; one that leads inside is refused whole."""

    def __init__(self, resolver: AbstractResolver | None = None) -> None:
        self._resolver = resolver or aiohttp.DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        if not all(is_outside(each["host"]) for each in found):
            raise Refused(host)
        return found

    async def close(self) -> None:
        await self._resolver.close()


def check(url: str) -> None:
    """Refuse an address that the URL itself spells out; names are left to the resolver.

    Raises:
        Refused: it is not outside, or is one of those numbers that sockets take for an address.
    """
    host = URL(url).host or ""
    spelled_out = _address(host) is not None or host.replace(".", "").isdigit()
    if spelled_out and not is_outside(host):
        raise Refused(host)


def is_outside(text: str) -> bool:
    """Return whether an address is reachable for all the world, and no group's or reserved one."""
    address = _address(text)
    if isinstance(address, ipaddress.IPv6Address):
        embedded = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            embedded = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if embedded is not None:
            address = embedded
        elif address.is_site_local or address.teredo is not None:
            return False
    return (
        address is not None
        and address.is_global
        and not (address.is_multicast or address.is_reserved or address.is_unspecified)
    )


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
