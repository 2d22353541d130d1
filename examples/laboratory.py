"""A day at an injector: five flows that feed one another, as parts of one flow.

A photocathode gun makes a beam, a quadrupole scan measures it at a screen, a fit gives its emittance and Twiss
parameters, these are held against the design, and a report says what to do. Each of them is a flow that runs by
itself; `Laboratory` calls them, the screen once for each strength of the quadrupole. `quad_scan.py` has the optics and
the fit.

    python -m lume_dsl run examples/laboratory.py:Laboratory --charge 100pC

Units: m and rad; strengths K1 in m^-2; energies in GeV, those of photons in eV; charge in pC.

Sources:

- thermal emittance: D. Dowell and J. Schmerge, "Quantum efficiency and thermal emittance of metal photocathodes",
  Phys. Rev. ST Accel. Beams 12, 074201 (2009), doi:10.1103/PhysRevSTAB.12.074201;
- mismatch: M. Minty and F. Zimmermann, "Measurement and Control of Charged Particle Beams", Springer 2003,
  doi:10.1007/978-3-662-08581-3.
"""

from math import sqrt

import numpy as np
from quad_scan import Beamline, Floats, Twiss, fit_twiss, relativistic_momentum

from lume_dsl import (
    DBResult,
    LumeFlow,
    TextFile,
    case,
    db_result,
    file_result,
    flow,
    merge,
    parameter,
    resource_manager,
    result,
    step,
    task,
    unmapped,
)

ELECTRON_REST_ENERGY = 0.51099895069e6
"""eV (CODATA 2022)."""


# ------------------------------------------------------------------------------------------------- the beam
@task
def thermal_emittance(spot: float, photon_energy: float, work_function: float) -> float:
    """Normalised emittance (m rad) of electrons as they leave the cathode: `spot` is the laser's rms size (m).

    spot sqrt((photon energy - work function) / (3 m c^2)), energies in eV, the work function as the field lowers it.
    """
    return spot * sqrt((photon_energy - work_function) / (3 * ELECTRON_REST_ENERGY))


@task
def beam_of(emittance: float, energy: float, beta: float, alpha: float) -> Twiss:
    """The beam of a normalised emittance at an energy (GeV)."""
    return Twiss(emittance / relativistic_momentum(energy), beta, alpha)


class Gun(LumeFlow):
    """A photocathode gun: its laser, cathode and charge give the beam."""

    laser_spot: float = parameter(default=0.3e-3, gt=0, unit="m", help="rms size of the laser on the cathode")
    photon_energy: float = parameter(default=4.86, gt=4.6, help="of the laser (eV); 255 nm is 4.86 eV")
    charge: float = parameter(default=250.0, gt=0, unit="pC")
    growth: float = parameter(default=1.6e-9, ge=0, help="emittance that the charge adds, as found (m rad per pC)")
    energy: float = parameter(default=0.135, gt=0.001, unit="GeV")
    beta: float = parameter(default=8.0, gt=0, unit="m", help="at the quadrupole's entrance")
    alpha: float = 0.8

    intrinsic = thermal_emittance(laser_spot, photon_energy, 4.6)

    @step
    def emittance(self, intrinsic: float) -> float:
        """Normalised (m rad): the thermal one, and in quadrature what the charge adds."""
        return sqrt(intrinsic**2 + (self.growth * self.charge) ** 2)

    beam = beam_of(emittance, energy, beta, alpha)


# ------------------------------------------------------------------------------------------ the measurement
@task
def beam_size(beam: Twiss, k1: float, line: Beamline) -> float:
    """The rms size (m) at the screen: sigma^2 is the quadrupole's response times the beam matrix."""
    return float(np.sqrt(line.response(np.array([k1])) @ beam.moments)[0])


class Screen(LumeFlow):
    """The beam's size at the screen for one strength of the quadrupole, as a camera would measure it."""

    beam: Twiss = parameter()
    k1: float = parameter(ge=-10, le=10, help="strength of the quadrupole (m^-2)")
    line: Beamline = parameter(default=Beamline(quad_length=0.1, drift=2.2))
    error: float = parameter(default=0.01, gt=0, help="relative error of a size, one standard deviation")
    seed: int = 1

    true_size = beam_size(beam, k1, line)

    @step
    def size(self, true_size: float) -> float:
        """The size (m) with the camera's error, another for each strength and seed."""
        noise = np.random.default_rng([self.seed, round(1000 * (self.k1 + 100))]).standard_normal()
        return true_size * (1 + self.error * float(noise))


