"""Version 2: provenance, large contents, an index by time, and text compared by its code points everywhere."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "2"
down_revision = "1"

_NAMES = {
    "unique_hash": 64,
    "project_name": 255,
    "flow_name": 255,
    "result_name": 255,
    "result_type_string": 255,
    "flow_run_id": 255,
    "time": 32,
}
_TEXTS = ("inputs", "outputs", "fields", "input_marks")
_TABLE = "lume_records"


def upgrade() -> None:
    """``lume_records`` has ``provenance`` and ``blobs``; there is ``lume_blobs``, but in SQLite."""
    dialect = op.get_context().dialect.name
    if dialect == "postgresql":
        for name in _NAMES:
            op.alter_column(_TABLE, name, type_=sa.Text(collation="C"))
    elif dialect != "sqlite":
        _alter_for_mysql()
    inspector = sa.inspect(op.get_bind())
    text = sa.Text().with_variant(mysql.LONGTEXT(collation="utf8mb4_bin"), "mysql", "mariadb")
    present = {column["name"] for column in inspector.get_columns(_TABLE)}
    for name in ("provenance", "blobs"):
        if name not in present:
            op.add_column(_TABLE, sa.Column(name, text))
    if "lume_records_by_time" not in {index["name"] for index in inspector.get_indexes(_TABLE)}:
        op.create_index("lume_records_by_time", _TABLE, ["time", "id"])
    if dialect != "sqlite" and not inspector.has_table("lume_blobs"):
        _create_blobs()


def _alter_for_mysql() -> None:
    op.execute(f"ALTER TABLE {_TABLE} CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    for name, length in _NAMES.items():
        exact = mysql.VARCHAR(length, collation="utf8mb4_bin")
        op.alter_column(_TABLE, name, type_=exact, existing_nullable=name == "flow_run_id")
    for name in _TEXTS:
        op.alter_column(_TABLE, name, type_=mysql.LONGTEXT(collation="utf8mb4_bin"), existing_nullable=False)


def _create_blobs() -> None:
    exact = mysql.VARCHAR(32, collation="utf8mb4_bin")
    key = sa.String(32).with_variant(sa.Text(collation="C"), "postgresql").with_variant(exact, "mysql", "mariadb")
    op.create_table(
        "lume_blobs",
        sa.Column("key", key, primary_key=True),
        sa.Column("piece", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("data", sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb"), nullable=False),
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
