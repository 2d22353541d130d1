"""Workflows declared as classes, checked when they are defined, run as Prefect flows.

The public names. Importing the package, and defining a flow, load neither Prefect nor a database driver.
"""

from __future__ import annotations

from lume_dsl._version import __version__
from lume_dsl.declare.fields import db_result, file_result, parameter, result
from lume_dsl.declare.flow import LumeFlow, flow, results, schema
from lume_dsl.declare.steps import step
from lume_dsl.declare.tasks import Task, task, unchecked, unmapped
from lume_dsl.errors import (
    DefinitionError,
    FileError,
    FlowRunError,
    LumeError,
    NotRunError,
    ParameterError,
    RecordError,
    ServiceError,
    SettingsError,
)
from lume_dsl.files import File, ImageFile, JSONFile, NumPyFile, TextFile, YAMLFile
from lume_dsl.records import DBResult
from lume_dsl.services import load
from lume_dsl.values.forms import JSON
from lume_dsl.values.units import Unit

__all__ = [
    "JSON",
    "DBResult",
    "DefinitionError",
    "File",
    "FileError",
    "FlowRunError",
    "ImageFile",
    "JSONFile",
    "LumeError",
    "LumeFlow",
    "NotRunError",
    "NumPyFile",
    "ParameterError",
    "RecordError",
    "ServiceError",
    "SettingsError",
    "Task",
    "TextFile",
    "Unit",
    "YAMLFile",
    "__version__",
    "db_result",
    "file_result",
    "flow",
    "load",
    "parameter",
    "result",
    "results",
    "schema",
    "step",
    "task",
    "unchecked",
    "unmapped",
]
