"""Tasks that save and load files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import prefect

from lume_dsl.declare.filenames import OF_RUN, VALUE, FilenameTemplate
from lume_dsl.files import File, file_from_reference
from lume_dsl.tasks.context import ServiceTask, run_services

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from lume_dsl.declare.options import TaskOptions

__all__ = ["LoadFile", "SaveFile", "SaveNamedFile"]


class SaveFile(ServiceTask):
    """Save a value as a file.

    Args:
        overwrite: Replace a file of other content instead of failing.
        options: Initialisation arguments of ``prefect.Task``.
    """

    def __init__(self, *, overwrite: bool = False, **options: Unpack[TaskOptions]) -> None:
        self.overwrite = overwrite
        super().__init__(**options)

    def run(  # type: ignore[override]  # as every Prefect task does
        self,
        obj: Any,
        file_type: type[File[Any]],
        filename: str | os.PathLike[str],
        filesystem_identifier: str = "local",
    ) -> dict[str, Any]:
        """Save ``obj`` and return the reference that loads it back.

        Args:
            obj: What to save, of the type that ``file_type`` stores.
            file_type: ``TextFile``, ``JSONFile``…, or a ``File`` type of your own.
            filename: Where on the filesystem; folders are made.
            filesystem_identifier: ``"local"``, ``"memory"``, or a configured filesystem.

        Returns:
            ``{"filename", "file_type_string", "filesystem_identifier", "size", "sha256"}``, which is JSON.

        Raises:
            FileError: The value does not fit, or the file cannot be written; an older file is left whole.
            ServiceError: There is no such filesystem.
        """
        with run_services() as services:
            file = file_type.write(
                obj,
                filename=os.fspath(filename),
                filesystem_identifier=filesystem_identifier,
                overwrite=self.overwrite,
            )
            where = services.filesystem(filesystem_identifier).locate(file.filename)
        self.logger.info("saved %s", where)
        return file.reference()


class SaveNamedFile(SaveFile):
    """Save a value as a file whose name has values in it. What ``file_result`` with names in braces becomes.

    ``flow_name`` is that of the subflow that it is of, or "".
    """

    def __init__(self, *, flow_name: str = "", **options: Any) -> None:
        self.flow_name = flow_name
        super().__init__(**options)

    def run(  # type: ignore[override]  # as every Prefect task does
        self,
        obj: Any,
        file_type: type[File[Any]],
        filename: FilenameTemplate,
        filesystem_identifier: str = "local",
        **values: Any,
    ) -> dict[str, Any]:
        """As ``SaveFile.run``; ``values`` are named ``filename_shot`` for ``{shot}``."""
        of_run = {name: str(prefect.context.get(name, "")) for name in OF_RUN}
        of_run["flow_name"] = self.flow_name or of_run["flow_name"]
        given = {name.removeprefix(VALUE): value for name, value in values.items()}
        return super().run(obj, file_type, filename.render(of_run | given), filesystem_identifier)


class LoadFile(ServiceTask):
    """Load what a file holds. Args: initialisation arguments of ``prefect.Task``."""

    def run(self, file_rep: Mapping[str, Any] | File[Any]) -> Any:  # type: ignore[override]  # as every Prefect task does
        """Return the content of the file that a reference names.

        Args:
            file_rep: What a ``SaveFile`` task returned, or the file itself.

        Raises:
            FileError: The file is missing or altered, or the reference is none.
            ServiceError: There is no such filesystem.
        """
        with run_services():
            return (file_rep if isinstance(file_rep, File) else file_from_reference(file_rep)).read()
