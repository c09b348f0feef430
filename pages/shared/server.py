"""Streamlit's command line for an app with `st.navigation`: `python -m closecall.pages.shared.server run app.py ...`.

Until some session has called `st.navigation`, Streamlit serves the files of a folder named `pages` as pages and answers
other addresses with "Page not found". The flag is set here before the first session, so that links to every page work.
"""

from streamlit.runtime.pages_manager import PagesManager
from streamlit.web.cli import main

if __name__ == "__main__":
    PagesManager.uses_pages_directory = False
    main(prog_name="streamlit")
