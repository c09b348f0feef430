"""Take the pictures in docs/screenshots: every page of the newest experiment, light and dark.

    .venv/bin/python docs/make_screenshots.py            # the workspace's newest experiment
    CLOSECALL_HOME=/some/workspace make screenshots

Needs a chromium on the path. The server it starts is ended with it.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "docs" / "screenshots"
PAGES = re.findall(r'st\.Page\(\s*"pages/(\w+)/page\.py"', (ROOT / "app.py").read_text())
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("There is no chromium on the path. Install it (Debian, Ubuntu: apt install chromium) and try again.")
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "closecall.pages.shared.server", "run", "app.py", "--server.port", str(port)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for(f"http://localhost:{port}/_stcore/health")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            for scheme in ("light", "dark"):
                _shoot(browser, f"http://localhost:{port}", scheme)
            browser.close()
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=20)


def _shoot(browser: Browser, address: str, scheme: str) -> None:
    context = browser.new_context(viewport={"width": 1400, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    OUT.mkdir(parents=True, exist_ok=True)
    for name in PAGES:
        page.goto(f"{address}/{'' if name == 'overview' else name}")
        page.wait_for_selector("[data-testid=stMain] h3", timeout=60_000)
        page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=60_000)
        page.wait_for_selector("[data-testid=stSkeleton]", state="detached", timeout=60_000)
        page.wait_for_timeout(2500)  # charts draw themselves a moment after the script has ended
        page.screenshot(path=OUT / f"{name}-{scheme}.png")
        print(f"docs/screenshots/{name}-{scheme}.png")
    context.close()


def _wait_for(address: str) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"The app did not answer at {address} within 30 s.")


if __name__ == "__main__":
    main()
