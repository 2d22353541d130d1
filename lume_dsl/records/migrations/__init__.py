"""How the tables of an older lume_dsl become those of this one, with Alembic; it must not know what records mean.

``versions/`` has one module a version. A new one goes with ``lume_dsl.records.sql_schema.VERSION`` and its tables; it
is never edited after a release. On MySQL, where a table's change cannot be undone, it must go on where one that was
broken off has stopped.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

__all__ = ["TABLE", "scripts", "upgrade"]

TABLE = "lume_schema"
"""The table that names the version."""


def scripts() -> ScriptDirectory:
    """Return the versions that there are."""
    from alembic.script import ScriptDirectory  # loads Alembic: 100 ms, which few runs need

    folder = os.path.dirname(__file__)
    return ScriptDirectory(folder, version_locations=[os.path.join(folder, "versions")])


def upgrade(connection: sa.Connection, found: str | None, to: str = "head") -> None:
    """The tables in the transaction of ``connection``, now those of the version ``found``, are of version ``to``.

    ``found`` is None for an empty database.
    """
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    versions = scripts()

    def steps(revision: Any, _context: Any) -> Any:
        return versions._upgrade_revs(to, revision)  # as Alembic's own documentation of EnvironmentContext has it

    context = MigrationContext.configure(connection, opts={"version_table": TABLE, "fn": steps})
    if found and not context.get_current_heads():  # the first released tables named no version
        context.stamp(versions, found)
    with Operations.context(context):
        context.run_migrations()
