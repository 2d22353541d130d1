"""A quadrupole scan: its optics, a seeded simulation of its camera images, and the fits that measure it.

The physics of `beam_size.py`, in plain functions that know nothing of flows. Units: m and rad; strengths K1
in m^-2; energies in GeV; what comes from the camera in counts and pixels. Errors are one standard deviation.

Sources:

- optics and the scan: M. Minty and F. Zimmermann, "Measurement and Control of Charged Particle Beams",
  Springer 2003, section 4.1, doi:10.1007/978-3-662-08581-3;
- Fisher scoring: P. McCullagh and J. Nelder, "Generalized Linear Models", 2nd edition, Chapman and Hall 1989,
  section 2.5.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Floats = NDArray[np.float64]
Counts = NDArray[np.uint16]

ELECTRON_MASS = 0.51099895069e-3
"""GeV/c^2 (CODATA 2022)."""

FWHM = 2.3548
"""Full width at half maximum of a Gaussian of unit size: 2 sqrt(2 ln 2)."""


# ---------------------------------------------------------------------------------------------------- optics
@dataclass(frozen=True)
class Beamline:
    """A quadrupole and the drift from its exit to the screen (m)."""

    quad_length: float
    drift: float

    def matrix(self, k1: float) -> Floats:
        """Thick-lens transfer matrix (2, 2), from the quadrupole's entrance to the screen.

        `k1` (m^-2) is positive where the plane is focused: pass -k1 for the vertical plane.
        """
        phase = np.sqrt(complex(k1)) * self.quad_length  # imaginary where the plane is defocused
        cosine, sinc = np.cos(phase).real, np.sinc(phase / np.pi).real
        quad = [[cosine, self.quad_length * sinc], [-k1 * self.quad_length * sinc, cosine]]
        return np.array([[1.0, self.drift], [0.0, 1.0]]) @ np.array(quad)

    def response(self, strengths: Floats) -> Floats:
        """What one unit of (S11, S12, S22) at the entrance adds to sigma^2 at the screen: (n, 3).

        sigma^2 = R11^2 S11 + 2 R11 R12 S12 + R12^2 S22, one row for each strength.
        """
        r11, r12 = np.array([self.matrix(k1)[0] for k1 in strengths]).T
        return np.stack([r11**2, 2 * r11 * r12, r12**2], axis=1)


@dataclass(frozen=True)
class Twiss:
    """One plane of a beam: geometric emittance (m rad), beta (m), alpha; and the errors of a measured one."""

    emittance: float
    beta: float
    alpha: float
    emittance_error: float = 0.0
    beta_error: float = 0.0
    alpha_error: float = 0.0
    gamma_error: float = 0.0
    chi_square: float = 0.0
    """Of the fit, for each degree of freedom."""

    def __str__(self) -> str:
        return (
            f"emittance ({1e9 * self.emittance:.4f} +- {1e9 * self.emittance_error:.4f}) nm rad, "
            f"beta ({self.beta:.4f} +- {self.beta_error:.4f}) m, "
            f"alpha {self.alpha:.4f} +- {self.alpha_error:.4f}"
        )

    @property
    def gamma(self) -> float:
        """(1 + alpha^2) / beta (1/m)."""
        return (1 + self.alpha**2) / self.beta

    @property
    def moments(self) -> Floats:
        """The beam matrix's S11 (m^2), S12 (m rad) and S22 (rad^2): (3,)."""
        return self.emittance * np.array([self.beta, -self.alpha, self.gamma])


def relativistic_momentum(energy: float) -> float:
    """Beta gamma of an electron of this total energy (GeV): normalised emittance over geometric."""
    return sqrt((energy / ELECTRON_MASS) ** 2 - 1)


