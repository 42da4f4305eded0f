"""Reads the mailbox of undeliverable mails now and then, and notes which addresses are no good."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import structlog

from core.identity.credentials.guest_tokens import is_mail_mark
from core.mails.bounce_mailbox import Mailbox, MailboxError
from core.mails.bounced_mails import bounce_of
from core.settings import Settings
from core.store.connections.database import Connection
from core.store.mails.bounces import Place, mailed_to, note_came_back, note_read, note_unread

log = structlog.get_logger()

Connections = Callable[[], AbstractContextManager[Connection]]


class BounceReader:
    def __init__(self, name: str, mailbox: Mailbox, secret_keys: Sequence[str]) -> None:
        self.name = name
        """By which the database knows how far it was read."""
        self._mailbox = mailbox
        self._keys = secret_keys

    def read(self, connections: Connections, place: Place) -> int:
        """How many addresses turned out to be no good. What cannot be read is said, and tried again at the next look."""
        try:
            mails, now_at = self._mailbox.news(place)
        except MailboxError as problem:
            log.warning("the mailbox of undeliverable mails cannot be read", problem=str(problem))
            with connections() as connection:
                note_unread(connection, self.name, str(problem))
            return 0
        with connections() as connection, connection.transaction():
            noted = sum(self._note(connection, mail) for mail in mails)
            note_read(connection, self.name, now_at)
        log.info("the mailbox of undeliverable mails was read", mails=len(mails), bounced=noted)
        return noted

    def _note(self, connection: Connection, mail: bytes) -> bool:
        """The mark says that its sender has seen the mail, and that the address is still the one that it went to."""
        bounce = bounce_of(mail)
        whose = None if bounce is None else mailed_to(connection, bounce.delivery_id)
        if bounce is None or whose is None:
            return False
        user_id, address = whose
        if not is_mail_mark(bounce.mark, self._keys, bounce.delivery_id, address):
            log.warning("a report of an undeliverable mail is not about a mail of ours to this address")
            return False
        note_came_back(connection, bounce.delivery_id, user_id, address, bounce.status)
        return True


def bounce_reader(settings: Settings) -> BounceReader | None:
    """None where no mailbox is named."""
    if settings.bounce_mailbox is None or settings.smtp_url is None:
        return None
    keys = tuple(key for key in (settings.secret_key, settings.secret_key_previous) if key)
    return BounceReader(settings.bounce_mailbox, Mailbox(settings.bounce_mailbox, settings.smtp_url), keys)
