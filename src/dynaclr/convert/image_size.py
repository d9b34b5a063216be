"""The image that tracks are held against, of a plate or of a viewer."""

from __future__ import annotations

from dataclasses import dataclass

from dynaclr.experiment import FovLayout


@dataclass(frozen=True, slots=True)
class ImageSize:
    """Size of an image and of its pixels.

    Attributes
    ----------
    shape
        (T, C, Z, Y, X).
    pixel_um
        Width of a pixel; 0 if it is not known.
    what
        What messages call it.
    """

    shape: tuple[int, int, int, int, int]
    pixel_um: float = 0.0
    what: str = "plate"

    @classmethod
    def of(cls, layout: FovLayout) -> ImageSize:
        """Return that of a field of view."""
        return cls(layout.shape, layout.scale[-1])
