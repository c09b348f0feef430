"""The chart of a slice by ratio: shares with intervals, and the metric of each outcome."""

import pandas as pd

from closecall.charts.colours import LIGHT, NEGATIVE_COLOUR, POSITIVE_COLOUR
from closecall.charts.slices import slice_by_ratio_chart


def table(right: list[float]) -> pd.DataFrame:
    shares = pd.Series(right) / 10
    return pd.DataFrame(
        {"ratio": [1.0, 5.0], "n": 10, "right": right, "share": shares, "low": shares - 0.1, "high": shares + 0.2}
    )


def test_the_slice_and_the_rest_are_drawn_in_percent() -> None:
    chart = slice_by_ratio_chart(table([8, 3]), table([9, 9]), "fn", seeds=1, theme=LIGHT)
    rest, inside = chart.figure.data
    assert list(inside.x) == ["1:1", "1:5"] and list(inside.y) == [80, 30] and list(rest.y) == [90, 90]
    assert [round(one, 6) for one in inside.error_y.array] == [20, 20]
    assert [round(one, 6) for one in inside.error_y.arrayminus] == [10, 10]
    assert "80.0 % at 1:1, 30.0 % at 1:5" in chart.alt


def test_the_outcome_decides_the_metric_and_the_colour() -> None:
    recall, specificity = (
        slice_by_ratio_chart(table([8, 3]), table([9, 9]), outcome, seeds=3, theme=LIGHT) for outcome in ("fn", "fp")
    )
    assert "recall" in recall.alt and recall.figure.data[1].line.color == POSITIVE_COLOUR
    assert "specificity" in specificity.alt and specificity.figure.data[1].line.color == NEGATIVE_COLOUR
    assert "3 seeds" in recall.reading
