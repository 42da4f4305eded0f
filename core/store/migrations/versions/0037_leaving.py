"""People who leave: whose data is still to be emptied, and which phone numbers were theirs before.

Revision ID: 0037
Revises: 0036
"""

from alembic import op

revision = "0037"
down_revision = "0036"

STATEMENTS = """
CREATE TABLE erasure (
    user_id bigint PRIMARY KEY,
    names text[] NOT NULL,
    phones text[] NOT NULL,
    until timestamptz[] NOT NULL,
    actor json NOT NULL,
    request_id text NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    asked_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
    step text NOT NULL DEFAULT '',
    after bigint NOT NULL DEFAULT -1
);
COMMENT ON TABLE erasure IS 'accounts that were deleted and whose data is not all emptied yet; the last step deletes the row';
COMMENT ON COLUMN erasure.until IS 'of the phone beside it: commands that were accepted later are about its next owner';
COMMENT ON COLUMN erasure.asked_in IS 'nothing that began before this transaction may still be under way at the end';

-- Commands that were refused name a phone number and no account.
CREATE TABLE earlier_phone (
    user_id bigint NOT NULL REFERENCES user_account ON DELETE CASCADE,
    until timestamptz NOT NULL DEFAULT clock_timestamp(),
    phone_key text NOT NULL,
    PRIMARY KEY (user_id, until)
);
CREATE INDEX earlier_phone_by_age ON earlier_phone (until);
COMMENT ON TABLE earlier_phone IS 'kept as long as commands that may name the number';

CREATE FUNCTION keep_earlier_phone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO earlier_phone (user_id, phone_key) VALUES (OLD.id, OLD.phone_key) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER user_account_earlier_phone AFTER UPDATE OF phone_key ON user_account FOR EACH ROW
WHEN (OLD.phone_key IS NOT NULL AND NEW.phone_key IS DISTINCT FROM OLD.phone_key AND NEW.anonymised_at IS NULL)
EXECUTE FUNCTION keep_earlier_phone();
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
