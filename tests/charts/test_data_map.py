"""The figures of training dynamics: regions as groups, and confidence across ratios."""

import numpy as np
import pandas as pd

from closecall.charts.colours import CLASS_COLOURS, LIGHT
from closecall.charts.data_map import MOST_LINES, confidence_chart, data_map_groups, data_map_points, data_map_title


def dynamics() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "label": [1, 1, 0, 0, 0],
            "confidence": [0.2, 0.9, 0.4, 0.8, np.nan],
            "variability": [0.1, 0.0, 0.3, 0.1, np.nan],
            "region": ["hard to learn", "easy", "ambiguous", "", ""],
        },
        index=pd.Index(list("abcde"), name="id"),
    )


def test_unseen_texts_have_no_point_and_the_class_can_be_chosen() -> None:
    assert data_map_points(dynamics(), "Both classes")["id"].tolist() == list("abcd")
    points = data_map_points(dynamics(), "Positives")
    assert points["id"].tolist() == ["a", "b"]
    assert points[["x", "y"]].to_numpy().tolist() == [[0.1, 0.2], [0.0, 0.9]]


def test_every_point_is_in_a_group_of_its_class() -> None:
    points = data_map_points(dynamics(), "Both classes")
    groups = data_map_groups(points)
    assert sorted(np.concatenate([group.rows for group in groups]).tolist()) == [0, 1, 2, 3]
    for group in groups:
        assert {CLASS_COLOURS[label] for label in points["label"].to_numpy()[group.rows]} == {group.colour}


def test_the_title_counts_low_confidence_by_class() -> None:
    title = data_map_title(data_map_points(dynamics(), "Both classes"), "1:5")
    assert "1 of 2 positives" in title and "1 of 2 negatives" in title


def test_the_confidence_chart_has_the_median_and_limits_its_lines() -> None:
    confidence = np.stack([np.full(1_000, 0.7), np.linspace(0, 0.8, 1_000)])
    chart = confidence_chart(confidence, (1, 10), collapsed=2, theme=LIGHT)
    lines, deepest, median = chart.figure.data
    assert len(lines.y) == 3 * MOST_LINES and len(deepest.y) == 3 * 20
    assert np.nanmax(np.asarray(deepest.y, dtype=float).reshape(20, 3)[:, 1]) < 0.02
    assert np.allclose(median.y, [0.7, 0.4]) and list(median.x) == ["1:1", "1:10"]
    assert "0.70 at 1:1, 0.40 at 1:10" in chart.alt and "2 collapsed runs" in chart.reading
