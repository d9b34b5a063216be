"""Figures from plain data: losses, batch composition, embeddings, pairs."""

from __future__ import annotations

from dynaclr.figures.canvas import new_figure, save
from dynaclr.figures.composition import composition_figure
from dynaclr.figures.embedding import embedding_figure
from dynaclr.figures.losses import loss_figure
from dynaclr.figures.pairs import contact_sheet

__all__ = (
    "composition_figure",
    "contact_sheet",
    "embedding_figure",
    "loss_figure",
    "new_figure",
    "save",
)
