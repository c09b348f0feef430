"""A page of the app that was opened from Python."""

import time
import webbrowser
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from closecall.api.app_process import OpenApp, close_app, open_app
from closecall.api.html import frame_of, link, paragraph
from closecall.data.io.errors import UserError
from closecall.models.runtime.child_process import PACKAGE_FOLDER

if TYPE_CHECKING:
    from closecall.api.experiment import Experiment

FRAME_HEIGHT = 900
"""Pixels of the frame in a notebook."""


@dataclass(frozen=True)
class OpenedPage:
    """A page of the running app. A notebook shows it in a frame; elsewhere `url` opens in a browser.

    `experiment` has the results as frames. `close` ends the app; without it the app ends with the interpreter.
    """

    experiment: "Experiment"
    url: str
    app: OpenApp

    def close(self) -> None:
        """End the app. Other pages of this interpreter close too: they are of the same app."""
        close_app(self.app)

    def wait(self) -> None:
        """Wait until the app is closed or Ctrl-C is pressed: for scripts, which would end otherwise."""
        with suppress(KeyboardInterrupt):
            while self.app.is_running:
                time.sleep(0.2)

    def __repr__(self) -> str:
        state = self.url if self.app.is_running else "the app is closed; .experiment.show() opens it again"
        return "\n".join([f"Close Call, {self.experiment.title}: {state}", *self.experiment.notes])

    def _repr_html_(self) -> str:
        if not self.app.is_running:
            return paragraph(repr(self))
        frame = frame_of(self.url, title=f"Close Call, {self.experiment.title}", height=FRAME_HEIGHT)
        notes = "".join(map(paragraph, self.experiment.notes))
        return f"{frame}<p>{link(self.url, 'Open in a tab')}</p>{notes}"


def open_page(experiment: "Experiment", page: str, *, port: int | None, open_browser: bool, **query: str) -> OpenedPage:
    """Open a page of the app on an experiment, in the app of this process. UserError for an unknown page."""
    known = page_names()
    if page not in known:
        raise UserError(f"There is no page {page!r}. The pages are {', '.join(known)}.")
    app = open_app(port)
    opened = OpenedPage(experiment, page_url(app, experiment.id, page, **query), app)
    if open_browser:
        webbrowser.open(opened.url)
    return opened


def page_url(app: OpenApp, experiment: str, page: str, **query: str) -> str:
    """The link to a page of an app, with an experiment and further parameters."""
    return f"{app.address}/{page}?{urlencode({'experiment': experiment, **query})}"


def page_names() -> list[str]:
    """The names of all pages, as in their addresses."""
    return sorted(path.parent.name for path in (PACKAGE_FOLDER / "pages").glob("*/page.py"))
