"""Workflows declared as classes, checked when they are defined, run as Prefect flows.

The public names. Importing the package, and defining a flow, load neither Prefect nor a database driver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lume_dsl._version import __version__ as __version__
from lume_dsl.declare.attributes import removed
from lume_dsl.declare.branches import case, merge, switch
from lume_dsl.declare.fields import db_result, file_result, parameter, result
from lume_dsl.declare.flow import LumeFlow, schema
from lume_dsl.declare.flow_options import flow
from lume_dsl.declare.resources import resource_manager
from lume_dsl.declare.steps import step
from lume_dsl.declare.tasks import Task, flatten, task, unchecked, unmapped
from lume_dsl.errors import (
    DefinitionError,
    FileError,
    FlowRunError,
    LumeError,
    ParameterError,
    RecordError,
    ServiceError,
)
from lume_dsl.files import (
    CSVFile,
    File,
    HDF5File,
    ImageFile,
    JSONFile,
    NPZFile,
    NumPyFile,
    OpenPMDFile,
    ParquetFile,
    TextFile,
    YAMLFile,
)
from lume_dsl.history.of_flows import resume, runs
from lume_dsl.records import DBResult
from lume_dsl.records.find import results
from lume_dsl.records.where import at
from lume_dsl.services import load
from lume_dsl.values.forms import JSON
from lume_dsl.values.units import Unit

if TYPE_CHECKING:
    from lume_dsl.compose.by_hand import from_prefect as from_prefect
    from lume_dsl.engine.registering import register as register

__all__ = [
    "JSON",
    "CSVFile",
    "DBResult",
    "DefinitionError",
    "File",
    "FileError",
    "FlowRunError",
    "HDF5File",
    "ImageFile",
    "JSONFile",
    "LumeError",
    "LumeFlow",
    "NPZFile",
    "NumPyFile",
    "OpenPMDFile",
    "ParameterError",
    "ParquetFile",
    "RecordError",
    "ServiceError",
    "Task",
    "TextFile",
    "Unit",
    "YAMLFile",
    "at",
    "case",
    "db_result",
    "file_result",
    "flatten",
    "flow",
    "load",
    "merge",
    "parameter",
    "removed",
    "resource_manager",
    "result",
    "results",
    "resume",
    "runs",
    "schema",
    "step",
    "switch",
    "task",
    "unchecked",
    "unmapped",
]


if not TYPE_CHECKING:  # to a checker every name would be one of the package

    def __getattr__(name: str) -> Any:
        if name == "from_prefect":  # Prefect, so that it is no name that ``import *`` takes
            from lume_dsl.compose.by_hand import from_prefect

            return from_prefect
        if name == "register":
            from lume_dsl.engine import register

            return register
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
