"""Streamlit's command line with one thing told beforehand: `python -m closecall.pages.shared.server run app.py ...`.

Streamlit takes a folder named `pages` beside the main script for an app of the older kind until some session has called
`st.navigation`. A fresh server would greet a link to any page but the first with "Page not found". The navigation table
in app.py is the only one, so that is said before the first session.
"""

from streamlit.runtime.pages_manager import PagesManager
from streamlit.web.cli import main

if __name__ == "__main__":
    PagesManager.uses_pages_directory = False
    main(prog_name="streamlit")
