"""The routes that the pages ask for."""

from __future__ import annotations

from typing import Any

import falcon.asgi

from api.accounts import Accounts
from api.guests.links import GuestLinks
from api.runtime import Runtime
from api.site.about import About
from api.site.booking_links import BookingLinks
from api.site.catalogue import FreeDays, FreeTimes, WholeCatalogue
from api.site.demo_payment import DemoPayments
from api.site.embedding_origins import EmbeddingOrigins, FrameAncestors, OneEmbeddingOrigin


def add_routes(app: falcon.asgi.App[Any, Any], runtime: Runtime, accounts: Accounts) -> None:
    settings, pool = runtime.settings, runtime.pool
    links = GuestLinks(pool, accounts.throttle, settings.policy)
    app.add_route("/api/site", About(settings, accounts.providers))
    app.add_route("/api/catalogue", WholeCatalogue(pool))
    app.add_route("/api/catalogue/days", FreeDays(pool))
    app.add_route("/api/catalogue/times", FreeTimes(pool))
    app.add_route("/api/booking-links", BookingLinks(links, runtime.commands, pool, settings))
    app.add_route("/api/demo/payment", DemoPayments(settings))
    app.add_route("/api/embedding-origins", FrameAncestors(pool))
    app.add_route("/api/admin/embedding-origins", EmbeddingOrigins(pool, is_demo=settings.demo))
    app.add_route("/api/admin/embedding-origins/{origin_id:int}", OneEmbeddingOrigin(pool))
