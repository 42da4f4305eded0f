"""The hub: one behaviour each."""

from __future__ import annotations

from core.wire.close_codes import LOGIN_ENDED, TOO_SLOW
from notifier.hub import Hub, Message
from notifier.limits import Limits
from notifier.subscriber import Subscriber

LIMITS = Limits(queued_messages=5, queued_bytes=100)


def hub_at(number: int) -> Hub:
    hub = Hub()
    hub.reset("e", number, b"reload")
    return hub


def subscriber(*audiences: str) -> Subscriber:
    return Subscriber(audiences or ("admin",), LIMITS, lambda: None)


def message(number: int, *audiences: str) -> Message:
    return Message(number, audiences or ("admin",), b"m%d" % number)


def tell(hub: Hub, *messages: Message) -> None:
    hub.announce(messages[-1].number)
    hub.deliver(messages, messages[-1].number)


def queued(one: Subscriber) -> list[bytes]:
    taken = []
    while (payload := one.take()) is not None:
        taken.append(payload)
    return taken


def test_a_subscriber_at_the_head_is_live_at_once() -> None:
    hub, one = hub_at(5), subscriber()
    assert hub.join(one, 5) is None
    tell(hub, message(6))
    assert queued(one) == [b"m6"]


def test_a_subscriber_ahead_of_the_hub_is_not_sent_what_it_has() -> None:
    hub, one = hub_at(5), subscriber()
    assert hub.join(one, 7) is None
    tell(hub, message(6), message(7), message(8))
    assert queued(one) == [b"m8"]


def test_news_is_held_for_one_who_catches_up_and_follows_what_it_is_given() -> None:
    hub, one = hub_at(5), subscriber()
    assert hub.join(one, 3) == 5
    tell(hub, message(6))
    one.put(b"m4")
    one.put(b"m5")
    hub.release(one)
    tell(hub, message(7))
    assert queued(one) == [b"m4", b"m5", b"m6", b"m7"]


def test_a_subscriber_that_joins_while_a_page_is_on_its_way_reads_that_page_itself() -> None:
    """Nobody wanted it when it was announced, so it was not rendered."""
    hub, one = hub_at(5), subscriber()
    hub.announce(9)
    assert hub.join(one, 5) == 9
    hub.deliver([message(8)], 9)
    hub.release(one)
    assert queued(one) == []


def test_an_announced_page_that_failed_is_told_again_to_those_who_waited_for_it() -> None:
    hub, early, late = hub_at(5), subscriber(), subscriber()
    hub.join(early, 5)
    hub.announce(7)
    assert hub.delivered == 5
    hub.join(late, 7)
    tell(hub, message(6), message(7), message(8))
    assert queued(early) == [b"m6", b"m7", b"m8"]
    assert queued(late) == [b"m8"]


def test_nobody_hears_what_is_for_others() -> None:
    hub, one, other = hub_at(0), subscriber("owner:user:1"), subscriber("owner:user:2")
    hub.join(one, 0)
    hub.join(other, 0)
    tell(hub, message(1, "owner:user:1"))
    assert queued(one) == [b"m1"]
    assert queued(other) == []


def test_a_member_of_two_audiences_hears_a_message_once() -> None:
    hub, one = hub_at(0), subscriber("owner:user:1", "command:x")
    hub.join(one, 0)
    tell(hub, message(1, "command:x", "owner:user:1"))
    assert queued(one) == [b"m1"]


def test_a_watched_command_is_forgotten_once_it_is_told() -> None:
    hub, one = hub_at(0), subscriber("command:x")
    hub.join(one, 0)
    tell(hub, message(1, "command:x"))
    assert not hub.wants("command:x")
    assert one.audiences == set()


def test_a_watched_command_is_kept_by_one_who_is_still_to_read_it() -> None:
    hub, one = hub_at(0), subscriber("command:x")
    hub.announce(1)
    hub.join(one, 0)
    hub.deliver([message(1, "command:x")], 1)
    assert one.audiences == {"command:x"}


