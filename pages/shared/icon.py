"""The icon of the browser's tab, from a file of ours: Streamlit fetches its own icons for it from another host."""

from pathlib import Path

ICON = str(Path(__file__).with_name("icon.svg"))
