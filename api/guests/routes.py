"""The routes of guests' links and of mails."""

from __future__ import annotations

from typing import Any

import falcon.asgi

from api.accounts import Accounts
from api.guests.address_page import AddressPage
from api.guests.admin_mails import AdminMails
from api.guests.bounced_addresses import BouncedAddresses
from api.guests.guest_booking import GuestCommands, OneGuestBooking
from api.guests.links import GuestLinks
from api.guests.page_writer import Pages
from api.guests.pages import BookingLink, GuestPage
from api.guests.reminder_page import ReminderPage
from api.runtime import Runtime


def add_routes(app: falcon.asgi.App[Any, Any], runtime: Runtime, accounts: Accounts) -> None:
    links = GuestLinks(runtime.pool, accounts.throttle, runtime.settings.policy)
    commands = GuestCommands(runtime.commands, runtime.pool)
    pages = Pages(runtime.settings.language)
    booking, page = OneGuestBooking(links, commands), GuestPage(links, commands, pages)
    app.add_route("/api/guest/bookings/{token}", booking)
    app.add_route("/api/guest/bookings/{token}/booking.ics", booking, suffix="file")
    app.add_route("/api/guest/bookings/{token}/cancel", booking, suffix="cancel")
    app.add_route("/api/guest/bookings/{token}/move", booking, suffix="move")
    app.add_route("/b/{token}", BookingLink(links))
    app.add_route("/guest/{token}", page)
    app.add_route("/guest/{token}/cancel", page, suffix="cancel")
    app.add_route("/guest/{token}/move", page, suffix="move")
    app.add_route("/guest/addresses/{token}", AddressPage(links, runtime.pool, pages))
    settings = runtime.settings
    keys = tuple(key for key in (settings.secret_key, settings.secret_key_previous) if key)
    app.add_route("/guest/reminders/{token}", ReminderPage(links, runtime.pool, pages, keys))
    app.add_route("/api/admin/mails", AdminMails(runtime.pool))
    bounced = BouncedAddresses(runtime.pool)
    app.add_route("/api/admin/bounced-addresses", bounced)
    app.add_route("/api/admin/bounced-addresses/{user_id:int}", bounced, suffix="one")
