"""Tasks that use services, for flows written by hand and for compiled ones alike.

Each is a ``prefect.Task`` subclass that accepts every initialisation argument of ``prefect.Task``.
"""

from __future__ import annotations

from lume_dsl.tasks.configure import configure_services
from lume_dsl.tasks.files import LoadFile, SaveFile
from lume_dsl.tasks.records import LoadDBResult, SaveDBResult

__all__ = ["LoadDBResult", "LoadFile", "SaveDBResult", "SaveFile", "configure_services"]
