"""How many sockets are open, from the notifiers' metrics."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from http.client import HTTPException
from typing import Any

from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families

from core.metrics.definitions import FEED_DELIVERED, SLOW_CLIENTS, SOCKETS, Metric
from ops.probes import PROXYLESS
from ops.status.asked_parts import HTTP_TIMEOUT_S, Part, PartError, begin_all


class SocketState(Struct, frozen=True):
    """The sums over all notifiers that were asked."""

    notifiers: int
    by_feed: dict[str, int]
    slow_clients: int
    """Closed since the notifiers started because they read too slowly."""
    delivered: int | None
    """Position of the notifier that is furthest behind; None: none has delivered anything yet."""


def notifiers_part(targets: Sequence[str]) -> Part[SocketState]:
    """`targets` are `HOST:PORT`, each standing for all addresses of its host."""
    return Part("notifiers", partial(_read_sockets, targets))


def _read_sockets(targets: Sequence[str]) -> SocketState:
    """A sum without one of the notifiers would be wrong, so then there is none."""
    parts = [Part(url, partial(_scrape, url)) for url in dict.fromkeys(_urls(targets))]
    until = begin_all(parts, HTTP_TIMEOUT_S)
    return together([_scraped(part, until) for part in parts])


def _scraped(part: Part[SocketState], until: float) -> SocketState:
    reply = part.reply(until)
    if reply.value is None:
        raise PartError(f"no metrics at {part.name}: {reply.problem}")
    return reply.value


def _urls(targets: Sequence[str]) -> Iterator[str]:
    for target in targets:
        host, _, port = target.rpartition(":")
        try:
            found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
        except OSError:
            raise PartError(f"the host of {target} is unknown") from None
        for family, *_, address in found:
            number = str(address[0])
            yield f"http://{f'[{number}]' if family == socket.AF_INET6 else number}:{port}/metrics"


def _scrape(url: str) -> SocketState:
    try:
        with PROXYLESS.open(url, timeout=HTTP_TIMEOUT_S) as answer:
            families = {one.name: one for one in text_string_to_metric_families(answer.read().decode())}
    except (OSError, ValueError, HTTPException):
        raise PartError("nothing serves them there") from None
    sockets = families.get(SOCKETS.name)
    if sockets is None:
        raise PartError("these are another process's")
    return SocketState(
        notifiers=1,
        by_feed={sample.labels["feed"]: int(sample.value) for sample in sockets.samples},
        slow_clients=int(_only(families, SLOW_CLIENTS) or 0),
        delivered=int(_only(families, FEED_DELIVERED) or 0) or None,
    )


def _only(families: Mapping[str, Any], metric: Metric) -> float | None:
    """The value of a metric without labels."""
    family = families.get(metric.name.removesuffix("_total"))  # the parser takes it off a counter
    return family.samples[0].value if family is not None and family.samples else None


def together(states: Sequence[SocketState]) -> SocketState:
    """The sums; of the positions the smallest."""
    by_feed: Counter[str] = Counter()
    for state in states:
        by_feed.update(state.by_feed)
    delivered = [state.delivered for state in states]
    return SocketState(
        notifiers=sum(state.notifiers for state in states),
        by_feed=dict(by_feed),
        slow_clients=sum(state.slow_clients for state in states),
        delivered=min((one for one in delivered if one is not None), default=None),
    )
