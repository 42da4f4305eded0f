"""Reports about undeliverable mails, as mail servers write them (RFC 3464)."""

from __future__ import annotations

POSTFIX = """From: MAILER-DAEMON@mail.example.net (Mail Delivery System)
To: {sender}
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B0"

--B0
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--B0
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.net
Arrival-Date: Mon, 30 Nov 2026 12:00:00 +0000 (UTC)

Final-Recipient: rfc822; {address}
Original-Recipient: rfc822;{address}
Action: {action}
Status: {status}
Remote-MTA: dns; mx.example.org
Diagnostic-Code: {diagnosis}

--B0
Content-Description: Undelivered Message
Content-Type: {returned}

Message-ID: {message_id}
From: {sender}
To: {address}
Subject: Your booking is confirmed

The text of it.
--B0--
"""


def report(
    message_id: str,
    *,
    address: str = "guest@example.com",
    action: str = "failed",
    status: str = "5.1.1",
    diagnosis: str = "smtp; 550 5.1.1 User unknown",
    returned: str = "message/rfc822",
) -> bytes:
    """Of Postfix; the others differ in what it is called with."""
    return POSTFIX.format(
        sender="desk@example.com", address=address, action=action, status=status, diagnosis=diagnosis,
        returned=returned, message_id=message_id,
    ).encode()  # fmt: skip
