from __future__ import annotations

import logging
import threading
import warnings
from pathlib import Path

import pytest

from dynaclr.runs.record.notices import MOST_NOTICES, notices_to

pytestmark = [
    pytest.mark.filterwarnings(f"always:{text}")
    for text in ("12 anchors", "from a reader", "this goes away", "chunk")
]


def test_warnings_of_python_and_of_loggers_arrive_once(tmp_path: Path) -> None:
    told: list[str] = []
    with notices_to(tmp_path / "log.txt", told.append):
        for _ in range(3):
            warnings.warn("12 anchors for 16 places", UserWarning, stacklevel=1)
            logging.getLogger("dynaclr.sampler").warning("checkpoint skipped: %s", "last.ckpt")
        logging.getLogger("dynaclr").info("all is well")
        logging.getLogger("dynaclr").error("a failure is told by how the run ends")
        thread = threading.Thread(target=lambda: warnings.warn("from a reader", RuntimeWarning, stacklevel=1))
        thread.start()
        thread.join()
    assert told == ["12 anchors for 16 places", "checkpoint skipped: last.ckpt", "from a reader"]
    log = (tmp_path / "log.txt").read_text(encoding="utf-8")
    assert log.count("12 anchors for 16 places (UserWarning, ") == 3
    assert "a failure is told" in log


@pytest.mark.parametrize("category", [DeprecationWarning, FutureWarning, PendingDeprecationWarning])
def test_what_other_packages_will_change_is_for_the_log_only(tmp_path: Path, category: type[Warning]) -> None:
    told: list[str] = []
    with notices_to(tmp_path / "log.txt", told.append):
        warnings.warn("this goes away", category, stacklevel=1)
    assert told == []
    assert "this goes away" in (tmp_path / "log.txt").read_text(encoding="utf-8")


def test_they_are_bounded(tmp_path: Path) -> None:
    told: list[str] = []
    with notices_to(tmp_path / "log.txt", told.append):
        for number in range(3 * MOST_NOTICES):
            warnings.warn(f"chunk {number} is missing", UserWarning, stacklevel=1)
    assert told[:MOST_NOTICES] == [f"chunk {number} is missing" for number in range(MOST_NOTICES)]
    assert told[MOST_NOTICES:] == ["more warnings are in log.txt"]
    assert f"chunk {3 * MOST_NOTICES - 1} " in (tmp_path / "log.txt").read_text(encoding="utf-8")


def test_all_is_as_before_afterwards(tmp_path: Path) -> None:
    before = (warnings.showwarning, list(logging.getLogger().handlers))
    told: list[str] = []
    with pytest.raises(OSError), notices_to(tmp_path / "log.txt", told.append):
        raise OSError
    assert (warnings.showwarning, logging.getLogger().handlers) == before
    logging.getLogger("dynaclr").warning("later")
    assert told == []
