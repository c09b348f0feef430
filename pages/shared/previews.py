"""Previews of ratios whose runs are not trained yet: their numbers, and what they are."""

import pandas as pd
import streamlit as st

from closecall.analysis.metrics.outcomes import outcome_table
from closecall.analysis.metrics.prevalence import average_precision_at
from closecall.analysis.metrics.ranking import auc
from closecall.data.experiments.previews import Preview, load_previews, standing_in
from closecall.data.experiments.runs import load_predictions, load_runs
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.results.preview_wording import preview_text
from closecall.models.results.valid_runs import by_ratio
from closecall.pages.shared.cached_io import stamp
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.ranking_table import at_prevalence


def shown_previews(config: ExperimentConfig) -> list[Preview]:
    """The previews that stand in for runs that are not trained yet."""
    previews = load_previews(config.id)
    return standing_in(previews, load_runs(config.id)) if previews else []


def previewed_ratios(config: ExperimentConfig, previews: list[Preview], q: float) -> pd.DataFrame:
    """The columns of `pages.shared.ranking_table.ratio_table` and `kind`, a row for each preview; empty without any."""
    paths = [one.folder / "predictions.parquet" for one in previews]
    seed = config.seeds[0]
    rows = [_outcomes(one, str(path), stamp(path), seed, q) for one, path in zip(previews, paths, strict=True)]
    if not rows:
        return pd.DataFrame()
    runs = pd.concat(rows, ignore_index=True)
    ranking = runs[["ratio", "kind", "auc", "average_precision"]]
    return at_prevalence(by_ratio(runs), q).merge(ranking, on="ratio")


def preview_note(previews: list[Preview]) -> None:
    """The label: what the hollow marks are and what they cost."""
    if words := preview_text(previews):
        st.info(escape_markdown(words), icon=":material/visibility:")


@st.cache_data(max_entries=64, show_spinner=False)
def _outcomes(_preview: Preview, path: str, written: int, seed: int, q: float) -> pd.DataFrame:
    told = load_predictions(_preview)
    table = outcome_table(told.labels, told.pos_probs[None], threshold=0.5)
    return table.assign(
        ratio=_preview.ratio,
        kind=_preview.kind,
        seed=seed,
        auc=float(auc(told.labels, told.logits)[0]),
        average_precision=float(average_precision_at(told.labels, told.logits, q=q)),
    )
