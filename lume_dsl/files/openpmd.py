"""Particle groups in openPMD files; it must not know any other format."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, BinaryIO

from lume_dsl.files.file import File, missing_library

if TYPE_CHECKING:
    from beamphysics import ParticleGroup

__all__ = ["OpenPMDFile"]


def _particle_group() -> type[Any]:
    try:
        try:
            import beamphysics  # heavy, and an extra
        except ImportError:  # its name before 0.11
            import pmd_beamphysics as beamphysics
    except ImportError as error:
        raise missing_library("openpmd-beamphysics", extra="openpmd") from error
    cls: type[Any] = beamphysics.ParticleGroup
    return cls


class _OpenPMDSerializer:
    def check_target(self, _filename: str | None, /) -> None:
        _particle_group()

    def write(self, obj: ParticleGroup, stream: BinaryIO, _filename: str, /) -> None:
        cls = _particle_group()
        import h5py  # heavy, and openpmd-beamphysics needs it

        if not isinstance(obj, cls):
            raise TypeError(f"expected beamphysics.ParticleGroup, got {type(obj).__name__}")
        with h5py.File(stream, "w") as file:
            obj.write(file)

    def read(self, stream: BinaryIO, _filename: str, /) -> ParticleGroup:
        cls = _particle_group()
        import h5py  # heavy, and openpmd-beamphysics needs it

        with h5py.File(stream, "r") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of names that the format had before
            return cls(h5=file)


class OpenPMDFile(File["ParticleGroup"]):
    """A ``ParticleGroup`` of openpmd-beamphysics, in the openPMD-beamphysics format, which Impact, Astra, GPT read.

    Positions, momenta, times, weights, status, ids and the species come back as they were.
    """

    serializer = _OpenPMDSerializer()
