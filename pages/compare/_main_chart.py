"""The picture of an experiment: both classes against ratio, over what the ratio alone would do."""

import pandas as pd

from data.experiments import ExperimentConfig
from pages.compare._prior_only import prior_only, prior_sentence
from pages.compare._verdict import verdict_of
from pages.shared.charts import Chart
from pages.shared.recall_chart import recall_alt, recall_chart, recall_reading
from pages.shared.sound_runs import SoundRuns


def main_chart(
    config: ExperimentConfig,
    runs: pd.DataFrame,
    means: pd.DataFrame,
    sound: tuple[SoundRuns, SoundRuns],
    *,
    previewed: pd.DataFrame | None = None,
) -> Chart:
    """`runs` and `means` as in `pages.shared.recalls`; the predicted curve is there from the first finished run on.

    `previewed` as in `pages.compare._previews`: ratios that a preview stands in for.
    """
    found, verdict = prior_only(*sound, tuple(config.ratios)), verdict_of(config.id)
    pair = verdict.evidence.comparison if verdict else None
    curve = found.curve if found else None
    figure = recall_chart(runs, means, list(config.ratios), predicted=curve, previewed=previewed)
    reading = recall_reading(means) + (f" {prior_sentence(found, pair)}" if found else "")
    return Chart(figure, key="recall", alt=recall_alt(means) + _preview_alt(previewed), reading=reading)


def preview_chart(config: ExperimentConfig, previewed: pd.DataFrame) -> Chart:
    """The same picture before any run has finished: previews alone."""
    figure = recall_chart(pd.DataFrame(), pd.DataFrame(), list(config.ratios), previewed=previewed)
    reading = "Hollow marks and dashed lines are previews. The bar through a mark is its 95 % interval."
    return Chart(figure, key="recall-preview", alt=_preview_alt(previewed).strip(), reading=reading)


def _preview_alt(previewed: pd.DataFrame | None) -> str:
    return f" Previews: {recall_alt(previewed)}" if previewed is not None and len(previewed) else ""
