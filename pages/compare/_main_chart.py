"""The picture of an experiment: both classes against ratio, over what the ratio alone would do."""

import pandas as pd

from data.experiments import ExperimentConfig
from pages.compare._prior_only import prior_only, prior_sentence
from pages.compare._verdict import verdict_of
from pages.shared.charts import Chart
from pages.shared.recall_chart import recall_alt, recall_chart, recall_reading
from pages.shared.sound_runs import SoundRuns


def main_chart(
    config: ExperimentConfig, runs: pd.DataFrame, means: pd.DataFrame, sound: tuple[SoundRuns, SoundRuns]
) -> Chart:
    """`runs` and `means` as in `pages.shared.recalls`; the predicted curve is there from the first finished run on."""
    found, verdict = prior_only(*sound, tuple(config.ratios)), verdict_of(config.id)
    pair = verdict.evidence.comparison if verdict else None
    figure = recall_chart(runs, means, list(config.ratios), predicted=found.curve if found else None)
    reading = recall_reading(means) + (f" {prior_sentence(found, pair)}" if found else "")
    return Chart(figure, key="recall", alt=recall_alt(means), reading=reading)
