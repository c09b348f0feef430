"""The bar of errors by cause: one segment for each cause that occurs, with its count."""

import pandas as pd

from closecall.analysis.causes.misses import CAUSES_OF_MISSES, UNEXPLAINED
from closecall.charts.causes import cause_colours, causes_chart
from closecall.charts.colours import LIGHT, UNSELECTED


def table(counts: list[int]) -> pd.DataFrame:
    causes = CAUSES_OF_MISSES[: len(counts)]
    total = max(sum(counts), 1)
    return pd.DataFrame(
        {
            "cause": [one.key for one in causes],
            "title": [one.title for one in causes],
            "errors": counts,
            "share": [n / total for n in counts],
        }
    )


def test_segments_add_up_and_have_their_counts() -> None:
    chart = causes_chart(table([6, 0, 3, 1]), "missed positives", theme=LIGHT)
    assert [bar.x[0] for bar in chart.figure.data] == [6, 3, 1]
    assert "10 missed positives" in chart.figure.layout.title.text and "60.0 %" in chart.figure.layout.title.text
    assert all(bar.name in chart.alt for bar in chart.figure.data)


def test_no_errors_make_an_empty_bar() -> None:
    assert len(causes_chart(table([0, 0]), "missed positives", theme=LIGHT).figure.data) == 0


def test_every_cause_has_a_colour_of_its_own_and_unexplained_is_grey() -> None:
    colours = cause_colours([one.key for one in CAUSES_OF_MISSES])
    assert len(set(colours.values())) == len(CAUSES_OF_MISSES) and colours[UNEXPLAINED] == UNSELECTED
