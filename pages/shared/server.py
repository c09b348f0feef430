"""Streamlit's command line for an app with `st.navigation`: `python -m closecall.pages.shared.server run app.py ...`.

Until some session has called `st.navigation`, Streamlit serves the files of a folder named `pages` as pages and answers
other addresses with "Page not found". The flag is set here before the first session, so that links to every page work.
"""

import os
import signal
import sys
import threading

from streamlit.runtime.pages_manager import PagesManager
from streamlit.web.cli import main

from closecall.models.runtime.app_command import END_WITH_STDIN


def end_with_stdin() -> None:
    """End this process when its standard input closes: the system closes it when the process that opened it ends."""

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    if os.environ.pop(END_WITH_STDIN, ""):
        end_with_stdin()
    PagesManager.uses_pages_directory = False
    main(prog_name="streamlit")