# ------------------------------------------------------------------------------------------------ simulation
@dataclass(frozen=True)
class Camera:
    """A 12-bit camera that looks at the screen. Every number here is known from its calibration."""

    shape: tuple[int, int] = (480, 640)
    """Rows (vertical) and columns (horizontal)."""
    pixel: float = 8e-6
    """Side of a pixel, on the screen (m)."""
    resolution: float = 12e-6
    """Size that screen and optics give to a point (m); adds to the beam's in quadrature."""
    gain: float = 0.5
    """Photoelectrons in a count."""
    read_noise: float = 12.0
    """Counts, rms."""
    pedestal: float = 64.0
    """Counts of a pixel that sees no light."""
    saturation: int = 4095
    """Counts."""

    def variance(self, light: Floats) -> Floats:
        """Of a pixel (counts^2) that receives `light` (counts): read-out, digitisation and shot noise."""
        return self.read_noise**2 + 1 / 12 + np.clip(light, 0, None) / self.gain

    def expose(self, light: Floats, pedestal: float, rng: np.random.Generator) -> Counts:
        """One image of `light` (counts, noise-free)."""
        electrons = rng.poisson(light * self.gain)
        counts = pedestal + electrons / self.gain + rng.normal(0, self.read_noise, light.shape)
        return np.clip(np.rint(counts), 0, self.saturation).astype(np.uint16)

    def mean_exposure(self, light: Floats, frames: int, rng: np.random.Generator) -> Floats:
        """Mean of many images of the same light (counts): a sum of Poisson numbers is one Poisson number."""
        electrons = rng.poisson(light * self.gain * frames) / frames
        noise = sqrt((self.read_noise**2 + 1 / 12) / frames)
        return self.pedestal + electrons / self.gain + rng.normal(0, noise, light.shape)


@dataclass(frozen=True)
class Scan:
    """What a scan leaves: strengths (m^-2), an image at each, a background, and the camera's calibration."""

    strengths: list[float]
    images: list[Counts]
    background: Floats
    """Mean of `background_frames` images without beam (counts)."""
    background_frames: int
    camera: Camera

    @property
    def dark_variance(self) -> Floats:
        """Of each pixel of a background-subtracted image where there is no beam (counts^2)."""
        own = self.camera.variance(self.background - self.camera.pedestal)
        return own * (1 + 1 / self.background_frames)


NORMALISED_X, BETA_X, ALPHA_X = 1.2e-6, 8.0, 0.8
NORMALISED_Y, BETA_Y, ALPHA_Y = 0.9e-6, 6.5, -0.5
"""The simulated beam at the quadrupole's entrance: the known answer (m rad, m, 1)."""

CHARGE = 1e6
"""Light of one shot (counts, summed over the image)."""
CHARGE_JITTER, POINTING_JITTER, PEDESTAL_JITTER = 0.02, 20e-6, 1.0
"""Shot to shot, rms: of the charge (relative), of the beam's position (m) and of the pedestal (counts)."""
BACKGROUND_FRAMES = 100
"""So many that the noise which all images share through the background is small beside their own."""


def simulated_beam(energy: float) -> tuple[Twiss, Twiss]:
    """The truth of `simulate_scan`, horizontal and vertical, for an energy in GeV."""
    momentum = relativistic_momentum(energy)
    return (
        Twiss(NORMALISED_X / momentum, BETA_X, ALPHA_X),
        Twiss(NORMALISED_Y / momentum, BETA_Y, ALPHA_Y),
    )


def simulate_scan(strengths: Floats, energy: float, line: Beamline, seed: int) -> Scan:
    """The same scan for the same arguments: 12-bit images with shot and read-out noise over stray light."""
    rng, camera = np.random.default_rng(seed), Camera()
    rows, columns = camera.shape
    stray = np.linspace(40, 120, columns) + np.linspace(0, 30, rows)[:, None]
    horizontal, vertical = simulated_beam(energy)
    sizes_x = np.sqrt(line.response(strengths) @ horizontal.moments + camera.resolution**2) / camera.pixel
    sizes_y = np.sqrt(line.response(-strengths) @ vertical.moments + camera.resolution**2) / camera.pixel
    images = []
    for size_x, size_y in zip(sizes_x, sizes_y, strict=True):
        move_x, move_y = rng.normal(0, POINTING_JITTER / camera.pixel, 2)
        charge = CHARGE * rng.normal(1, CHARGE_JITTER)
        profile_x = pixel_profile(columns / 2 + move_x, size_x, columns)[0]
        profile_y = pixel_profile(rows / 2 + move_y, size_y, rows)[0]
        light = stray + charge * np.outer(profile_y, profile_x)
        images.append(camera.expose(light, camera.pedestal + rng.normal(0, PEDESTAL_JITTER), rng))
    background = camera.mean_exposure(stray, BACKGROUND_FRAMES, rng)
    return Scan(strengths.tolist(), images, background, BACKGROUND_FRAMES, camera)


