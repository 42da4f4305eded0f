r"""When two names are the same, by one rule: `folded`, as `core.domain.folding` has it. And whose name does not fit.

It is the rule's twin for what PostgreSQL compares by itself, whichever release wrote it. Unicode's versions differ
between servers and Pythons: only characters that are newer than the older of the two may fold differently.

Accounts whose name would not be taken any more are told to whoever migrates; nothing of them is changed. To ask
again later, run the statements of `MISNAMED`.

Revision ID: 0030
Revises: 0029
"""

import structlog
from alembic import op

revision = "0030"
down_revision = "0029"

log = structlog.get_logger()

FOLDED = r"""
CREATE FUNCTION folded(name text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 100 AS $$
BEGIN
    IF octet_length(name) = length(name) THEN
        name := lower(name COLLATE pg_unicode_fast);
    ELSE
        name := regexp_replace(name, '[\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200B-\u200F'
            '\u202A-\u202E\u2060-\u206F\u3164\uFE00-\uFE0F\uFEFF\uFFA0\uFFF0-\uFFF8\U0001BCA0-\U0001BCA3'
            '\U0001D173-\U0001D17A\U000E0000-\U000E0FFF]', '', 'g');
        name := normalize(casefold(normalize(name, NFD) COLLATE pg_unicode_fast), NFKC);
        name := normalize(casefold(name COLLATE pg_unicode_fast), NFKC);
    END IF;
    name := translate(name, E'\t\n\u000B\u000C\r\u001C\u001D\u001E\u001F\u0085\u1680\u2028\u2029', '             ');
    IF strpos(name, '  ') > 0 THEN
        name := regexp_replace(name, ' +', ' ', 'g');
    END IF;
    RETURN btrim(name);
END $$;
COMMENT ON FUNCTION folded IS 'what two texts share when they are the same name, as core.domain.folding.folded'
"""

KEY = r"translate(folded(username), U&'\2010\2011\2012\2013\2014\2015', '------')"
PAGE = 20
"""Ids that are named, of each kind; all are counted."""
MISNAMED = {
    "its username is a phone number, but not the one of its phone": r"""
        phone_key IS DISTINCT FROM username_key
        AND translate(folded(username), U&' ()./-\2010\2011\2012\2013\2014\2015\2212', '') ~ '^\+?[0-9]{3,20}$'
    """,
    "its username became an address when it was put into its normal form": """
        strpos(username_key, '@') > 0 AND strpos(username, '@') = 0
    """,
    "its username is kept under another key than it would get now": f"""
        username_key <> {KEY} AND username_key IS DISTINCT FROM phone_key
    """,
    "another account has the same username by the rule of now": f"""
        username_key <> {KEY} AND EXISTS (
            SELECT FROM user_account other WHERE other.username_key = {KEY.replace("username", "u.username")} AND other.id <> u.id)
    """,
    "its login address is not one that mail can be sent to": "email_key ~ '[^!-~]'",
}
"""By what is wrong: a condition on `user_account u`."""


def upgrade() -> None:
    op.execute(FOLDED)
    for wrong, condition in MISNAMED.items():
        found = f"SELECT count(*), (array_agg(id ORDER BY id))[:{PAGE}] FROM user_account u WHERE {condition}"
        count, ids = op.get_bind().exec_driver_sql(found).one()
        if count:
            log.warning("accounts to look at: none of them was changed", why=wrong, accounts=count, ids=ids)
