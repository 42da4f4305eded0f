"""`python -m tests.faults.clients ORDERS`: one client process; SIGTERM lets it finish what it began, and end."""

from __future__ import annotations

import random
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from tests.faults.clients import desk_stories, market_stories
from tests.faults.clients.caller import Caller
from tests.faults.clients.listening import Listener
from tests.faults.clients.orders import Orders
from tests.faults.clients.scene import Scene
from tests.faults.history.records import HistoryWriter

STORIES: Mapping[str, Callable[[Scene], None]] = {
    "slots": desk_stories.slots,
    "edits": desk_stories.edits,
    "bulks": desk_stories.bulks,
    "closures": desk_stories.closures,
    "rooms": market_stories.rooms,
    "hours": market_stories.hours,
    "seats": market_stories.seats,
    "credits": market_stories.credits_,
    "time slots": market_stories.time_slots,
}
LISTEN = "listen"
failed = threading.Event()


def main() -> int:
    orders = msgspec.json.decode(sys.argv[1].encode(), type=Orders)
    over = threading.Event()
    for which in (signal.SIGTERM, signal.SIGINT):
        signal.signal(which, lambda *_: over.set())
    threads = [threading.Thread(target=act) for act in _acts(orders, over)]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():  # a join without an end would not let the signal's handler run
            thread.join(0.5)
    return 1 if failed.is_set() else 0


def _acts(orders: Orders, over: threading.Event) -> list[Callable[[], None]]:
    if orders.things is None:
        lock = threading.Lock()
        listeners = [Listener(orders, number, lock) for number, _ in enumerate(orders.stories)]
        return [_guarded(lambda one=one: one.listen(over)) for one in listeners]  # type: ignore[misc]
    history = HistoryWriter(Path(orders.history))
    return [
        _guarded(lambda n=n, story=story: _play(orders, n, story, history, over))  # type: ignore[misc]
        for n, story in enumerate(orders.stories)
    ]


def _guarded(act: Callable[[], None]) -> Callable[[], None]:
    """A client that fails by a mistake of its own must not look like one that had nothing to do."""

    def guarded() -> None:
        try:
            act()
        except BaseException:  # noqa: BLE001 - told, and the process's code says so
            traceback.print_exc()
            failed.set()

    return guarded


def _play(orders: Orders, number: int, story: str, history: HistoryWriter, over: threading.Event) -> None:
    chance = random.Random(f"{orders.seed} {orders.name} {number} caller")  # noqa: S311 - a test's
    caller = Caller(f"{orders.name}.{number}", orders.api_urls, history, chance)
    caller.over = over
    scene = Scene(orders, number, caller)
    while not over.is_set():
        STORIES[story](scene)
        over.wait(orders.pace_s)
    caller.repeat_what_is_due(all_of_them=True)
    caller.close()


if __name__ == "__main__":
    sys.exit(main())
