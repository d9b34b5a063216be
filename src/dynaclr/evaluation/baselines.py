"""Features that need no training: pixels and five measures of shape and light; takes planes (N, Y, X)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

HANDCRAFTED = ("area_px", "mean_intensity", "std_intensity", "elongation", "compactness")


def pixel_features(
    planes: npt.NDArray[np.floating], fitted_on: npt.NDArray[np.bool_], count: int = 64
) -> npt.NDArray[np.float64]:
    """Return principal components of the pixels, fitted on some rows.

    Parameters
    ----------
    planes
        (N, Y, X).
    fitted_on
        (N,) rows to fit on.
    count
        Most components.
    """
    from sklearn.decomposition import PCA

    flat = planes.reshape(len(planes), -1)
    model = PCA(min(count, int(fitted_on.sum()), flat.shape[1]), svd_solver="randomized", random_state=0)
    model.fit(flat[fitted_on])
    return np.asarray(model.transform(flat), dtype=np.float64)


def handcrafted_features(planes: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return the five features named in `HANDCRAFTED` (N, 5) of the object in the middle of each plane.

    The object is what lies above Otsu's threshold and hangs together with the middle: area, mean and
    deviation of its intensity, square root of the ratio of its principal second moments, and
    area over that of the circle that reaches its farthest pixel.
    """
    return np.array([_one(np.asarray(plane, dtype=np.float64)) for plane in planes])


def _one(plane: npt.NDArray[np.float64]) -> list[float]:
    from scipy.ndimage import label

    parts: npt.NDArray[np.int32] = np.zeros(plane.shape, dtype=np.int32)
    count = label(plane > _otsu(plane), output=parts)
    if not count:
        return [0.0, float(plane.mean()), float(plane.std()), 1.0, 1.0]
    grid: npt.NDArray[np.int64] = np.asarray(np.indices(plane.shape))
    yy, xx = grid[0], grid[1]
    distance = np.hypot(yy - (plane.shape[0] - 1) / 2, xx - (plane.shape[1] - 1) / 2)
    middle = parts.ravel()[int(np.argmin(np.where(parts > 0, distance, np.inf)))]
    mask: npt.NDArray[np.bool_] = np.asarray(parts == middle)
    y, x = yy[mask], xx[mask]
    values = plane[mask]
    moments = np.cov(np.stack([y, x])) if y.size > 1 else np.zeros((2, 2))
    small, large = np.linalg.eigvalsh(moments + np.eye(2) / 12)
    reach = np.hypot(y - y.mean(), x - x.mean()).max() + 0.5
    elongation = float(np.sqrt(large / small))
    return [
        float(y.size),
        float(values.mean()),
        float(values.std()),
        elongation,
        float(y.size / (np.pi * reach**2)),
    ]


def _otsu(plane: npt.NDArray[np.float64]) -> float:
    """Return the threshold of the largest variance between classes (Otsu, 1979)."""
    counts, edges = np.histogram(plane, bins=128)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = counts.sum() - below
    total = np.cumsum(counts * middles)
    mean_below = total / np.maximum(below, 1)
    mean_above = (total[-1] - total) / np.maximum(above, 1)
    return float(middles[np.argmax(below * above * (mean_below - mean_above) ** 2)])
