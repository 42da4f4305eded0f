"""What one bulk may be."""

from __future__ import annotations

from core.store.inbox.bulk import Mode

ROWS_MAX = {Mode.EACH: 10_000, Mode.ALL_OR_NOTHING: 500}
ROW_MAX_BYTES = 64 * 1024
"""As much as a single call's body may have."""
BODY_MAX_BYTES = 16 * 1024 * 1024
PIECE_BYTES = 64 * 1024
"""What is read of a body at a time."""
READ_WITHIN_S = 60.0
"""From the first byte to the last: whoever sends slower holds a place that others wait for."""
AT_ONCE = 4
"""Bulks that one API process reads at a time; their rows lie in memory until all are on disk."""
SLICE_S = 0.002
"""How long judging rows may keep an API process to itself before others have their turn."""
