"""The configure task: it makes sure that services answer before anything else runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import prefect

from lume_dsl.tasks.context import CHECKED, ServiceTask, run_services

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from lume_dsl.declare.options import TaskOptions

__all__ = ["configure_services"]


class configure_services(ServiceTask):
    """Check the settings and that the services answer. Set it upstream of every task that uses one.

    Args:
        filesystems: Identifiers of the filesystems to check.
        records: Whether to check the record store.
        options: Initialisation arguments of ``prefect.Task``.
    """

    def __init__(
        self, *, filesystems: Iterable[str] = (), records: bool = True, **options: Unpack[TaskOptions]
    ) -> None:
        self.filesystems = tuple(filesystems)
        self.records = records
        super().__init__(**options)

    def run(self) -> None:
        """Check them, within seconds; once a run: a compiled flow has checked them before its first task.

        Raises:
            SettingsError: A setting is missing or wrong.
            ServiceError: A service does not answer; all such are named.
        """
        if prefect.context.get(CHECKED):
            return
        with run_services() as services:
            services.check(filesystems=self.filesystems, records=self.records)
