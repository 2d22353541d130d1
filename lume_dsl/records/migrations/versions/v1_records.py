"""Version 1: the table of the first release, which named no version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None


def upgrade() -> None:
    """There is the table ``lume_records``."""
    op.create_table(
        "lume_records",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("unique_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("project_name", sa.String(255), nullable=False),
        sa.Column("flow_name", sa.String(255), nullable=False),
        sa.Column("result_name", sa.String(255), nullable=False),
        sa.Column("result_type_string", sa.String(255), nullable=False),
        sa.Column("flow_run_id", sa.String(255)),
        sa.Column("time", sa.String(32), nullable=False),
        sa.Column("inputs", sa.Text, nullable=False),
        sa.Column("outputs", sa.Text, nullable=False),
        sa.Column("fields", sa.Text, nullable=False),
        sa.Column("input_marks", sa.Text, nullable=False),
    )
    op.create_index("lume_records_by_flow", "lume_records", ["flow_name", "project_name", "time"])
