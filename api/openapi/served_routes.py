"""A Falcon router that can say which routes it serves, and by which responders."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

import falcon.asgi
from falcon.routing import CompiledRouter
from falcon.routing.converters import IntConverter
from msgspec import Struct

from api.http.errors import invalid
from api.http.fields import ID_MAX
from api.http.parameters import unknown_parameters
from api.openapi.operation import Operation, described_by

_FIELD = re.compile(r"\{(\w+)(?::(\w+)[^}]*)?\}")


class Served(Struct, frozen=True):
    """One method of one route."""

    template: str
    method: str
    responder: Callable[..., Any]

    @property
    def operation(self) -> Operation | None:
        return described_by(self.responder)

    @property
    def path(self) -> str:
        """As OpenAPI writes it; ours end in a slash, as in the contracts, but for files."""
        plain = _FIELD.sub(r"{\1}", self.template)
        is_short = "/" not in plain.strip("/")
        return plain if is_short or plain.endswith(".ics") else plain.rstrip("/") + "/"

    @property
    def fields(self) -> Mapping[str, str]:
        """The path's fields with Falcon's converter, or ''."""
        return dict(_FIELD.findall(self.template))

    @property
    def contract(self) -> str:
        """The package that serves it: a contract's, or one of the API's own parts."""
        parts: list[str] = self.responder.__module__.split(".")
        return parts[2] if parts[1] == "contracts" else parts[1]


class Id(IntConverter):
    """Falcon's `int`, for ids of rows: plain digits, within a bigint. Everything else is a 404."""

    def __init__(self) -> None:
        super().__init__(min=1, max=ID_MAX)

    def convert(self, value: str) -> int | None:
        return super().convert(value) if value.isascii() and value.isdigit() else None


class Routes(CompiledRouter):
    """The router of the app."""

    def __init__(self) -> None:
        super().__init__()
        self.options.converters["int"] = Id
        self._added: list[tuple[str, Mapping[str, Callable[..., Any]]]] = []

    def add_route(self, uri_template: str, resource: object, **kwargs: Any) -> None:
        super().add_route(uri_template, resource, **kwargs)
        self._added.append((uri_template, super().map_http_methods(resource, **kwargs)))

    def map_http_methods(self, resource: object, **kwargs: Any) -> dict[str, Callable[..., Any]]:
        """A route that has GET has HEAD: the same responder, whose body Falcon then leaves out (RFC 9110, 9.3.2)."""
        methods: dict[str, Callable[..., Any]] = super().map_http_methods(resource, **kwargs)
        return {**methods, "HEAD": methods["GET"]} if "GET" in methods else methods

    def operation(self, template: str, method: str) -> Operation | None:
        """What is described for a method of a route, by the route's template as it was added."""
        return self._described.get((template, "GET" if method == "HEAD" else method))

    @cached_property
    def _described(self) -> Mapping[tuple[str, str], Operation | None]:
        """Made when it is first needed: by then all routes are added."""
        return {(route.template, route.method): route.operation for route in self.served()}

    def served(self) -> Iterator[Served]:
        """All but HEAD, which answers as GET does and is not described by itself."""
        for template, methods in self._added:
            for method, responder in methods.items():
                yield Served(template, method, responder)


class UnknownParameters:
    """Falcon middleware; goes last. Refuses every parameter of a route that describes none."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes

    async def process_resource(
        self, req: falcon.asgi.Request, _resp: falcon.asgi.Response, _resource: object, _params: dict[str, Any]
    ) -> None:
        if not req.params:
            return
        operation = self._routes.operation(req.uri_template or "", req.method)
        if operation is not None and operation.query is None:
            raise invalid(unknown_parameters(req.params))
