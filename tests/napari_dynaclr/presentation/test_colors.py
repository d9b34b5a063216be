from __future__ import annotations

import pytest

from napari_dynaclr.presentation.colors import plot_colours


def contrast(a: str, b: str) -> float:
    """Return the contrast ratio of WCAG 2.1 between two colors."""

    def luminance(colour: str) -> float:
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    bright, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_both_notations_are_read_and_a_weaker_text_lies_between() -> None:
    colors = plot_colours({"background": "rgb(0, 0, 0)", "text": "#C8C8C8", "other": "ignored"})
    assert (colors.background, colors.text) == ("#000000", "#c8c8c8")
    assert colors.muted == "#787878"
    assert colors.of("muted") == colors.muted
    assert colors.of("2") == colors.cycle[2]


@pytest.mark.parametrize(
    "theme",
    [
        {"background": "rgb(35, 36, 43)", "text": "rgb(240, 241, 242)"},
        {"background": "rgb(235, 231, 230)", "text": "rgb(30, 30, 33)"},
    ],
    ids=["dark", "light"],
)
def test_what_is_drawn_can_be_seen(theme: dict[str, str]) -> None:
    colors = plot_colours(theme)
    assert contrast(colors.text, colors.background) > 7
    assert contrast(colors.muted, colors.background) > 3
    assert all(contrast(color, colors.background) > 3 for color in colors.cycle[:5])
    assert len(set(colors.cycle)) == len(colors.cycle)


def test_wrong_themes_are_refused() -> None:
    with pytest.raises(KeyError, match="text"):
        plot_colours({"background": "#000000"})
    with pytest.raises(ValueError, match="'gray' is not a color"):
        plot_colours({"background": "gray", "text": "#000000"})
