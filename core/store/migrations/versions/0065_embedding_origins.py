"""Origins of other people's pages that may show the booking page in a frame.

Revision ID: 0065
Revises: 0064
"""

from alembic import op

revision = "0065"
down_revision = "0064"

STATEMENTS = """
CREATE TABLE embedding_origin (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    origin text NOT NULL UNIQUE,
    created_by bigint REFERENCES user_account ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX embedding_origin_by_maker ON embedding_origin (created_by);
COMMENT ON TABLE embedding_origin IS 'whose pages may show the booking page in a frame: frame-ancestors of its policy';
COMMENT ON COLUMN embedding_origin.origin IS 'scheme, host and port in the usual form of a URL, without a slash at the end';
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
