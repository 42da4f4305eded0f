"""What a command does to a state at a moment.

Pure: the time and fresh ids are arguments. The rule of each command stands in a module of its subject, and
`core.domain.command_table` finds it. What follows from events, whatever command brings them about, is put together
here.
"""

from __future__ import annotations

from datetime import datetime

from core.domain.command_table import HANDLERS
from core.domain.commands import Envelope
from core.domain.events import Event
from core.domain.ids import Ids
from core.domain.marketplace.purchases.purchase_parts import with_purchase_changes
from core.domain.payments.refunds import settle_payments
from core.domain.refusals import CommandRefused, Refusal, Refused
from core.domain.state import State
from core.domain.timeslots.shared_time import availability_changes
from core.domain.timeslots.timeslots import with_time_slots


def decide(state: State, envelope: Envelope, now: datetime, ids: Ids) -> tuple[Event, ...]:
    """What happens because of one command. A refusal is an event too; an exception is a bug.

    The last event is what the command is answered.
    """
    command = envelope.command
    if envelope.decide_before is not None and now >= envelope.decide_before and envelope.id not in state.begun:
        return (CommandRefused(Refusal.DECIDED_TOO_LATE),)
    try:
        events = HANDLERS[type(command)].decide(state, envelope, command, now, ids)
        events = with_time_slots(state, events)
        events = with_purchase_changes(state, envelope.actor, events, now)
    except Refused as refused:
        return (refused.event,)
    return (*settle_payments(state, envelope.actor, events, now), *availability_changes(state, events), *events)
