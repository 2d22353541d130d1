"""Emittance and Twiss parameters of an electron beam, from the camera images of a quadrupole scan.

A quadrupole is stepped through its strengths, and a screen behind it shows the beam at each. Every image is
freed of its background and fitted with a Gaussian; the squares of the sizes give the beam matrix at the
quadrupole's entrance, and with it emittance, beta, alpha and gamma of either plane, each with its error.
`quad_scan.py` has the physics, its sources, and a simulated machine whose truth is `simulated_beam`.

    python -m lume_dsl run examples/beam_size.py:BeamSize --seed 7
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from quad_scan import (
    Beamline,
    Camera,
    Counts,
    Floats,
    Scan,
    Spot,
    Twiss,
    fit_gaussian,
    fit_twiss,
    relativistic_momentum,
    simulate_scan,
)

from lume_dsl import DBResult, LumeFlow, db_result, file_result, parameter, step, task, unmapped
from lume_dsl.files import ImageFile, NumPyFile

Pixels = NDArray[np.uint8]
Table = NDArray[np.void]


# ------------------------------------------------------------------------------------------------- the tasks
@task
def take_scan(
    k1_min: float, k1_max: float, shots: int, energy: float, quad_length: float, drift: float, seed: int
) -> Scan:
    """One image at each of `shots` evenly spaced strengths. What reads a real scan goes in its place."""
    return simulate_scan(np.linspace(k1_min, k1_max, shots), energy, Beamline(quad_length, drift), seed)


@task
def subtract_background(image: Counts, background: Floats, camera: Camera) -> Floats:
    """The light of the beam alone (counts). A saturated image, whose spot would seem wider, is refused."""
    if image.max() >= camera.saturation:
        raise ValueError(f"the image is saturated: a pixel < {camera.saturation} counts must hold for all")
    return image - background


@task
def fit_spot(signal: Floats, dark_variance: Floats, camera: Camera) -> Spot:
    """Centre and size of the beam on one background-subtracted image."""
    return fit_gaussian(signal, dark_variance, camera)


@task
def tabulate(strengths: list[float], spots: list[Spot]) -> Table:
    """A row for each image: strength (m^-2), sizes and their errors (m), chi square per degree of freedom."""
    columns = ["k1", "size_x", "size_x_error", "size_y", "size_y_error", "chi_square"]
    rows = [
        (k1, spot.size_x, spot.size_x_error, spot.size_y, spot.size_y_error, spot.chi_square)
        for k1, spot in zip(strengths, spots, strict=True)
    ]
    return np.array(rows, dtype=[(column, np.float64) for column in columns])


@task
def beta_gamma(energy: float) -> float:
    """What normalises an emittance: the electron's momentum in units of m c."""
    return relativistic_momentum(energy)


# -------------------------------------------------------------------------------------------------- the flow
class BeamSize(LumeFlow):
    """Emittance and Twiss parameters from the camera images of a quadrupole scan."""

    energy: float = parameter(default=0.135, help="total energy of an electron", unit="GeV")
    quad_length: float = parameter(default=0.108, help="magnetic length of the quadrupole", unit="m")
    drift: float = parameter(default=2.2, help="from the quadrupole's exit to the screen", unit="m")
    k1_min: float = parameter(default=-7.0, help="first strength; negative: focuses in y", unit="m^-2")
    k1_max: float = parameter(default=7.0, help="last strength", unit="m^-2")
    shots: int = parameter(default=31, ge=4, help="images in the scan, one at each strength")
    seed: int = parameter(default=2003, ge=0, help="of the simulated machine")

    scan = take_scan(k1_min, k1_max, shots, energy, quad_length, drift, seed)
    signals = subtract_background.map(scan.images, unmapped(scan.background), unmapped(scan.camera))
    spots = fit_spot.map(signals, unmapped(scan.dark_variance), unmapped(scan.camera))
    sizes = tabulate(scan.strengths, spots)
    momentum = beta_gamma(energy)

    @step
    def horizontal(self, sizes: Table) -> Twiss:
        """The plane that a positive strength focuses."""
        line = Beamline(self.quad_length, self.drift)
        twiss = fit_twiss(line.response(sizes["k1"]), sizes["size_x"], sizes["size_x_error"])
        self.logger.info("horizontal: %s", twiss)
        return twiss

    @step
    def vertical(self, sizes: Table) -> Twiss:
        """The plane that a positive strength defocuses."""
        line = Beamline(self.quad_length, self.drift)
        twiss = fit_twiss(line.response(-sizes["k1"]), sizes["size_y"], sizes["size_y_error"])
        self.logger.info("vertical: %s", twiss)
        return twiss

    @step
    def drawing(self, signals: list[Floats], sizes: Table, horizontal: Twiss, vertical: Twiss) -> Pixels:
        """All images, and below them sigma^2 against strength in both planes: (rows, WIDTH, 3)."""
        line, k1 = Beamline(self.quad_length, self.drift), sizes["k1"]
        x = plot("x", k1, sizes["size_x"], sizes["size_x_error"], line.response(k1), horizontal.moments)
        y = plot("y", k1, sizes["size_y"], sizes["size_y_error"], line.response(-k1), vertical.moments)
        return np.vstack([montage(signals, k1), np.hstack([x, y])])

    normalised_x = horizontal.emittance * momentum
    normalised_y = vertical.emittance * momentum

    picture: ImageFile = file_result(drawing, filename="quad_scan.png", filesystem="local", overwrite=True)
    table: NumPyFile = file_result(sizes, filename="quad_scan.npy", filesystem="local", overwrite=True)
    record: DBResult = db_result(
        emittance_x=horizontal.emittance,
        emittance_x_error=horizontal.emittance_error,
        normalised_emittance_x=normalised_x,
        beta_x=horizontal.beta,
        beta_x_error=horizontal.beta_error,
        alpha_x=horizontal.alpha,
        alpha_x_error=horizontal.alpha_error,
        gamma_x=horizontal.gamma,
        gamma_x_error=horizontal.gamma_error,
        emittance_y=vertical.emittance,
        emittance_y_error=vertical.emittance_error,
        normalised_emittance_y=normalised_y,
        beta_y=vertical.beta,
        beta_y_error=vertical.beta_error,
        alpha_y=vertical.alpha,
        alpha_y_error=vertical.alpha_error,
        gamma_y=vertical.gamma,
        gamma_y_error=vertical.gamma_error,
        picture=picture,
        table=table,
    )


