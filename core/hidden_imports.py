"""Hides optional packages from the libraries that would import them for nothing.

Some libraries import an optional package wherever it is installed, for features that we do not use. Each process would
pay for that at its start, in processor time and in memory. All of them work without the package. `core` installs this
before anything of ours imports them; docs/dependencies.md says what each import costs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType

HIDDEN: Mapping[str, tuple[str, ...]] = {
    "jwt.algorithms": ("cryptography",),  # pyjwt: our tokens are signed by HMAC, which is Python's own
    "jwt.utils": ("cryptography",),
    "redis.observability.metrics": ("opentelemetry",),  # metrics that nothing here switches on
    "redis.observability.providers": ("opentelemetry",),
    # `RequestsClient`, which we name, imports requests when it is made.
    "stripe._http_client": ("requests", "httpx", "aiohttp"),
    "structlog.dev": ("rich",),  # drawn tracebacks: our logs are JSON
    "structlog.tracebacks": ("rich",),
}
"""By module: the packages that it does not find."""


class _Loader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        with _hidden(HIDDEN[module.__name__]):
            super().exec_module(module)


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in HIDDEN:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = _Loader(fullname, spec.origin)
        return spec


@contextmanager
def _hidden(packages: Iterable[str]) -> Iterator[None]:
    """Makes their import fail, and that of whatever is in them, whether or not they are imported already."""
    inside = tuple(f"{one}." for one in packages)
    known = {name: sys.modules.pop(name) for name in list(sys.modules) if name in packages or name.startswith(inside)}
    for one in packages:
        sys.modules[one] = None  # type: ignore[assignment]  # Python's own word for it
    try:
        yield
    finally:
        for one in packages:
            del sys.modules[one]
        sys.modules.update(known)


def patch() -> None:
    """Call once in each process, before any of these libraries is imported."""
    sys.meta_path.insert(0, _Finder())
