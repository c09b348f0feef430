"""The web face of Close Call: the navigation table."""

import streamlit as st

from closecall.pages.shared.layout import ICON, show_user_errors

# Wide enough for five ratios in one row of buttons.
st.set_page_config(page_title="Close Call", page_icon=ICON, layout="wide", initial_sidebar_state=330)

page = st.navigation(
    {
        "Compare": [
            st.Page(
                "pages/overview/page.py", url_path="overview", title="Overview", icon=":material/home:", default=True
            ),
            st.Page("pages/ratios/page.py", url_path="ratios", title="Ratios", icon=":material/stacked_line_chart:"),
            st.Page("pages/remedies/page.py", url_path="remedies", title="Remedies", icon=":material/healing:"),
            st.Page("pages/confusion/page.py", url_path="confusion", title="Confusion", icon=":material/grid_view:"),
        ],
        "Inspect": [
            st.Page("pages/errors/page.py", url_path="errors", title="Errors", icon=":material/menu_book:"),
            st.Page("pages/map/page.py", url_path="map", title="Map", icon=":material/scatter_plot:"),
            st.Page("pages/data_map/page.py", url_path="data_map", title="Data map", icon=":material/bubble_chart:"),
            st.Page(
                "pages/words_and_slices/page.py",
                url_path="words_and_slices",
                title="Words and slices",
                icon=":material/dictionary:",
            ),
        ],
        "Curate": [
            st.Page("pages/hard_cases/page.py", url_path="hard_cases", title="Hard cases", icon=":material/checklist:"),
            st.Page(
                "pages/label_audit/page.py", url_path="label_audit", title="Label audit", icon=":material/fact_check:"
            ),
        ],
        "Prepare": [
            st.Page("pages/data/page.py", url_path="data", title="Data", icon=":material/table:"),
            st.Page("pages/train/page.py", url_path="train", title="Train", icon=":material/model_training:"),
        ],
    },
    expanded=True,
)

with show_user_errors():
    page.run()
