from __future__ import annotations

from pathlib import Path

from dynaclr.runs.record.logs import folded, last_lines


def test_the_last_lines(tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    assert last_lines(file, 3) == []
    file.write_text("a\n\nb\nc\nd")
    assert last_lines(file, 3) == ["b", "c", "d"]
    file.write_text("x" * 70_000 + "\nlast\n")
    assert last_lines(file, 3) == ["last"]  # a piece of a line is none
    assert last_lines(tmp_path, 3) == []


def test_what_repeats_is_counted_and_what_says_nothing_left_out() -> None:
    lines = [
        "GPU available: False, used: False",
        "2026-11-05 10:00:00,123 WARNING a: disk is slow",
        "2026-11-05 10:00:01,456 WARNING a: disk is slow",
        "",
        "2026-11-05 10:00:02,000 WARNING a: disk is slow",
        "\U0001f4a1 Tip: buy something",
        "Seed set to 0",
        "run folder: /runs/a",
        "2026-11-05 10:00:03,000 WARNING a: disk is slow",
    ]
    assert folded(lines) == [
        "2026-11-05 10:00:02,000 WARNING a: disk is slow  (3 times)",
        "run folder: /runs/a",
        "2026-11-05 10:00:03,000 WARNING a: disk is slow",
    ]
