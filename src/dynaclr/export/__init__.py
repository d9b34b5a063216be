"""Tracks after curation, with the marks as annotations, written for other tools: CSV, GEFF, CTC."""

from __future__ import annotations

from dynaclr.export.export import FORMATS, ExportOptions, ExportReport, export_tracks

__all__ = ("FORMATS", "ExportOptions", "ExportReport", "export_tracks")
