from __future__ import annotations

import json

from dynaclr.index.report import ExperimentReport, SetupReport


def item(name: str = "a") -> ExperimentReport:
    return ExperimentReport(
        name,
        {"infected": 30, "mock": 10},
        fovs_found=30,
        fovs_used=2,
        skipped={f"A/1/{k}": "no track file" for k in range(28)},
        observations=40,
        tracks=7,
        lineages=5,
        divisions=1,
        gaps=2,
        anchors=25,
        lost={"blank": 5, "gap": 0, "track end": 10},
        left_out={"outside the image": 4, "duplicates": 0},
        notes={"parents missing": 3, "patches moved at the border": 0},
        tau_frames=(1, 4),
        interval_minutes=30.0,
        checks=["patch 8 x 8 px lies within every image"],
    )


def test_text_says_all_that_is_not_zero() -> None:
    text = SetupReport([item()], ["look here"]).text()
    for line in (
        "FOVs          2 used of 30",
        "40 observations, 7 tracks, 5 lineages, 1 divisions, 2 gaps",
        "infected 30, mock 10",
        "1-4 frames at 30 min",
        "anchors       25 (62.5 %)",
        "excluded      blank 5, track end 10",
        "left out      outside the image 4",
        "noted         parents missing 3",
        "checked       patch 8 x 8 px lies within every image",
        "skipped       A/1/19: no track file",
        "skipped       and 8 more FOVs",
        "total           40 observations, 25 anchors",
        "warning: look here",
    ):
        assert line in text, line
    assert "A/1/20" not in text
    assert "duplicates" not in text
    assert "patches moved" not in text


def test_the_funnel_adds_up() -> None:
    report = SetupReport([item("a"), item("b")])
    assert (report.anchors, report.observations) == (50, 80)
    line = report.funnel().splitlines()[1]
    assert line == (
        "b: 44 rows, 40 observations (left out: outside the image 4), "
        "25 anchors (excluded: blank 5, track end 10)"
    )


def test_an_experiment_without_anything() -> None:
    text = SetupReport([ExperimentReport("empty", {})]).text()
    assert "anchors       0 (none)" in text
    assert "excluded      none" in text
    assert "noted" not in text


def test_it_can_be_stored() -> None:
    report = SetupReport([item()], ["w"])
    assert json.loads(json.dumps(report.to_dict()))["experiments"][0]["lost"]["blank"] == 5
    assert SetupReport([ExperimentReport(**report.to_dict()["experiments"][0])]).anchors == 25
