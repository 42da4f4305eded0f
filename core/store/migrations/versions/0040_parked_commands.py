"""What an operator needs to send a parked command again: its lane's key, its class, and why it was parked.

Revision ID: 0040
Revises: 0039
"""

from alembic import op

revision = "0040"
down_revision = "0039"

STATEMENTS = """
CREATE TABLE parked_command (
    id uuid PRIMARY KEY,
    slot_crc bigint NOT NULL,
    class smallint NOT NULL,
    version smallint NOT NULL,
    weight smallint NOT NULL,
    why text NOT NULL,
    parked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    dropped_at timestamptz
);
CREATE INDEX parked_command_by_age ON parked_command (parked_at);
COMMENT ON TABLE parked_command IS 'commands that were given up on, beside their outcomes, as long as those are kept';
COMMENT ON COLUMN parked_command.why IS 'the kind of error, without what it says: that may be personal';
COMMENT ON COLUMN parked_command.dropped_at IS 'an operator decided that nothing is to be done about it';
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