def test_the_hub_wants_only_what_somebody_listens_to() -> None:
    hub, one = hub_at(0), subscriber()
    assert not hub.wants("admin")
    hub.join(one, 0)
    assert hub.wants("admin")
    hub.leave(one)
    assert not hub.wants("admin")


def test_a_subscriber_that_left_keeps_what_is_queued_and_hears_no_more() -> None:
    hub, one = hub_at(0), subscriber()
    hub.join(one, 0)
    tell(hub, message(1))
    hub.leave(one)
    tell(hub, message(2))
    assert queued(one) == [b"m1"]


def test_one_who_reads_too_few_messages_is_ended_and_let_go() -> None:
    hub, slow, quick = hub_at(0), subscriber(), subscriber()
    for one in (slow, quick):
        hub.join(one, 0)
    for number in range(1, 8):
        tell(hub, message(number))
        assert queued(quick) == [b"m%d" % number]
    assert slow.closing is TOO_SLOW
    assert slow.is_empty
    hub.leave(quick)
    assert not hub.wants("admin")


def test_one_who_reads_too_few_bytes_is_ended() -> None:
    hub, one = hub_at(0), subscriber()
    hub.join(one, 0)
    tell(hub, Message(1, ("admin",), b"x" * 101))
    assert one.closing is TOO_SLOW


def test_what_is_held_counts_as_waiting() -> None:
    hub, one = hub_at(1), subscriber()
    hub.join(one, 0)
    for number in range(2, 8):
        tell(hub, message(number))
    assert one.closing is TOO_SLOW


def test_what_was_read_makes_room() -> None:
    hub, one = hub_at(0), subscriber()
    hub.join(one, 0)
    for number in range(1, 100):
        tell(hub, message(number))
        one.take()
    assert one.closing is None


def test_the_first_reason_to_close_stays() -> None:
    one = subscriber()
    one.cut(LOGIN_ENDED)
    one.end(TOO_SLOW)
    one.put(b"more")
    assert one.closing is LOGIN_ENDED
    assert one.is_empty


def test_a_reset_sends_everybody_to_reload_and_on_from_the_new_head() -> None:
    hub, live, behind = hub_at(5), subscriber(), subscriber()
    hub.join(live, 5)
    hub.join(behind, 2)
    tell(hub, message(6))
    hub.reset("f", 1, b"reload")
    tell(hub, message(2))
    assert queued(live) == [b"m6", b"reload", b"m2"]
    assert queued(behind) == [b"reload", b"m2"]


def test_the_position_of_a_live_subscriber_moves_with_what_is_delivered() -> None:
    hub, one = hub_at(5), subscriber()
    hub.join(one, 5)
    hub.announce(9)
    assert str(hub.position_of(one)) == "e-5"
    hub.deliver([], 9)
    assert str(hub.position_of(one)) == "e-9"


def test_one_who_catches_up_has_no_position_yet() -> None:
    hub, one = hub_at(5), subscriber()
    hub.join(one, 1)
    assert hub.position_of(one) is None


def test_a_subscriber_that_hears_it_in_another_message_hears_it_once() -> None:
    hub, owner, other = hub_at(5), subscriber("all", "owner"), subscriber("all")
    for one in (owner, other):
        hub.join(one, 5)
    tell(hub, Message(6, ("all",), b"plain", left_out="owner"), Message(6, ("owner",), b"mine"))
    assert (queued(owner), queued(other)) == ([b"mine"], [b"plain"])


def test_a_message_for_all_but_somebody_who_is_not_there_is_for_all() -> None:
    hub, one = hub_at(5), subscriber("all")
    hub.join(one, 5)
    tell(hub, Message(6, ("all", "nobody"), b"plain", left_out="owner"))
    assert queued(one) == [b"plain"]
