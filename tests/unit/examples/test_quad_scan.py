"""The physics of examples/quad_scan.py: what its docstrings promise, without any flow."""

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"
STRENGTHS = np.linspace(-7.0, 7.0, 31)
ENERGY = 0.135
PLANES = [("x", 0, 1.0), ("y", 1, -1.0)]
"""A plane's name, its place in `simulated_beam`, and the sign of the strength that focuses it."""


@pytest.fixture
def quad_scan(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module, imported as it is from beside it."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return importlib.import_module("quad_scan")


@pytest.fixture
def line(quad_scan):
    return quad_scan.Beamline(quad_length=0.108, drift=2.2)


def measured(quad_scan, line, strengths, seed):
    """What the analysis makes of one simulated scan: its spots, and the Twiss parameters of x and y."""
    scan = quad_scan.simulate_scan(strengths, ENERGY, line, seed)
    spots = [quad_scan.fit_gaussian(image - scan.background, scan.dark_variance, scan.camera) for image in scan.images]
    twiss = []
    for plane, _, sign in PLANES:
        sizes = np.array([getattr(spot, f"size_{plane}") for spot in spots])
        errors = np.array([getattr(spot, f"size_{plane}_error") for spot in spots])
        twiss.append(quad_scan.fit_twiss(line.response(sign * strengths), sizes, errors))
    return spots, twiss


@pytest.fixture
def spot_on(quad_scan):
    """One noise-free exposure of a Gaussian of known place and size (m), in a camera without resolution."""

    def expose(x, y, size_x, size_y, charge=1e6, constant=0.0):
        camera = quad_scan.Camera(resolution=0.0)
        rows, columns = camera.shape
        across = quad_scan.pixel_profile(x / camera.pixel - 0.5, size_x / camera.pixel, columns)[0]
        up = quad_scan.pixel_profile(y / camera.pixel - 0.5, size_y / camera.pixel, rows)[0]
        signal = charge * np.outer(up, across) + constant
        return signal, camera.variance(np.zeros(camera.shape)), camera

    return expose


# ---------------------------------------------------------------------------------------------------- optics
@pytest.mark.parametrize("k1", [-7.0, -1e-9, 0.0, 1e-9, 7.0])
def test_transfer_matrix_is_symplectic(line, k1):
    assert np.linalg.det(line.matrix(k1)) == pytest.approx(1.0, abs=1e-12)


def test_without_strength_the_quadrupole_is_a_drift(line):
    np.testing.assert_allclose(line.matrix(0.0), [[1.0, 0.108 + 2.2], [0.0, 1.0]], rtol=1e-15)


@pytest.mark.parametrize("inverse_focal_length", [-0.7, 0.7])
def test_a_short_quadrupole_is_a_thin_lens(quad_scan, inverse_focal_length):
    length, drift = 1e-7, 2.2
    thick = quad_scan.Beamline(length, drift).matrix(inverse_focal_length / length)
    thin = np.array([[1.0, drift], [0.0, 1.0]]) @ np.array([[1.0, 0.0], [-inverse_focal_length, 1.0]])
    np.testing.assert_allclose(thick, thin, atol=1e-6)


def test_half_quadrupoles_compose_to_the_whole(quad_scan):
    half, whole = quad_scan.Beamline(0.054, 0.0), quad_scan.Beamline(0.108, 0.0)
    for k1 in (-7.0, 7.0):
        np.testing.assert_allclose(half.matrix(k1) @ half.matrix(k1), whole.matrix(k1), rtol=1e-13)


def test_response_is_the_transported_beam_matrix(quad_scan, line):
    """sigma^2 is element 11 of R S R^T."""
    beam = quad_scan.Twiss(4.5e-9, 8.0, 0.8)
    s11, s12, s22 = beam.moments
    for k1, square in zip(STRENGTHS, line.response(STRENGTHS) @ beam.moments, strict=True):
        matrix = line.matrix(k1)
        assert square == pytest.approx((matrix @ [[s11, s12], [s12, s22]] @ matrix.T)[0, 0], rel=1e-12)


def test_moments_hold_the_emittance(quad_scan):
    s11, s12, s22 = quad_scan.Twiss(4.5e-9, 8.0, 0.8).moments
    assert np.sqrt(s11 * s22 - s12**2) == pytest.approx(4.5e-9, rel=1e-12)


# ------------------------------------------------------------------------------------------------ simulation
def test_a_seed_gives_the_same_scan_and_another_seed_another(quad_scan, line):
    strengths = STRENGTHS[:3]
    one, same, other = (quad_scan.simulate_scan(strengths, ENERGY, line, seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one.images, same.images)
    np.testing.assert_array_equal(one.background, same.background)
    assert not np.array_equal(one.images, other.images)


def test_images_are_those_of_a_12_bit_camera(quad_scan, line):
    scan = quad_scan.simulate_scan(STRENGTHS, ENERGY, line, seed=1)
    images = np.array(scan.images)
    assert images.shape == (31, 480, 640)
    assert images.dtype == np.uint16
    assert 0 < images.min() < images.max() < scan.camera.saturation, "no pixel is clipped"


def test_the_beam_stays_resolved_and_on_the_screen(quad_scan, line):
    """From 5 pixels at a waist to a tenth of the image's width; both waists lie inside the scan."""
    camera = quad_scan.Camera()
    for (_, place, sign), side in zip(PLANES, (640, 480), strict=True):
        beam = quad_scan.simulated_beam(ENERGY)[place]
        sizes = np.sqrt(line.response(sign * STRENGTHS) @ beam.moments) / camera.pixel
        assert sizes.min() > 5
        assert sizes.max() < side / 8
        assert 2 < np.argmin(sizes) < len(sizes) - 3


def test_dark_variance_is_that_of_a_background_subtracted_image(quad_scan, line):
    scan = quad_scan.simulate_scan(STRENGTHS[:1], ENERGY, line, seed=3)
    corner = (slice(0, 60), slice(0, 100))  # far from the beam
    residual = scan.images[0][corner] - scan.background[corner]
    expected = scan.dark_variance[corner].mean()
    assert residual.var() == pytest.approx(expected, rel=5 * np.sqrt(2 / residual.size))


# ------------------------------------------------------------------------------------------------- image fit
def test_profile_collects_the_whole_charge_and_has_the_slopes_it_says(quad_scan):
    profile, by_centre, by_size = quad_scan.pixel_profile(30.3, 4.2, 64)
    assert profile.sum() == pytest.approx(1.0, abs=1e-12)
    h = 1e-5
    step = quad_scan.pixel_profile
    np.testing.assert_allclose(
        by_centre, (step(30.3 + h, 4.2, 64)[0] - step(30.3 - h, 4.2, 64)[0]) / (2 * h), atol=1e-9
    )
    np.testing.assert_allclose(by_size, (step(30.3, 4.2 + h, 64)[0] - step(30.3, 4.2 - h, 64)[0]) / (2 * h), atol=1e-9)


@pytest.mark.parametrize("size_pixels", [0.7, 1.5, 6.0, 60.0])
def test_noise_free_image_gives_back_its_spot(quad_scan, spot_on, size_pixels):
    """Also where a pixel is as wide as the beam, and where the image cuts the beam's tails."""
    size = size_pixels * 8e-6
    spot = quad_scan.fit_gaussian(*spot_on(2.503e-3, 1.9e-3, size, 50e-6, constant=3.0))
    assert (spot.x, spot.y) == pytest.approx((2.503e-3, 1.9e-3), abs=1e-9)
    assert (spot.size_x, spot.size_y) == pytest.approx((size, 50e-6), rel=1e-5)


def test_resolution_is_taken_off_in_quadrature(quad_scan, spot_on):
    signal, variance, _ = spot_on(2.5e-3, 1.9e-3, 50e-6, 130e-6)
    spot = quad_scan.fit_gaussian(signal, variance, quad_scan.Camera(resolution=30e-6))
    assert (spot.size_x, spot.size_y) == pytest.approx((40e-6, np.sqrt(130**2 - 30**2) * 1e-6), rel=1e-5)


def test_a_spot_narrower_than_the_resolution_is_refused(quad_scan, spot_on):
    signal, variance, _ = spot_on(2.5e-3, 1.9e-3, 50e-6, 130e-6)
    with pytest.raises(ValueError, match=r"image size 5e-05 m > resolution 6e-05 m must hold"):
        quad_scan.fit_gaussian(signal, variance, quad_scan.Camera(resolution=60e-6))


@pytest.mark.parametrize("light", [-3.0, 0.0, 0.5])
@pytest.mark.parametrize("seed", range(4))
def test_an_image_without_beam_is_refused(quad_scan, light, seed):
    camera = quad_scan.Camera()
    signal = np.random.default_rng(seed).normal(light, camera.read_noise, camera.shape)
    with pytest.raises(ValueError, match="no beam on this image"):
        quad_scan.fit_gaussian(signal, camera.variance(np.zeros(camera.shape)), camera)


# ------------------------------------------------------------------------------------------------- emittance
@pytest.mark.parametrize("strengths", [STRENGTHS, np.array([-3.0, 0.0, 3.0])], ids=["31 strengths", "three"])
def test_noise_free_sizes_give_back_the_beam(quad_scan, line, strengths):
    truth = quad_scan.Twiss(4.5e-9, 8.0, 0.8)
    response = line.response(strengths)
    sizes = np.sqrt(response @ truth.moments)
    found = quad_scan.fit_twiss(response, sizes, np.full(sizes.shape, 1e-7))
    assert (found.emittance, found.beta, found.alpha, found.gamma) == pytest.approx(
        (truth.emittance, truth.beta, truth.alpha, truth.gamma), rel=1e-7
    )
    assert found.chi_square == pytest.approx(0.0, abs=1e-9)


def test_errors_tell_the_scatter_of_repeated_fits(quad_scan, line):
    """Over 2000 scans with Gaussian errors on the sizes, the scatter is within 10% of the error quoted."""
    truth = quad_scan.Twiss(4.5e-9, 8.0, 0.8)
    response, rng = line.response(STRENGTHS), np.random.default_rng(0)
    sizes = np.sqrt(response @ truth.moments)
    errors = 0.01 * sizes
    fits = [quad_scan.fit_twiss(response, rng.normal(sizes, errors), errors) for _ in range(2000)]
    for name in ("emittance", "beta", "alpha", "gamma"):
        scatter = np.std([getattr(fit, name) for fit in fits])
        assert scatter == pytest.approx(np.median([getattr(fit, f"{name}_error") for fit in fits]), rel=0.1), name


@pytest.mark.parametrize("strengths", [[1.0, 2.0], [2.0, 2.0, 2.0]])
def test_too_few_strengths_are_refused(quad_scan, line, strengths):
    sizes = np.full(len(strengths), 1e-4)
    with pytest.raises(ValueError, match="at least three different strengths"):
        quad_scan.fit_twiss(line.response(np.array(strengths)), sizes, 1e-3 * sizes)


def test_sizes_that_no_beam_has_are_refused(quad_scan, line):
    """Squares that grow with strength more steeply than any beam's, S11 S22 < S12^2."""
    response = line.response(np.linspace(-3.0, 0.0, 5))
    sizes = np.sqrt(response @ [1e-8, 1e-8, 0.9e-8])
    with pytest.raises(ValueError, match="is not positive"):
        quad_scan.fit_twiss(response, sizes, 1e-3 * sizes)


# ------------------------------------------------------------------------------------------ from end to end
def test_pulls_of_twenty_scans_have_mean_zero_and_rms_one(quad_scan, line):
    """The whole chain, images to Twiss parameters, is unbiased and quotes the errors that it makes.

    Twenty independent pulls have a mean of 0 +- 0.22 and an rms of 1 +- 0.16: the limits are 3.5 times those.
    The seeds are fixed, so that the test always does the same. Every third strength, to save time.
    """
    truths, strengths = quad_scan.simulated_beam(ENERGY), STRENGTHS[::3]
    pulls, size_pulls, image_chi_squares = [], [], []
    for seed in range(20):
        spots, found = measured(quad_scan, line, strengths, seed)
        image_chi_squares += [spot.chi_square for spot in spots]
        for plane, place, sign in PLANES:
            truth, fit = truths[place], found[place]
            pulls += [
                (getattr(fit, name) - getattr(truth, name)) / getattr(fit, f"{name}_error")
                for name in ("emittance", "beta", "alpha", "gamma")
            ]
            true_sizes = np.sqrt(line.response(sign * strengths) @ truth.moments)
            size_pulls += [
                (getattr(spot, f"size_{plane}") - true_size) / getattr(spot, f"size_{plane}_error")
                for spot, true_size in zip(spots, true_sizes, strict=True)
            ]
    by_quantity = np.array(pulls).reshape(20, 8)
    assert np.abs(by_quantity.mean(axis=0)).max() < 3.5 * 0.22
    np.testing.assert_allclose(np.sqrt((by_quantity**2).mean(axis=0)), 1.0, atol=3.5 * 0.16)
    assert np.mean(size_pulls) == pytest.approx(0.0, abs=4 / np.sqrt(len(size_pulls)))
    assert np.std(size_pulls) == pytest.approx(1.0, abs=4 / np.sqrt(2 * len(size_pulls)))
    assert np.mean(image_chi_squares) == pytest.approx(1.0, abs=2e-3)
