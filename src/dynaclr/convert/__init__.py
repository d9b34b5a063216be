"""Turns foreign recordings into plates, track files and experiments; knows no training."""

from __future__ import annotations

from dynaclr.convert.ctc import CtcOptions, convert_ctc
from dynaclr.convert.report import ConversionReport

__all__ = ("ConversionReport", "CtcOptions", "convert_ctc")