# ----------------------------------------------------------------------------------------------- the picture
WIDTH, COLUMNS, REDUCTION = 1280, 8, 4
"""The picture's columns, the images in a row, and by how much their sides shrink."""
INKS = np.array([[12, 7, 40], [100, 20, 110], [200, 60, 70], [250, 150, 40], [252, 255, 190]])
"""From no light to an image's brightest (RGB)."""


def montage(signals: list[Floats], strengths: Floats) -> Pixels:
    """Every image, reduced, in its own brightness, under its strength: (rows, WIDTH, 3)."""
    tiles = [np.asarray(thumbnail(signal, k1)) for signal, k1 in zip(signals, strengths, strict=True)]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS)
    return np.vstack([np.hstack(tiles[first : first + COLUMNS]) for first in range(0, len(tiles), COLUMNS)])


def thumbnail(signal: Floats, k1: float) -> Image.Image:
    """One image, averaged over blocks of REDUCTION pixels."""
    rows, columns = (side // REDUCTION for side in signal.shape)
    light = signal.reshape(rows, REDUCTION, columns, REDUCTION).mean(axis=(1, 3))
    light = np.clip(light / light.max(), 0, 1)
    inked = np.stack([np.interp(light, np.linspace(0, 1, len(INKS)), ink) for ink in INKS.T], axis=-1)
    image = Image.fromarray(inked.astype(np.uint8))
    ImageDraw.Draw(image).text((4, 2), f"{k1:+.2f} m^-2", fill="white", font=ImageFont.load_default(12))
    return image


def plot(plane: str, k1: Floats, sizes: Floats, errors: Floats, response: Floats, moments: Floats) -> Pixels:
    """sigma^2 and the fit against strength; below, what is left over its error: (440, WIDTH / 2, 3)."""
    image = Image.new("RGB", (WIDTH // 2, 440), "white")
    fit, square, error = response @ moments, sizes**2, 2 * sizes * errors
    above = Axes(ImageDraw.Draw(image), (60, 30, 600, 275), (k1[0], k1[-1]), (0, 1.1e6 * square.max()))
    above.frame(f"sigma_{plane}^2 (mm^2) and its fit")
    above.pen.line([above.at(*point) for point in zip(k1, 1e6 * fit, strict=True)], fill="crimson", width=2)
    above.mark(k1, 1e6 * square)
    below = Axes(above.pen, (60, 330, 600, 410), above.across, (-4, 4))
    below.frame("(sigma^2 - fit) / error,  against the strength (m^-2)")
    below.pen.line([below.at(k1[0], 0), below.at(k1[-1], 0)], fill="crimson")
    below.mark(k1, (square - fit) / error, bar=1.0)
    return np.asarray(image)


@dataclass(frozen=True)
class Axes:
    """A frame in a picture: its left, top, right and bottom, and the ranges that it shows."""

    pen: ImageDraw.ImageDraw
    box: tuple[int, int, int, int]
    across: tuple[float, float]
    up: tuple[float, float]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where in the picture a point lies."""
        left, top, right, bottom = self.box
        return (
            left + (right - left) * (x - self.across[0]) / (self.across[1] - self.across[0]),
            bottom + (top - bottom) * (y - self.up[0]) / (self.up[1] - self.up[0]),
        )

    def frame(self, title: str) -> None:
        """The box, its title and five numbers on either axis."""
        font = ImageFont.load_default(13)
        self.pen.rectangle(self.box, outline="black")
        self.pen.text((320, self.box[1] - 6), title, fill="black", font=font, anchor="mb")
        for x, y in zip(np.linspace(*self.across, 5), np.linspace(*self.up, 5), strict=True):
            place = self.at(x, y)
            self.pen.text((place[0], self.box[3] + 5), f"{x:.3g}", fill="black", font=font, anchor="mt")
            self.pen.text((self.box[0] - 5, place[1]), f"{y:.2g}", fill="black", font=font, anchor="rm")

    def mark(self, xs: Floats, ys: Floats, *, bar: float = 0.0) -> None:
        """A circle at each point, and a bar that far to either side."""
        for x, y in zip(xs, ys, strict=True):
            across, up = self.at(x, y)
            self.pen.line([self.at(x, y - bar), self.at(x, y + bar)], fill="navy")
            self.pen.ellipse([across - 3, up - 3, across + 3, up + 3], outline="navy")
