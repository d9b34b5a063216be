"""In continuous integration a check that could not run has failed, unless what it lacks is listed here."""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from typing import Any

import pytest

MAY_LACK = r"zarr 3|umap-learn|root|superuser|no recordings are expected here"
"""What a sound machine may be without (or, as with root, have too much of), as reasons of skips say it."""


def _judged(report: Any) -> Any:
    if report.outcome == "skipped" and not hasattr(report, "wasxfail") and os.environ.get("CI"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not re.search(MAY_LACK, reason):
            report.outcome = "failed"
            report.longrepr = f"{reason}\nIn CI that is a failure: see {__name__}."
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    """Judge a test that was skipped."""
    return _judged((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    """Judge a module that was skipped as a whole."""
    return _judged((yield))
