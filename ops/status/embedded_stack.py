"""The embedded stack that runs on a data folder: its settings, and where its processes serve."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from core.settings import Settings


class NotRunningError(Exception):
    """Nothing runs on the folder; the message says what to do."""


class RunningStack(Struct, frozen=True):
    settings: Settings
    notifiers: tuple[str, ...]
    """`HOST:PORT` of their metrics."""


def running_stack(folder: Path) -> RunningStack:
    """Raises `NotRunningError`."""
    try:
        return _running(folder.resolve())
    except PermissionError as problem:
        reason = f"{problem.filename}: {problem.strerror}"
        raise NotRunningError(f"{reason}. Run it as the user who started holdfast run.") from None


def _running(folder: Path) -> RunningStack:
    from core.settings import from_environment  # noqa: PLC0415 - the image has no embedded stack
    from ops.embedded.data_folder import MARKER, DataFolder  # noqa: PLC0415 - as above
    from ops.embedded.programs import Programs  # noqa: PLC0415 - as above

    data = DataFolder(folder)
    if not (data.folder / MARKER).exists():
        raise NotRunningError(
            f"{data.folder} is no data folder of Holdfast. Name the one that was given to holdfast run."
        )
    try:
        ports = json.loads((data.run / "ports.json").read_text())
        targets = json.loads(data.metrics_targets.read_text())
    except (FileNotFoundError, ValueError):
        ports, targets = {}, []
    if not ports or not data.record.exists():
        raise NotRunningError(f"Holdfast does not run on {data.folder}. holdfast run starts it.")
    programs = Programs(data, data.front_door_port or ports["api"], ports)
    notifiers = [one["targets"] for one in targets if one["labels"]["process"] == "notifier"]
    return RunningStack(
        settings=from_environment(programs.environment()),
        notifiers=tuple(target for some in notifiers for target in some),
    )
