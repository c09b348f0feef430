"""Previews of ratios whose runs are not trained yet: their metrics, and a note on what they are."""

import pandas as pd
import streamlit as st

from closecall.analysis.metrics.metric import METRICS, Scores, score_metrics, with_rate_metrics
from closecall.analysis.metrics.outcomes import outcome_table
from closecall.data.experiments.previews import Preview, best_previews, load_previews
from closecall.data.experiments.runs import load_predictions, load_runs
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.results.findings import preview_text
from closecall.models.results.valid_runs import by_ratio
from closecall.pages.shared.cached_io import stamp
from closecall.pages.shared.escaping import escape_markdown


def shown_previews(config: ExperimentConfig) -> list[Preview]:
    """The previews of ratios whose runs are not trained yet."""
    previews = load_previews(config.id)
    return best_previews(previews, load_runs(config.id)) if previews else []


def previewed_ratios(config: ExperimentConfig, previews: list[Preview], q: float) -> pd.DataFrame:
    """The columns of `models.results.ratio_table.ratio_table` and `kind`, a row for each preview; empty without any."""
    paths = [one.folder / "predictions.parquet" for one in previews]
    seed = config.seeds[0]
    rows = [_outcomes(one, str(path), stamp(path), seed, q) for one, path in zip(previews, paths, strict=True)]
    if not rows:
        return pd.DataFrame()
    runs = pd.concat(rows, ignore_index=True)
    scores = [one.name for one in METRICS if one.of_scores is not None]
    return with_rate_metrics(by_ratio(runs), q=q).merge(runs[["ratio", "kind", *scores]], on="ratio")


def preview_note(previews: list[Preview]) -> None:
    """A note on what the hollow marks are and how exact they are."""
    if text := preview_text(previews):
        st.info(escape_markdown(text), icon=":material/visibility:")


@st.cache_data(max_entries=64, show_spinner=False)
def _outcomes(_preview: Preview, path: str, written: int, seed: int, q: float) -> pd.DataFrame:
    predictions = load_predictions(_preview)
    table = outcome_table(predictions.labels, predictions.pos_probs[None], threshold=0.5)
    scores = score_metrics(Scores(predictions.labels == 1, predictions.pos_probs), q=q)
    return table.assign(ratio=_preview.ratio, kind=_preview.kind, seed=seed, **scores)