class EmittanceFit(LumeFlow):
    """Emittance and Twiss parameters at the quadrupole's entrance, from the sizes of a scan."""

    strengths: list[float] = parameter(min_length=4, help="strengths of the quadrupole (m^-2)")
    sizes: list[float] = parameter(min_length=4, help="sizes at the screen (m)")
    error: float = parameter(default=0.01, gt=0, help="relative error of a size")
    line: Beamline = parameter(default=Beamline(quad_length=0.1, drift=2.2))

    @step
    def measured(self, strengths: list[float], sizes: list[float]) -> Twiss:
        """The fit of the squares of the sizes: see `quad_scan.fit_twiss`."""
        found: Floats = np.array(sizes)
        return fit_twiss(self.line.response(np.array(strengths)), found, self.error * found)

    record: DBResult = db_result(measured=measured)


class Matching(LumeFlow):
    """How far a beam is from the design optics."""

    measured: Twiss = parameter()
    design: Twiss = parameter(default=Twiss(emittance=2e-9, beta=8.0, alpha=0.8))

    @step
    def mismatch(self) -> float:
        """(beta gamma_0 - 2 alpha alpha_0 + gamma beta_0) / 2: 1 where the beam is matched, and more elsewhere."""
        a, b = self.measured, self.design
        return (a.beta * b.gamma - 2 * a.alpha * b.alpha + a.gamma * b.beta) / 2


class Report(LumeFlow):
    """What was found, for people and for later flows."""

    measured: Twiss = parameter()
    mismatch: float = parameter(ge=0.99)
    advice: str = parameter()
    name: str = parameter(default="injector", pattern=r"[\w-]+")

    @step
    def text(self) -> str:
        return f"{self.name}: {self.measured}\nmismatch {self.mismatch:.3f}: {self.advice}\n"

    page: TextFile = file_result(text, filename="{name}-report.txt", overwrite=True)
    record: DBResult = db_result(measured=measured, mismatch=mismatch, advice=advice)


# ------------------------------------------------------------------------------------------- the laboratory
class DriveLaserShutter:
    """The shutter of the drive laser: open while the screen is looked at, and closed whatever happens."""

    def setup(self) -> str:
        return "open"

    def cleanup(self, state: str) -> None:
        assert state == "open"


Shutter = resource_manager(DriveLaserShutter)


@task
def spread(k1_max: float, shots: int) -> list[float]:
    """Evenly spaced strengths of the quadrupole, as many to either side of none."""
    return [float(k1) for k1 in np.linspace(-k1_max, k1_max, shots)]


@task
def is_within(mismatch: float, tolerance: float) -> bool:
    return mismatch <= tolerance


@task
def keep_going(mismatch: float) -> str:
    return f"matched to {100 * (mismatch - 1):.1f} %, go on"


@task
def match_again(measured: Twiss) -> str:
    return f"match again, from beta {measured.beta:.2f} m and alpha {measured.alpha:.2f}"


@flow(project="injector")
class Laboratory(LumeFlow):
    """Make a beam, measure it with a quadrupole scan, hold it against the design, and report."""

    charge: float = parameter(default=250.0, gt=0, unit="pC", help="of a bunch")
    shots: int = parameter(default=15, ge=4, help="strengths of the quadrupole")
    k1_max: float = parameter(default=7.0, gt=0, le=10, help="the scan goes from minus this to this (m^-2)")
    tolerance: float = parameter(default=1.05, gt=1, help="the mismatch that is left as it is")
    beta: float = parameter(default=8.0, gt=0, unit="m", help="of the beam at the quadrupole's entrance")
    line: Beamline = parameter(default=Beamline(quad_length=0.1, drift=2.2))
    name: str = parameter(default="injector", pattern=r"[\w-]+")

    gun = Gun(charge=charge, beta=beta)
    strengths = spread(k1_max, shots)
    with Shutter():
        screens = Screen.map(beam=unmapped(gun.beam), k1=strengths, line=unmapped(line))
    fit = EmittanceFit(strengths=strengths, sizes=[screen.size for screen in screens], line=line)
    matching = Matching(measured=fit.measured)
    matched = is_within(matching.mismatch, tolerance)
    with case(matched, True):
        fine = keep_going(matching.mismatch)
    with case(matched, False):
        poor = match_again(fit.measured)
    report = Report(measured=fit.measured, mismatch=matching.mismatch, advice=merge(fine, poor), name=name)

    emittance: Twiss = result(fit.measured)


class SecondBeamline(Laboratory):
    """The same laboratory behind another screen."""

    line: Beamline = parameter(default=Beamline(quad_length=0.15, drift=3.5))
    name: str = "second"
