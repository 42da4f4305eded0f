"""The accounts part put together: what its resources share is made here, once."""

from __future__ import annotations

from api.accounts.access.authentication import Authentication
from api.accounts.access.cookies import Cookies
from api.accounts.access.gate import Gate
from api.accounts.access.key_use_counter import AgentKeyUseCounter
from api.accounts.access.live_credentials import LiveCredentials
from api.accounts.login.login import AccessTokens
from api.accounts.login.registration import Registration
from api.accounts.login.sign_in import SignIn
from api.accounts.mail_queue import MailQueue
from api.accounts.oauth.provider import Provider
from api.http.security_headers import CrossOrigin, Strict
from api.limits.throttle import Throttle
from core.mail import mailer
from core.metrics.meter import Meter
from core.passwords import Passwords
from core.settings import Settings
from core.store.connections.pool import Pool


class Accounts:
    """Made without I/O; `pool` is opened by the app at its start, `close` is called at its end."""

    def __init__(self, settings: Settings, pool: Pool, meter: Meter) -> None:
        self.settings = settings
        self.pool = pool
        self.passwords = Passwords()
        self.logins = LiveCredentials(pool)
        https = settings.public_url.startswith("https://")
        self.cookies = Cookies(secure=not settings.demo or https, https=https)
        self.throttle = Throttle(settings.redis_url, settings.redis_keys)
        self.access = AccessTokens(settings)
        self.sign_in = SignIn(settings, pool, self.passwords, self.throttle)
        self.registration = Registration(settings, pool, self.passwords, self.throttle)
        self.providers = _providers(settings)
        delivery = mailer(settings)
        self.outbox = MailQueue(delivery, meter) if delivery is not None else None
        self.authentication = Authentication(settings, self.logins)
        self.gate = Gate(settings)
        self.key_uses = AgentKeyUseCounter(pool)

    @property
    def middleware(self) -> list[object]:
        """In the order in which they must run, after the app's own."""
        return [CrossOrigin(self.settings), Strict(self.settings), self.key_uses, self.authentication, self.gate]

    async def close(self) -> None:
        await self.key_uses.close()
        self.passwords.close()
        await self.throttle.close()
        if self.outbox is not None:
            await self.outbox.close()


def _providers(settings: Settings) -> dict[str, Provider]:
    """Those that are set up. Few installations have any, and their libraries are a twentieth of a process's start."""
    found: dict[str, Provider] = {}
    if settings.google is not None:
        from api.accounts.oauth.google import Google  # noqa: PLC0415 - as above

        found["google"] = Google(settings.google, settings.google_issuer)
    if settings.github is not None:
        from api.accounts.oauth.github import GitHub  # noqa: PLC0415 - as above

        found["github"] = GitHub(settings.github, settings.github_url, settings.github_api_url)
    return found
