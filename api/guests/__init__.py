"""What a mail's link leads to: one booking without a login, and whether an address wants mails. And mails, for staff."""
