"""Each ratio against the smallest on the same examples: what was lost, what was gained, could it be chance."""

from typing import Any

import pandas as pd
import streamlit as st

from closecall.analysis.formatting import detectable_drop_text, points_text, ratio_text
from closecall.analysis.intervals import Estimate
from closecall.analysis.ratio.flow import paired_tests
from closecall.models.results.valid_runs import ValidRuns

_NAMES = {1: "positives found", 0: "negatives left alone"}


def tests_part(test: ValidRuns) -> None:
    """The table of paired comparisons with p after Holm."""
    if len(test.levels) < 2:
        st.info("Two ratios are needed to compare. The next ones are still to come.", icon=":material/info:")
        return
    table, reference = tests_of(test), ratio_text(test.levels[0])
    st.markdown(f"**{tests_finding(table, reference)}**")
    columns: dict[str, Any] = {
        "what": "What",
        "lost": st.column_config.NumberColumn(f"Right only at {reference}", format="localized"),
        "gained": st.column_config.NumberColumn("Right only at this ratio", format="localized"),
        "difference": "Fewer right, in points (95 % interval)",
        "p": "p",
        "p_holm": "p after Holm",
    }
    st.dataframe(tests_rows(table), column_config=columns, hide_index=True, key="tests", alt="Paired comparisons")
    st.caption(f"{READING} {detectable_drop_text(int(table['n'].iloc[0]))}")


READING = (
    "Each example counts once: right when most seeds have it right, at threshold .5. Only examples on which two "
    "ratios differ tell anything: exact McNemar test, Newcombe's interval of the paired difference. Holm's p "
    "holds for all rows at once."
)


def tests_of(test: ValidRuns) -> pd.DataFrame:
    """`analysis.ratio.flow.paired_tests` of the sound runs."""
    return _tests(test, test.key)


def tests_rows(table: pd.DataFrame) -> pd.DataFrame:
    """The tests as a table to read: what, lost, gained, difference, p, p_holm."""
    return pd.DataFrame([_row(row) for row in table.to_dict("records")])


def tests_finding(table: pd.DataFrame, reference: str) -> str:
    """The answer in one sentence."""
    told = [row for row in table.to_dict("records") if row["label"] == 1 and row["p_holm"] < 0.05]
    if not told:
        return f"No ratio finds other numbers of positives than {reference} beyond what chance could do."
    first = min(told, key=lambda row: row["ratio"])
    word = "fewer" if first["difference"] > 0 else "more"
    return f"From {ratio_text(first['ratio'])} on it finds {word} positives than {reference}, beyond chance."


def _row(row: dict[Any, Any]) -> dict[str, Any]:
    return {
        "what": f"{ratio_text(row['ratio'])}, {_NAMES[row['label']]}",
        "lost": int(row["only_reference"]),
        "gained": int(row["only_ratio"]),
        "difference": points_text(Estimate(row["difference"], row["low"], row["high"])),
        "p": _p(row["p"]),
        "p_holm": _p(row["p_holm"]),
    }


def _p(value: float) -> str:
    return "< .001" if value < 0.001 else f"{value:.3f}".lstrip("0") if value < 1 else "1"


@st.cache_data(max_entries=16, show_spinner=False)
def _tests(_test: ValidRuns, key: tuple) -> pd.DataFrame:
    return paired_tests(_test.labels, _test.pos_probs, _test.ratios)
