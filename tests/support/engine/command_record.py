"""The record of every part of a command, with the schema version since which it exists."""

from __future__ import annotations

import json
from pathlib import Path

RECORD = Path(__file__).parents[2] / "fixtures" / "commands.json"


RELEASED: dict[str, int] = json.loads(RECORD.read_text()) if RECORD.exists() else {}
