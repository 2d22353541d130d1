"""Files that cross a flow's border: their types, and the filesystems that keep them.

It must not know flows, records or Prefect. A type's library (NumPy, Pillow, pandas, h5py) is loaded when a file of that
type is first written or read.
"""

from __future__ import annotations

from lume_dsl.files.csv import CSVFile
from lume_dsl.files.file import File, Serializer, StreamSerializer, file_from_reference
from lume_dsl.files.filesystem import Filesystem
from lume_dsl.files.filesystems import open_filesystem
from lume_dsl.files.hdf5 import HDF5File
from lume_dsl.files.image import ImageFile
from lume_dsl.files.json import JSONFile
from lume_dsl.files.numpy import NPZFile, NumPyFile
from lume_dsl.files.openpmd import OpenPMDFile
from lume_dsl.files.parquet import ParquetFile
from lume_dsl.files.text import TextFile
from lume_dsl.files.yaml import YAMLFile
from lume_dsl.values.type_names import publish

__all__ = [
    "CSVFile",
    "File",
    "Filesystem",
    "HDF5File",
    "ImageFile",
    "JSONFile",
    "NPZFile",
    "NumPyFile",
    "OpenPMDFile",
    "ParquetFile",
    "Serializer",
    "StreamSerializer",
    "TextFile",
    "YAMLFile",
    "file_from_reference",
    "open_filesystem",
]

for _type in (
    *(File, CSVFile, HDF5File, ImageFile, JSONFile, NPZFile, NumPyFile),
    *(OpenPMDFile, ParquetFile, TextFile, YAMLFile),
):
    publish(_type, __name__)
