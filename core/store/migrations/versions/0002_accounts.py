"""Accounts: logins, refresh families, API tokens, tickets, resets, social accounts.

Every secret is kept as its SHA-256: they are long and random, so a fast hash is enough, and
who reads the database can use none of them.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = """
ALTER TABLE user_account ADD COLUMN email_verified_at timestamptz;
ALTER TABLE user_account ADD COLUMN must_change_password boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN user_account.email_verified_at IS 'when the owner of the account was seen to read mail at `email`';

-- A role given or taken, a person let go: whoever writes it, all their logins end with it.
CREATE FUNCTION end_logins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.auth_epoch := OLD.auth_epoch + 1;
    RETURN NEW;
END $$;
CREATE TRIGGER user_account_end_logins
BEFORE UPDATE OF is_active, is_staff, is_superuser, is_practitioner ON user_account FOR EACH ROW
WHEN ((OLD.is_active, OLD.is_staff, OLD.is_superuser, OLD.is_practitioner)
      IS DISTINCT FROM (NEW.is_active, NEW.is_staff, NEW.is_superuser, NEW.is_practitioner))
EXECUTE FUNCTION end_logins();

-- One row a login, whatever form it took. It is live while not ended, not expired, its user
-- active and its epoch the user's: growing user_account.auth_epoch ends all of them at once.
CREATE TABLE login_session (
    id uuid PRIMARY KEY,
    token_hash bytea NOT NULL UNIQUE,
    csrf_secret text NOT NULL,
    user_id bigint NOT NULL REFERENCES user_account ON DELETE CASCADE,
    auth_epoch integer NOT NULL,
    address text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    ended_at timestamptz
);
COMMENT ON COLUMN login_session.address IS 'where its owner is known: guessing elsewhere does not lock them out here';
CREATE INDEX login_session_by_user ON login_session (user_id);
CREATE INDEX login_session_by_expiry ON login_session (expires_at);

-- The cookie and the body of one login rotate separately, so that neither trips the other.
CREATE TABLE refresh_family (
    id uuid PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES login_session ON DELETE CASCADE,
    ended_at timestamptz
);
CREATE INDEX refresh_family_by_session ON refresh_family (session_id);

-- Used tokens stay until their login is forgotten: one that comes back ends its family.
CREATE TABLE refresh_token (
    token_hash bytea PRIMARY KEY,
    family_id uuid NOT NULL REFERENCES refresh_family ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    used_at timestamptz
);
CREATE INDEX refresh_token_by_family ON refresh_token (family_id);

CREATE TABLE ws_ticket (
    ticket_hash bytea PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES user_account ON DELETE CASCADE,
    session_id uuid REFERENCES login_session ON DELETE CASCADE,
    auth_epoch integer NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX ws_ticket_by_expiry ON ws_ticket (expires_at);
COMMENT ON COLUMN ws_ticket.session_id IS 'NULL for a ticket that was asked for with an API token';

CREATE TABLE api_token (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token_hash bytea NOT NULL UNIQUE,
    user_id bigint NOT NULL REFERENCES user_account ON DELETE CASCADE,
    auth_epoch integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    revoked_at timestamptz
);
CREATE INDEX api_token_by_user ON api_token (user_id);

CREATE TABLE password_reset (
    token_hash bytea PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES user_account ON DELETE CASCADE,
    auth_epoch integer NOT NULL,
    email_key text NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX password_reset_by_user ON password_reset (user_id);
COMMENT ON COLUMN password_reset.email_key IS 'where it was sent: using it proves that address, and no later one';

CREATE TABLE social_account (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider text NOT NULL CHECK (provider IN ('google', 'github')),
    subject text NOT NULL,
    user_id bigint NOT NULL REFERENCES user_account ON DELETE CASCADE,
    email text NOT NULL DEFAULT '',
    linked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (provider, subject)
);
CREATE INDEX social_account_by_user ON social_account (user_id);
COMMENT ON COLUMN social_account.subject IS 'the provider''s unchanging id of the person; never an email address';

-- A sign-in on its way to a provider and back, bound to the browser that began it.
CREATE TABLE oauth_attempt (
    state_hash bytea PRIMARY KEY,
    browser_hash bytea NOT NULL,
    provider text NOT NULL,
    code_verifier text NOT NULL,
    nonce text NOT NULL,
    next_path text NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX oauth_attempt_by_expiry ON oauth_attempt (expires_at);
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
