"""Drawings with pyqtgraph, and the only room that imports it; knows no cells and no runs."""

from __future__ import annotations

from napari_dynaclr.plots.curve_plot import Curve, CurvePlot
from napari_dynaclr.plots.glyphs import Glyph, Stroke, glyph_pixmap, stroke_pixmap
from napari_dynaclr.plots.scatter_plot import ScatterPlot
from napari_dynaclr.plots.tree_canvas import TreeCanvas

__all__ = (
    "Curve",
    "CurvePlot",
    "Glyph",
    "ScatterPlot",
    "Stroke",
    "TreeCanvas",
    "glyph_pixmap",
    "stroke_pixmap",
)
