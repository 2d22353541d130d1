"""The laboratory measures the beam that its gun makes, says what to do, and leaves each flow's own records."""

from __future__ import annotations

import importlib
from math import isclose, sqrt
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lume_dsl import ParameterError


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "examples"))
    monkeypatch.setenv("LUME_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return importlib.import_module("laboratory")


def test_the_thermal_emittance_is_that_of_dowell_and_schmerge(lab: ModuleType) -> None:
    """A laser of 0.3 mm and an excess energy of 0.26 eV: 0.3e-3 sqrt(0.26 / (3 511e3)) m rad."""
    assert isclose(lab.thermal_emittance.run(0.3e-3, 4.86, 4.6), 1.2355e-7, rel_tol=1e-3)
    assert isclose(lab.thermal_emittance.run(0.6e-3, 4.86, 4.6) / lab.thermal_emittance.run(0.3e-3, 4.86, 4.6), 2.0)


def test_the_charge_adds_to_the_emittance_in_quadrature(lab: ModuleType) -> None:
    thermal, both = (lab.Gun(charge=charge).run().emittance for charge in (1e-9, 250.0))
    assert isclose(both**2, thermal**2 + 0.4e-6**2, rel_tol=1e-9)


@pytest.mark.parametrize(("beta", "alpha"), [(8.0, 0.0), (16.0, 0.0), (4.0, 0.0)])
def test_the_mismatch_of_upright_ellipses_is_the_mean_of_the_ratios(lab: ModuleType, beta: float, alpha: float) -> None:
    measured, design = lab.Twiss(1e-9, beta, alpha), lab.Twiss(1e-9, 8.0, 0.0)
    found = lab.Matching(measured=measured, design=design).run().mismatch
    assert isclose(found, (beta / 8.0 + 8.0 / beta) / 2)


def test_a_size_is_what_the_transfer_matrix_gives(lab: ModuleType) -> None:
    """Without the quadrupole there is a drift: sigma^2 = S11 + 2 L S12 + L^2 S22."""
    beam, line = lab.Twiss(2e-9, 8.0, 0.8), lab.Beamline(quad_length=0.1, drift=2.2)
    length, gamma = 2.3, (1 + 0.8**2) / 8.0
    wanted = sqrt(2e-9 * (8.0 - 2 * length * 0.8 + length**2 * gamma))
    assert isclose(lab.beam_size.run(beam, 0.0, line), wanted, rel_tol=1e-9)


@pytest.mark.parametrize("name", ["Laboratory", "SecondBeamline"])
def test_the_beam_that_the_gun_makes_is_measured(lab: ModuleType, name: str) -> None:
    done = getattr(lab, name)(shots=31).run()
    truth, found = done.gun.beam, done.emittance
    assert abs(found.emittance - truth.emittance) < 4 * found.emittance_error
    assert abs(found.beta - truth.beta) < 4 * found.beta_error
    assert len(done.screens) == 31
    assert done.screens[0].k1 == -7.0
    assert done.report.page.read().startswith(f"{done.name}: emittance")
    assert Path(f"{done.name}-report.txt").is_file()


def test_a_beam_that_is_not_matched_is_told_so(lab: ModuleType) -> None:
    done = lab.Laboratory(beta=14.0).run()
    assert done.report.advice.startswith("match again, from beta 1")
    assert done.fine is None
    assert lab.Laboratory().run().report.advice.startswith("matched to")


def test_each_flow_leaves_its_own_records(lab: ModuleType) -> None:
    done = lab.Laboratory().run()
    (fit,) = lab.EmittanceFit.results()
    (report,) = lab.Report.results(name="injector")
    assert fit.project_name == report.project_name == "injector"
    assert fit.outputs["measured"] == done.emittance
    assert fit.inputs["sizes"] == [screen.size for screen in done.screens]
    assert report.outputs["mismatch"] == done.matching.mismatch


@pytest.mark.parametrize("wrong", [{"k1_max": 11.0}, {"shots": 3}, {"charge": -1.0}, {"name": "a/b"}])
def test_a_wrong_value_starts_nothing(lab: ModuleType, wrong: dict[str, Any]) -> None:
    with pytest.raises(ParameterError):
        lab.Laboratory(**wrong)
