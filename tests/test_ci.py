"""What may be skipped in continuous integration."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SKIPS = {
    "test_lacks.py": "import pytest\ndef test_a(): pytest.skip('no screen')\n",
    "test_marked.py": "import pytest\n@pytest.mark.skipif(True, reason='no fork')\ndef test_a(): ...\n",
    "test_module.py": "import pytest\npytest.importorskip('no_such_module')\n",
    "test_listed.py": "import pytest\n@pytest.mark.skipif(True, reason='needs zarr 3')\ndef test_a(): ...\n",
}


@pytest.mark.parametrize(("ci", "bad"), [("true", set(SKIPS) - {"test_listed.py"}), ("", set())])
def test_a_check_that_could_not_run_fails_in_ci(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ci: str, bad: set[str]
) -> None:
    for name, text in SKIPS.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    options = ("-q", "--rootdir=.", "--continue-on-collection-errors", "-p", "tests.support.ci")
    command = [sys.executable, "-m", "pytest", *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    told = {name for name in SKIPS for what in ("FAILED", "ERROR") if f"\n{what} {name}" in done.stdout}
    assert told == bad, done.stdout
    assert bool(done.returncode) is bool(bad)
