"""Files that cross a flow's border: their types, and the filesystems that keep them.

It must not know flows, records or Prefect. A type's library (NumPy, Pillow, PyYAML) is loaded when a file of that
type is first written or read.
"""

from __future__ import annotations

from lume_dsl.files.file import File, Serializer, file_from_reference
from lume_dsl.files.filesystems import Filesystem, open_filesystem
from lume_dsl.files.image import ImageFile
from lume_dsl.files.json import JSONFile
from lume_dsl.files.numpy import NumPyFile
from lume_dsl.files.text import TextFile
from lume_dsl.files.yaml import YAMLFile
from lume_dsl.values.type_names import publish

__all__ = [
    "File",
    "Filesystem",
    "ImageFile",
    "JSONFile",
    "NumPyFile",
    "Serializer",
    "TextFile",
    "YAMLFile",
    "file_from_reference",
    "open_filesystem",
]

for _type in (File, ImageFile, JSONFile, NumPyFile, TextFile, YAMLFile):
    publish(_type, __name__)
