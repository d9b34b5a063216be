"""Reading a batch of pairs against decoding each chunk that it needs once, by zarr-free tensorstore reads.

The floor opens the array without a cache and reads the bounding chunks one after the other, each once,
into a scratch array: what no reader of these files can avoid. Resampled patches are compared with plain ones
of as many stored pixels, or of as many pixels if these are more.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import tensorstore as ts
from runner import Result, compare, finish

from dynaclr.experiment.fovs import FovEntry
from dynaclr.experiment.plates import read_plate
from dynaclr.images.patches import PatchReader, PatchRequest
from dynaclr.images.plate_writer import write_plate
from dynaclr.images.stores import cpu_limit, make_context, open_array

CHANNELS, DEPTH, SIDE, FRAMES = 2, 8, 160, 12


def requests(rows: int, image: int) -> PatchRequest:
    """Return patches at random places of one FOV."""
    draw = np.random.default_rng(0)
    return PatchRequest(
        fov=np.zeros(rows, dtype=np.int64),
        t=draw.integers(0, FRAMES, rows),
        y=draw.integers(0, image - SIDE, rows),
        x=draw.integers(0, image - SIDE, rows),
    )


def decode_once(array: ts.TensorStore, request: PatchRequest) -> None:
    """Read every chunk that a request touches once."""
    chunk = array.chunk_layout.read_chunk.shape
    places = set()
    for t, y, x in zip(request.t.tolist(), request.y.tolist(), request.x.tolist(), strict=True):
        for cy in range(y // chunk[3], (y + SIDE - 1) // chunk[3] + 1):
            for cx in range(x // chunk[4], (x + SIDE - 1) // chunk[4] + 1):
                places.add((t, cy, cx))
    pending = []
    for t, cy, cx in sorted(places):
        y, x = cy * chunk[3], cx * chunk[4]
        box = array[t, :, :, y : min(y + chunk[3], array.shape[3]), x : min(x + chunk[4], array.shape[4])]
        pending.append(box.read())
    for result in pending:
        result.result()


def measure(chunk: tuple[int, int, int], rows: int, image: int) -> Result:
    """Compare for one chunking; pixels are checked first."""
    with tempfile.TemporaryDirectory() as temporary:
        shape = (FRAMES, CHANNELS, DEPTH, image, image)
        pixels = np.random.default_rng(1).normal(100, 10, shape).astype(np.float32)
        path = write_plate(
            Path(temporary) / "plate.zarr", {"A/1/0": pixels}, ["a", "b"], chunks=(1, 1, *chunk)
        )
        entry = FovEntry(0, "control", read_plate(path).fovs["A/1/0"])
        request = requests(rows, image)

        def ours() -> np.ndarray:
            reader = PatchReader([entry], ["bench"], [(0, 1)], (0, DEPTH), (SIDE, SIDE))
            return reader.read(request)

        def floor() -> None:
            decode_once(open_array(entry.layout, make_context(0), zeros_for_missing=False), request)

        found = ours()
        for place in (0, rows - 1):
            t, y, x = int(request.t[place]), int(request.y[place]), int(request.x[place])
            assert np.array_equal(found[place], pixels[t, :, :, y : y + SIDE, x : x + SIDE])
        title = f"{rows} patches {CHANNELS}x{DEPTH}x{SIDE}x{SIDE}, chunks {chunk}, {cpu_limit()} cores"
        return compare(title, ours, floor, limit=1.05, pairs=3)


def measure_resampling(step: float, limit: float, rows: int = 128, image: int = 1024) -> Result:
    """Compare patches of pixels that are `step` stored ones wide with plain ones of the larger size."""
    with tempfile.TemporaryDirectory() as temporary:
        shape = (FRAMES, CHANNELS, DEPTH, image, image)
        pixels = np.random.default_rng(1).normal(100, 10, shape).astype(np.float32)
        path = write_plate(
            Path(temporary) / "plate.zarr", {"A/1/0": pixels}, ["a", "b"], chunks=(1, 1, 1, 256, 256)
        )
        entry = FovEntry(0, "control", read_plate(path).fovs["A/1/0"])
        side, steps = round(SIDE / step), np.full((1, 2), step)
        request = requests(rows, image)
        scaled = PatchRequest(
            request.fov, request.t, (request.y / step).astype(np.int64), (request.x / step).astype(np.int64)
        )

        def ours() -> np.ndarray:
            reader = PatchReader([entry], ["bench"], [(0, 1)], (0, DEPTH), (side, side), steps=steps)
            return reader.read(scaled)

        size = (max(side, SIDE),) * 2
        plain_request = requests(rows, image - size[0] + SIDE)

        def plain() -> np.ndarray:
            return PatchReader([entry], ["bench"], [(0, 1)], (0, DEPTH), size).read(plain_request)

        assert ours().shape == (rows, CHANNELS, DEPTH, side, side)
        title = f"{rows} patches of {side} px from {SIDE} stored ones, {cpu_limit()} cores"
        return compare(title, ours, plain, limit=limit, pairs=3)


def main() -> None:
    finish(
        [
            measure((1, 256, 256), 256, 1024),
            measure((8, 1024, 1024), 64, 1024),
            measure_resampling(2.0, limit=1.5),
            measure_resampling(0.7, limit=2.5),
        ]
    )


if __name__ == "__main__":
    main()
