"""The zones' rules that instants ahead were worked out with, and what moved when rules changed.

Revision ID: 0035
Revises: 0034
"""

from alembic import op

revision = "0035"
down_revision = "0034"

STATEMENTS = """
ALTER TABLE installation ADD COLUMN tzdata text;
COMMENT ON COLUMN installation.tzdata IS 'the version of tzdata whose rules are in zone_rules; NULL before any were kept';

CREATE TABLE zone_rules (
    zone text PRIMARY KEY,
    rules bytea NOT NULL,
    changed_at timestamptz
);
COMMENT ON COLUMN zone_rules.rules IS 'as tzdata has them (TZif, RFC 9636)';
COMMENT ON COLUMN zone_rules.changed_at IS 'when they last became others; NULL for the first';

-- What must move to keep its wall time, planned with the new rules; then what became of it.
CREATE TABLE wall_time_move (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tzdata text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('booking', 'time_slot', 'session', 'closure')),
    row_id bigint NOT NULL,
    resource_id bigint NOT NULL REFERENCES resource,
    zone text NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    new_starts_at timestamptz,
    new_ends_at timestamptz,
    moved_at timestamptz,
    problem text,
    UNIQUE (tzdata, kind, row_id),
    CHECK (moved_at IS NULL OR new_starts_at IS NOT NULL AND new_ends_at IS NOT NULL)
);
CREATE INDEX wall_time_move_due ON wall_time_move (id) WHERE moved_at IS NULL;
COMMENT ON COLUMN wall_time_move.new_starts_at IS 'NULL where the new rules skip its wall time';
COMMENT ON COLUMN wall_time_move.problem IS 'why it has not moved; tried again by each migrate';
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
