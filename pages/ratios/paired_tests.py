"""Each ratio compared with the smallest on the same examples, with exact paired tests."""

import pandas as pd
import streamlit as st

from closecall.analysis.formatting import detectable_drop_text, ratio_text
from closecall.analysis.ratio.flow import paired_tests
from closecall.models.results.ratio_pairs import TESTS_NOTE, paired_test_rows, tests_sentence
from closecall.models.results.run_predictions import Key
from closecall.models.results.valid_runs import ValidRuns
from closecall.pages.ratios.decomposition import has_two_ratios


def tests_part(test: ValidRuns) -> None:
    """The table of paired tests, with p after Holm."""
    if not has_two_ratios(test):
        return
    table, reference = _tests(test, test.key), ratio_text(test.levels[0])
    st.markdown(f"**{tests_sentence(table, reference)}**")
    st.dataframe(paired_test_rows(table, reference), hide_index=True, key="tests", alt="Paired tests of all ratios")
    st.caption(f"{TESTS_NOTE} {detectable_drop_text(int(table['n'].iloc[0]))}")


@st.cache_data(max_entries=16, show_spinner=False)
def _tests(_test: ValidRuns, key: Key) -> pd.DataFrame:
    return paired_tests(_test.labels, _test.pos_probs, _test.ratios)
