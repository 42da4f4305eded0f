"""Calendars of others whose busy times close a resource.

Revision ID: 0050
Revises: 0046
"""

from alembic import op

revision = "0050"
down_revision = "0046"

STATEMENTS = """
CREATE TABLE busy_calendar (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    resource_id bigint NOT NULL REFERENCES resource,
    sealed_url text NOT NULL,
    host text NOT NULL,
    label text NOT NULL DEFAULT '',
    created_by bigint REFERENCES user_account ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    fetch_at timestamptz DEFAULT clock_timestamp(),
    lease uuid,
    tried_at timestamptz,
    fetched_at timestamptz,
    read_at timestamptz,
    answer text,
    failing_since timestamptz,
    failures integer NOT NULL DEFAULT 0,
    etag text,
    last_modified text,
    sync_at timestamptz,
    commands uuid[] NOT NULL DEFAULT '{}',
    left_to_do integer NOT NULL DEFAULT 0
);
CREATE INDEX busy_calendar_by_resource ON busy_calendar (resource_id, id);
CREATE INDEX busy_calendar_by_maker ON busy_calendar (created_by);
CREATE INDEX busy_calendar_by_fetch ON busy_calendar (fetch_at);
CREATE INDEX busy_calendar_by_sync ON busy_calendar (sync_at) WHERE sync_at IS NOT NULL;
COMMENT ON TABLE busy_calendar IS 'the busy times in it close its resource; its row goes once its closures are gone';
COMMENT ON COLUMN busy_calendar.sealed_url IS 'who has it reads the calendar; encrypted with a key derived from HOLDFAST_SECRET_KEY. Empty: it is followed no more, and its closures end';
COMMENT ON COLUMN busy_calendar.fetch_at IS 'when it is fetched next; while a worker has it, when the lease ends';
COMMENT ON COLUMN busy_calendar.fetched_at IS 'the last answer that could be used, 304 too';
COMMENT ON COLUMN busy_calendar.read_at IS 'the last whole file: its times are of then';
COMMENT ON COLUMN busy_calendar.sync_at IS 'when its closures are compared with its times; NULL: they agreed';
COMMENT ON COLUMN busy_calendar.commands IS 'the last that were sent to the lanes for it';

CREATE TABLE busy_time (
    calendar_id bigint NOT NULL REFERENCES busy_calendar ON DELETE CASCADE,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    PRIMARY KEY (calendar_id, starts_at),
    CHECK (starts_at < ends_at)
);
COMMENT ON TABLE busy_time IS 'what each calendar said last: times, and nothing of what they are for';

ALTER TABLE closure ADD COLUMN busy_calendar_id bigint;
COMMENT ON COLUMN closure.busy_calendar_id IS 'the calendar that it follows, or followed; NULL: somebody made it';
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
