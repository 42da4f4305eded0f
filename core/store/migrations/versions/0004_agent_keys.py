"""Agent keys and their use; WebSocket tickets end with the API token that asked for them.

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"

STATEMENTS = """
CREATE TABLE agent_key (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    hint text NOT NULL,
    token_hash bytea NOT NULL UNIQUE,
    networks cidr[] NOT NULL DEFAULT '{}',
    writes_per_minute integer NOT NULL CHECK (writes_per_minute BETWEEN 1 AND 1000000),
    epoch integer NOT NULL DEFAULT 0,
    created_by bigint REFERENCES user_account ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    revoked_by bigint REFERENCES user_account ON DELETE SET NULL,
    revoked_at timestamptz
);
CREATE INDEX agent_key_by_maker ON agent_key (created_by);
CREATE INDEX agent_key_by_revoker ON agent_key (revoked_by);
COMMENT ON COLUMN agent_key.hint IS 'the first characters, to tell keys apart; the rest is only hashed';
COMMENT ON COLUMN agent_key.networks IS 'from where the key may come; empty: from anywhere';
COMMENT ON COLUMN agent_key.epoch IS 'grows with a new address list, to end the sockets that came under the old one';

-- One row a key and day (UTC). Each API process adds what it has seen every few seconds.
CREATE TABLE agent_key_use (
    key_id bigint NOT NULL REFERENCES agent_key ON DELETE CASCADE,
    day date NOT NULL,
    requests bigint NOT NULL,
    refused bigint NOT NULL,
    last_used_at timestamptz NOT NULL,
    last_address text NOT NULL,
    PRIMARY KEY (key_id, day)
);
CREATE INDEX agent_key_use_by_day ON agent_key_use (day);
COMMENT ON COLUMN agent_key_use.refused IS 'of the requests, those answered with an error';

ALTER TABLE ws_ticket ADD COLUMN api_token_id bigint REFERENCES api_token ON DELETE CASCADE;
COMMENT ON COLUMN ws_ticket.api_token_id IS 'the API token that asked for the ticket: its socket ends with it';
COMMENT ON COLUMN ws_ticket.session_id IS 'the login that asked for the ticket, where it was one';
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
