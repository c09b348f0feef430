"""The pages of the app, read from its navigation table, so that a new page is tested too."""

import re
from pathlib import Path

APP = Path(__file__).resolve().parents[2] / "app.py"
PAGES = re.findall(r'st\.Page\(\s*"pages/(\w+)/page\.py"', APP.read_text())
