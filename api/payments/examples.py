"""What rooms.md prints, word for word: the description's examples."""

from __future__ import annotations

INTENT_REQUEST = {"booking_id": 1, "amount": 100.00, "currency": "usd"}
EVENT = {
    "id": "evt_1NG8Du2eZvKYlo2CUI79vXWy",
    "object": "event",
    "type": "payment_intent.succeeded",
    "data": {"object": {"id": "pi_xxxxxxxxxxxxx", "object": "payment_intent", "status": "succeeded"}},
}