# ------------------------------------------------------------------------------------------------ image fit
@dataclass(frozen=True)
class Spot:
    """The beam on one image: centre (m, from the image's corner) and size (m, the resolution taken off)."""

    x: float
    y: float
    size_x: float
    size_y: float
    size_x_error: float
    size_y_error: float
    chi_square: float
    """For each degree of freedom."""


def pixel_profile(centre: float, size: float, pixels: int) -> Floats:
    """Fraction of a Gaussian in each pixel of a row, and its slopes in centre and size: (3, pixels).

    Pixel i reaches from i - 1/2 to i + 1/2. The Gaussian is integrated over it: taken at its middle instead,
    it would come out of a fit with 1/12 pixel^2 too much in sigma^2.
    """
    edges = (np.arange(pixels + 1) - 0.5 - centre) / size
    density = np.exp(-(edges**2) / 2) / (sqrt(2 * np.pi) * size)
    return np.stack([np.diff(ndtr(edges)), -np.diff(density), -np.diff(edges * density)])


def projected_start(profile: Floats) -> tuple[float, float]:
    """Rough centre and size (pixels) of a projection, from what exceeds half its height."""
    smooth = np.convolve(profile, np.full(5, 0.2), mode="same")
    if smooth.max() <= 0:
        raise ValueError("no beam on this image: nothing exceeds the background")
    above = np.flatnonzero(smooth > smooth.max() / 2)
    return float(np.median(above)), above.size / FWHM


def fit_gaussian(signal: Floats, dark_variance: Floats, camera: Camera) -> Spot:
    """An upright Gaussian on a constant, fitted to a background-subtracted image within five of its sizes.

    `signal` (counts) and `dark_variance` (counts^2) are (rows, columns). Charge, centre, sizes and constant
    come out by Fisher scoring: Gauss-Newton steps whose weights, 1/variance, follow the *model*. Weights from
    the noisy pixels would favour those that fluctuated down and so bias the sizes; moments would be biased by
    what is left of the background and by where the sum ends; projections give every pixel of a column the
    same weight, and only serve to start. There is no tilt: quadrupole and beam are taken as uncoupled.

    Raises ValueError where there is no beam to fit.
    """
    (start_x, width), (start_y, height) = projected_start(signal.sum(0)), projected_start(signal.sum(1))
    rows = _around(start_y, height, signal.shape[0])
    columns = _around(start_x, width, signal.shape[1])
    signal, dark_variance = signal[rows, columns], dark_variance[rows, columns]
    values = np.array([signal.sum(), start_x - columns.start, width, start_y - rows.start, height, 0])
    for _ in range(30):
        spot, slopes = _gaussian(values, signal.shape)
        weights = 1 / (dark_variance + spot / camera.gain)
        residual = signal - spot - values[5]
        weighted = slopes * weights.ravel()
        covariance = np.linalg.inv(weighted @ slopes.T)
        step = covariance @ (weighted @ residual.ravel())
        if np.all(step**2 < 1e-6 * np.diag(covariance)):  # a thousandth of the errors
            break
        values = values + step
        if not (values[[0, 2, 4]] > 0).all():
            raise ValueError(f"no beam on this image: charge and sizes went to {values[[0, 2, 4]]}")
    else:
        raise ValueError(f"the Gaussian fit did not converge in 30 steps: it went to {values}")
    errors = np.sqrt(np.diag(covariance))
    if values[0] < 5 * errors[0]:
        raise ValueError(f"no beam on this image: a charge of {values[0]:.3g} +- {errors[0]:.3g} counts")
    size_x, size_x_error = _beam_size(values[2], errors[2], camera)
    size_y, size_y_error = _beam_size(values[4], errors[4], camera)
    return Spot(
        x=camera.pixel * float(values[1] + columns.start + 0.5),
        y=camera.pixel * float(values[3] + rows.start + 0.5),
        size_x=size_x,
        size_y=size_y,
        size_x_error=size_x_error,
        size_y_error=size_y_error,
        chi_square=float(np.sum(weights * residual**2)) / (signal.size - values.size),
    )


