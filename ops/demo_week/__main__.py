"""`python -m ops.demo_week URL [STRIPE_URL]`: the demo's week, at a demo that runs. Once there is one, it does nothing."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from ops.demo_week.catalogue import CatalogueError
from ops.demo_week.client import Client
from ops.demo_week.week import make


def main(url: str, stripe_url: str | None) -> int:
    """The last line says how it went; the lines before it what was refused."""
    today = datetime.now(UTC).date()
    client = Client(url, today.isoformat())
    try:
        is_new = make(client, today, stripe_url)
    except (OSError, CatalogueError) as problem:
        print(f"The demo's week is not there: {problem}")
        return 1
    for refusal in client.refused:
        print(refusal)
    done = f"{client.changed} changes, {len(client.refused)} refused" if is_new else "it was there already"
    print(f"The demo's week is booked ({done}).")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None))  # noqa: PLR2004 - the optional second
