"""The web face of Close Call: the navigation table."""

import streamlit as st

from pages.shared.failures import told
from pages.shared.icon import ICON

st.set_page_config(page_title="Close Call", page_icon=ICON, layout="wide")

page = st.navigation(
    {
        "Compare": [
            st.Page("pages/compare/overview.py", title="Overview", icon=":material/home:", default=True),
            st.Page("pages/compare/ratios.py", title="Ratios", icon=":material/stacked_line_chart:"),
            st.Page("pages/compare/remedies.py", title="Remedies", icon=":material/healing:"),
            st.Page("pages/compare/confusion.py", title="Confusion", icon=":material/grid_view:"),
        ],
        "Inspect": [
            st.Page("pages/inspect/errors.py", title="Errors", icon=":material/menu_book:"),
            st.Page("pages/inspect/map.py", title="Map", icon=":material/scatter_plot:"),
            st.Page("pages/inspect/data_map.py", title="Data map", icon=":material/bubble_chart:"),
            st.Page("pages/inspect/words_and_slices.py", title="Words and slices", icon=":material/dictionary:"),
        ],
        "Curate": [
            st.Page("pages/curate/hard_cases.py", title="Hard cases", icon=":material/checklist:"),
            st.Page("pages/curate/label_audit.py", title="Label audit", icon=":material/fact_check:"),
        ],
        "Prepare": [
            st.Page("pages/prepare/data.py", title="Data", icon=":material/table:"),
            st.Page("pages/prepare/train.py", title="Train", icon=":material/model_training:"),
        ],
    },
    expanded=True,
)

with told():
    page.run()