def _beam_size(fitted: float, error: float, camera: Camera) -> tuple[float, float]:
    """Size and error (m) of the beam itself, from those of its image (pixels)."""
    image_size = camera.pixel * float(fitted)
    if image_size <= camera.resolution:
        raise ValueError(f"image size {image_size:.3g} m > resolution {camera.resolution:.3g} m must hold")
    size = sqrt(image_size**2 - camera.resolution**2)
    return size, camera.pixel * float(error) * image_size / size


def _around(centre: float, size: float, pixels: int) -> slice:
    """Five sizes on either side of the centre, as far as there are pixels."""
    return slice(max(0, int(centre - 5 * size)), min(pixels, int(centre + 5 * size) + 1))


def _gaussian(values: Floats, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    """The spot (rows, columns), and the slopes (6, pixels) in charge, x, size_x, y, size_y and constant."""
    charge, x, size_x, y, size_y, _ = values
    gx, gx_centre, gx_size = pixel_profile(x, size_x, shape[1])
    gy, gy_centre, gy_size = pixel_profile(y, size_y, shape[0])
    along_x = np.stack([gx, charge * gx_centre, charge * gx_size, gx, gx, np.ones_like(gx)])
    along_y = np.stack([gy, gy, gy, charge * gy_centre, charge * gy_size, np.ones_like(gy)])
    slopes = along_y[:, :, None] * along_x[:, None, :]
    return charge * slopes[0], slopes.reshape(6, -1)


# ------------------------------------------------------------------------------------------------ emittance
def fit_twiss(response: Floats, sizes: Floats, errors: Floats) -> Twiss:
    """Emittance and Twiss parameters at the quadrupole's entrance, from the beam's sizes at the screen.

    Weighted linear least squares of sigma^2 in the moments S11, S12 and S22 (Minty and Zimmermann, 4.1):
    `response` is `Beamline.response`, (n, 3); `sizes` and `errors` are (n,), in m. Then

        emittance^2 = S11 S22 - S12^2, beta = S11/emittance, alpha = -S12/emittance, gamma = S22/emittance.

    Their errors follow to first order from the moments' covariance, which follows from `errors` alone; a
    `chi_square` near 1 says that those account for the scatter.

    The fit is done twice, the second time with the weights that the first one's sizes have: a size that
    fluctuates down has a smaller error, and would pull the emittance down with it.

    Raises ValueError where the scan does not determine the moments.
    """
    relative = 2 * errors / sizes
    moments, _ = _beam_moments(response, sizes**2, relative * sizes**2)
    error = relative * (response @ moments)
    moments, covariance = _beam_moments(response, sizes**2, error)
    s11, s12, s22 = moments.tolist()
    emittance = sqrt(s11 * s22 - s12**2)
    of_emittance = np.array([s22, -2 * s12, s11]) / (2 * emittance)
    of_others = np.diag([1, -1, 1]) / emittance - np.outer([s11, -s12, s22], of_emittance) / emittance**2
    slopes = np.vstack([of_emittance, of_others])
    variances = np.diag(slopes @ covariance @ slopes.T)
    emittance_error, beta_error, alpha_error, gamma_error = np.sqrt(variances).tolist()
    residual = (sizes**2 - response @ moments) / error
    return Twiss(
        emittance=emittance,
        beta=s11 / emittance,
        alpha=-s12 / emittance,
        emittance_error=emittance_error,
        beta_error=beta_error,
        alpha_error=alpha_error,
        gamma_error=gamma_error,
        chi_square=float(residual @ residual) / max(1, sizes.size - 3),
    )


def _beam_moments(response: Floats, squares: Floats, error: Floats) -> tuple[Floats, Floats]:
    """S11, S12 and S22 and their covariance (3, 3), from sigma^2 and its errors (n,), by least squares."""
    weighted = response / error[:, None]
    moments, _, rank, _ = np.linalg.lstsq(weighted, squares / error)
    if rank < 3:
        raise ValueError(f"three moments need at least three different strengths, got rank {rank}")
    determinant = moments[0] * moments[2] - moments[1] ** 2
    if determinant <= 0:
        raise ValueError(f"S11 S22 - S12^2 = {determinant:.3g} is not positive: does the scan pass a waist?")
    covariance = np.linalg.inv(weighted.T @ weighted)
    return moments.astype(np.float64), covariance.astype(np.float64)
