"""redis-py without OpenTelemetry: unpatched, it imports the SDK for metrics wherever that is installed.

That costs each process a tenth of a second at its start and some megabytes, for metrics that redis-py records only where
it is told to, which nothing here does. `core` patches it before anything of ours can import redis-py.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType

PATCHED = frozenset({"redis.observability.metrics", "redis.observability.providers"})
HIDDEN = "opentelemetry"


class _Loader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        with _hidden():
            super().exec_module(module)


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in PATCHED:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = _Loader(fullname, spec.origin)
        return spec


@contextmanager
def _hidden() -> Iterator[None]:
    """Makes its import fail, as if it were not installed, which redis-py provides for."""
    known = sys.modules.get(HIDDEN)
    sys.modules[HIDDEN] = None  # type: ignore[assignment]  # Python's own word for it
    try:
        yield
    finally:
        del sys.modules[HIDDEN]
        if known is not None:
            sys.modules[HIDDEN] = known


def patch() -> None:
    """Call once in each process, before redis-py is imported."""
    sys.meta_path.insert(0, _Finder())
