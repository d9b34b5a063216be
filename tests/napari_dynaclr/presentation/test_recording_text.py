from __future__ import annotations

import numpy as np
from napari.layers import Image, Labels, Tracks

from napari_dynaclr.presentation.recording_text import as_name, recording_note

ROWS = np.array([(1, 0, 2.0, 3.0), (1, 1, 4.0, 5.0)])


def test_names_are_those_that_an_experiment_may_have() -> None:
    assert as_name("my cells (1) µm.tif") == "my_cells_1_m.tif"
    assert as_name("..") == as_name("") == ""
    assert len(as_name("x" * 300)) == 100


def test_the_note_says_what_is_written_and_what_to_know() -> None:
    image = Image(np.zeros((5, 2, 100, 200), dtype=np.uint16))
    assert recording_note([image], Tracks(ROWS)) == (
        "Channels: 1. 5 frames of 2 slices of 100 x 200 px, 0.4 MB before compression."
    )
    huge = np.broadcast_to(np.uint8(0), (5000, 1000, 1000))
    flat = Image(huge, units=("pixel", "um", "um"), contrast_limits=(0, 1))
    labels = Labels(np.zeros((5, 4, 4), dtype=int), units=("pixel", "nm", "nm"))
    text = recording_note([flat, flat], labels)
    assert "Channels: 2. 5000 frames of 1000 x 1000 px, 10.0 GB" in text
    assert "Divisions are unknown" in text
    assert "without conversion" not in text
    assert "Images are in micrometer, cells in pixel" in recording_note([flat], Tracks(ROWS))
