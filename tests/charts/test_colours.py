"""Text on a colour is readable: the contrast of WCAG, against worked numbers."""

import pytest

from closecall.charts.colours import CATEGORIES, UNSELECTED, contrast, text_on


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#FFFFFF", "#777777") == contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.005)
    assert contrast("#AA4499", "#AA4499") == 1


@pytest.mark.parametrize("colour", [*CATEGORIES, UNSELECTED])
def test_counts_on_the_colours_of_categories_are_readable(colour: str) -> None:
    assert contrast(text_on(colour), colour) >= 4.5
