"""The check of templates that a business has replaced: those of mails."""

from __future__ import annotations

from core.doctor.findings import Check, Examination, Severity, examined, not_asked, when
from core.mails.templates import problems
from core.settings import Settings

TEMPLATES = Check[str](
    "mail-templates",
    Severity.ERROR,
    "A mail's template cannot be used, and ours is used instead, as {reason}",
    "correct it in the folder of HOLDFAST_MAIL_TEMPLATES, and start the deliveries worker again",
    lambda reason: when(bool(reason), reason=reason),
)
TABLE = (TEMPLATES,)


def examine_mail_templates(settings: Settings) -> Examination:
    if settings.mail_templates is None:
        return not_asked(TABLE, "no templates are replaced")
    return examined(TABLE, next(problems(settings.mail_templates), ""))
