"""Compare ratios: what each finds, and what that is worth where it will be used."""

import pandas as pd
import streamlit as st

from analysis.prevalence import alert_rate_at, f1_at, precision_at
from data.experiments import ExperimentConfig, ratio_label
from pages.compare._curves import curves_part
from pages.compare._decomposition import decomposition_part
from pages.compare._flow import flow_part
from pages.compare._knob import knob_part
from pages.compare._paired_tests import tests_part
from pages.compare._prior_only import prior_only, prior_sentence
from pages.compare._ratio_tables import all_numbers, main_table
from pages.shared.charts import draw
from pages.shared.headline import headline
from pages.shared.prevalence import choose_prevalence, in_words
from pages.shared.ranking_table import ranking_by_ratio
from pages.shared.recall_chart import recall_alt, recall_chart, recall_reading
from pages.shared.recalls import by_ratio, outcomes_by_run, plain_runs, ratio_rows
from pages.shared.sound_runs import SoundRuns, sound_runs
from pages.shared.state import empty, require_experiment
from pages.shared.words import plain, probability

PARTS = (
    "Why recall fell", "Who was lost", "Precision and recall", "The ratio as a knob", "Paired tests", "All numbers",
)  # fmt: skip


def show() -> None:
    config = require_experiment()
    runs = outcomes_by_run(config.id)
    if runs.empty:
        empty("No run of this experiment has finished yet.", "pages/prepare/train.py", "See the progress")
    top, sound = st.container(), sound_runs(config.id)
    left, right = st.columns(2, gap="large")
    with right:
        q = choose_prevalence()
    table = at_prevalence(by_ratio(runs), q).merge(ranking_by_ratio(plain_runs(config.id), q), on="ratio")
    with top:
        headline(f"Ratios of {plain(config.title)}", best_at(table, q), best_ranked(table, q))
    with left:
        show_recall(config, runs, table, sound)
    with right:
        main_table(table, q, missing_ratios(config, table))
    show_parts(config, runs, table, sound, q)


def show_recall(
    config: ExperimentConfig, runs: pd.DataFrame, table: pd.DataFrame, sound: tuple[SoundRuns, SoundRuns]
) -> None:
    """The main picture, over what the ratio alone would do."""
    found = prior_only(*sound, tuple(config.ratios))
    figure = recall_chart(runs, table, list(config.ratios), predicted=found.curve if found else None)
    reading = recall_reading(table) + (f" {prior_sentence(found)}" if found else "")
    draw(figure, key="recall", alt=recall_alt(table), reading=reading)


def show_parts(
    config: ExperimentConfig, runs: pd.DataFrame, table: pd.DataFrame, sound: tuple[SoundRuns, SoundRuns], q: float
) -> None:
    """The detail below; only the open part is worked out."""
    parts = (
        lambda: decomposition_part(*sound),
        lambda: flow_part(config, sound[0]),
        lambda: curves_part(config, q),
        lambda: knob_part(config, *sound, q),
        lambda: tests_part(sound[0]),
        lambda: all_numbers(runs, table, config.id),
    )
    for tab, part in zip(st.tabs(PARTS, key="part", bind="query-params"), parts, strict=True):
        if tab.open:
            with tab:
                part()


def at_prevalence(means: pd.DataFrame, q: float) -> pd.DataFrame:
    """The means by ratio with precision, F1 and the share of alerts at prevalence q."""
    recall, fpr = means["recall"], 1 - means["true_negative_rate"]
    return means.assign(
        precision=precision_at(recall, fpr, q=q), f1=f1_at(recall, fpr, q=q), alerts=alert_rate_at(recall, fpr, q=q)
    )


def best_at(table: pd.DataFrame, q: float) -> str:
    rows = ratio_rows(table)
    best = max(rows, key=lambda row: row["f1"])
    if len(table) == 1:
        return f"At {in_words(q)}, {ratio_label(best['ratio'])} has F1 {probability(best['f1'])}."
    others = [
        f"{probability(row['f1'])} at {ratio_label(row['ratio'])}"
        for row in (rows[0], rows[-1])
        if row["ratio"] != best["ratio"]
    ]
    return (
        f"Among texts with {in_words(q)}, cut at .5, {ratio_label(best['ratio'])} has the best F1: "
        f"{probability(best['f1'])}, against {' and '.join(others)}."
    )


def best_ranked(table: pd.DataFrame, q: float) -> str:
    """Whether any of that is more than a moved threshold: the ranking."""
    if len(table) == 1:
        return ""
    first, last = table.iloc[0], table.iloc[-1]
    names = ratio_label(first["ratio"]), ratio_label(last["ratio"])
    return (
        f"Whatever the threshold, how well positives rank above negatives (AUC) is {probability(first['auc'])} at "
        f"{names[0]} and {probability(last['auc'])} at {names[1]}; average precision at this prevalence is "
        f"{probability(first['average_precision'])} and {probability(last['average_precision'])} (chance: "
        f"{probability(q)})."
    )


def missing_ratios(config: ExperimentConfig, table: pd.DataFrame) -> list[str]:
    return [ratio_label(one) for one in config.ratios if one not in set(table["ratio"])]


show()
