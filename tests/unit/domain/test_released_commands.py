"""The record of what a released worker decodes is true: it is compared with the release itself."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.engine.command_record import RELEASED
from tests.upgrade.releases import NEW, previous

RECORD_IT = """
import json, runpy, sys
parts_of = runpy.run_path(sys.argv[1])["parts_of"]
from core.domain.commands import SCHEMA_VERSION, Actor, Command
def name_of(part):
    if isinstance(part, tuple):
        return f"{part[0].__name__}.{part[1]}"
    return part.__name__ if isinstance(part, type) else f"{type(part).__name__}={part.value}"
names = {name_of(part) for kind in (*Command.__args__, Actor) for part in parts_of(kind)}
print(json.dumps([SCHEMA_VERSION, sorted(names)]))
"""
"""The walk is this release's, over the commands of the one before."""


def test_the_record_names_exactly_what_the_previous_release_decodes(tmp_path: Path) -> None:
    walk = NEW.root / "core" / "domain" / "command_parts.py"
    version, names = json.loads(previous(tmp_path).run("-c", RECORD_IT, str(walk)))
    assert sorted(name for name, since in RELEASED.items() if since <= version) == names
