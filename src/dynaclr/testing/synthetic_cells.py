"""Simulates cells that move, turn, divide, leave and die; draws no pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

_MITOSIS_HOURS = 0.75
_DISTANCE_PX = 17.0  # cells closer than this push each other away


@dataclass(frozen=True, slots=True)
class Looks:
    """What a cell looks like and keeps: the identity that a network can learn.

    Attributes
    ----------
    radius_px, elongation
        Size and aspect of the nucleus.
    outline
        (3,) amplitudes of the 2nd to 4th harmonic of the outline, and (3,) their phases.
    spots
        (n, 4) inside the nucleus: distance and angle from the center, width px, brightness.
    granules
        (n, 4) around the nucleus: distance px, angle, width px, brightness.
    """

    radius_px: float
    elongation: float
    outline: npt.NDArray[np.float64]
    spots: npt.NDArray[np.float64]
    granules: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Behavior:
    """Dynamics of a condition, in hours and pixels.

    Attributes
    ----------
    speed_px_per_hour
        Typical speed.
    cycle_hours
        Time between divisions.
    death_per_hour
        Rate at which cells disappear.
    slowing_hours, rounding_hours, brightening_hours
        Time constants of what an infection does; infinity for no effect.
    """

    speed_px_per_hour: float = 5.0
    cycle_hours: float = 16.0
    death_per_hour: float = 0.002
    slowing_hours: float = np.inf
    rounding_hours: float = np.inf
    brightening_hours: float = np.inf


@dataclass(slots=True)
class Cell:
    """A cell at one frame."""

    track: int
    parent: int
    y: float
    x: float
    angle: float
    velocity: npt.NDArray[np.float64]
    to_division_hours: float
    looks: Looks
    age_hours: float = 0.0
    mitotic: float = 0.0
    rounding: float = 0.0
    organelle: float = 1.0


def _new_looks(rng: np.random.Generator) -> Looks:
    spots = np.column_stack(
        [
            rng.uniform(0.1, 0.8, 5),
            rng.uniform(0, 2 * np.pi, 5),
            rng.uniform(1.0, 2.2, 5),
            rng.uniform(-0.6, 0.9, 5),
        ]
    )
    granules = np.column_stack(
        [
            rng.uniform(9, 13, 6),
            rng.uniform(0, 2 * np.pi, 6),
            rng.uniform(1.2, 2.4, 6),
            rng.uniform(0.4, 1.2, 6),
        ]
    )
    outline = np.stack([rng.normal(0, 0.08, 3), rng.uniform(0, 2 * np.pi, 3)])
    return Looks(rng.uniform(6.0, 8.5), rng.uniform(1.0, 1.6), outline, spots, granules)


def _inherited(looks: Looks, rng: np.random.Generator) -> Looks:
    """Return a daughter's looks: the mother's, somewhat changed."""
    return replace(
        looks,
        radius_px=float(np.clip(looks.radius_px * rng.normal(0.95, 0.05), 5.5, 9.0)),
        elongation=float(np.clip(looks.elongation + rng.normal(0, 0.1), 1.0, 1.8)),
        outline=looks.outline + np.stack([rng.normal(0, 0.03, 3), rng.normal(0, 0.3, 3)]),
        spots=looks.spots + rng.normal(0, 1, looks.spots.shape) * np.array([0.08, 0.3, 0.1, 0.1]),
        granules=looks.granules + rng.normal(0, 1, looks.granules.shape) * np.array([0.5, 0.3, 0.1, 0.1]),
    )


def _new_cell(rng: np.random.Generator, track: int, where: tuple[float, float], behavior: Behavior) -> Cell:
    return Cell(
        track=track,
        parent=-1,
        y=where[0],
        x=where[1],
        angle=float(rng.uniform(0, 2 * np.pi)),
        velocity=rng.normal(0, behavior.speed_px_per_hour, 2),
        to_division_hours=float(rng.uniform(0.05, 1.0) * behavior.cycle_hours),
        looks=_new_looks(rng),
    )


def simulate(
    rng: np.random.Generator,
    *,
    frames: int,
    interval_hours: float,
    start_hours: float,
    image_yx: tuple[int, int],
    n_cells: int,
    behavior: Behavior,
) -> list[list[Cell]]:
    """Return the cells of every frame; a cell outside the image is gone.

    Parameters
    ----------
    rng
        Generator that is used up.
    frames, interval_hours, start_hours
        Clock of the recording; infection acts from hour 0.
    image_yx
        Size of the image, pixels.
    n_cells
        Cells at the first frame.
    behavior
        Dynamics.
    """
    height, width = image_yx
    places = zip(rng.uniform(6, height - 6, n_cells), rng.uniform(6, width - 6, n_cells), strict=True)
    cells = [_new_cell(rng, track, place, behavior) for track, place in enumerate(places, start=1)]
    next_track = n_cells + 1
    history = []
    for frame in range(frames):
        hours = start_hours + frame * interval_hours
        history.append([replace(cell) for cell in cells])
        cells, next_track = _divided(rng, cells, next_track, interval_hours, behavior)
        _moved(rng, cells, interval_hours, hours, behavior)
        cells = [cell for cell in cells if 0 <= cell.y <= height - 1 and 0 <= cell.x <= width - 1]
        cells = [cell for cell in cells if rng.random() >= behavior.death_per_hour * interval_hours]
        if rng.random() < 0.25 * interval_hours:  # a cell comes in at the border
            side, along = rng.integers(4), rng.random()
            y, x = along * (height - 1), along * (width - 1)
            where = [(1.0, x), (height - 2.0, x), (y, 1.0), (y, width - 2.0)]
            cells.append(_new_cell(rng, next_track, where[side], behavior))
            next_track += 1
    return history


def _divided(
    rng: np.random.Generator, cells: list[Cell], next_track: int, interval_hours: float, behavior: Behavior
) -> tuple[list[Cell], int]:
    """Advance the cell cycles; a mother is replaced by two daughters."""
    after = []
    for cell in cells:
        cell.age_hours += interval_hours
        cell.to_division_hours -= interval_hours
        cell.mitotic = float(np.clip(1 - cell.to_division_hours / _MITOSIS_HOURS, 0, 1))
        if cell.to_division_hours > 0:
            after.append(cell)
            continue
        direction = rng.uniform(0, 2 * np.pi)
        step = 7.0 * np.array([np.sin(direction), np.cos(direction)])
        for sign in (-1, 1):
            daughter = replace(
                cell,
                track=next_track,
                parent=cell.track,
                y=cell.y + sign * step[0],
                x=cell.x + sign * step[1],
                angle=float(rng.uniform(0, 2 * np.pi)),
                velocity=cell.velocity + sign * step / 2,
                to_division_hours=float(rng.normal(1, 0.15) * behavior.cycle_hours),
                looks=_inherited(cell.looks, rng),
                age_hours=0.0,
                mitotic=0.0,
            )
            after.append(daughter)
            next_track += 1
    return after, next_track


def _moved(
    rng: np.random.Generator, cells: list[Cell], interval_hours: float, hours: float, behavior: Behavior
) -> None:
    """Move, turn and age cells in place."""
    infected_hours = max(hours, 0.0)
    slow = np.exp(-infected_hours / behavior.slowing_hours)
    for cell in cells:
        memory = np.exp(-interval_hours / 1.5)
        kick = rng.normal(0, behavior.speed_px_per_hour * np.sqrt(1 - memory**2), 2)
        cell.velocity = memory * cell.velocity + kick
        push = np.zeros(2)
        for other in cells:
            gap = np.array([cell.y - other.y, cell.x - other.x])
            distance = float(np.hypot(*gap))
            if other is not cell and 0 < distance < _DISTANCE_PX:
                push += gap / distance * (_DISTANCE_PX - distance) * 0.4
        step = (cell.velocity * interval_hours + push) * slow
        cell.y, cell.x = cell.y + float(step[0]), cell.x + float(step[1])
        cell.angle += float(rng.normal(0, 0.25 * np.sqrt(interval_hours)))
        cell.rounding = 1 - float(np.exp(-infected_hours / behavior.rounding_hours))
        cell.organelle = 1 + 2 * (1 - float(np.exp(-infected_hours / behavior.brightening_hours)))
