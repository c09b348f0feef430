"""Files from the web: fetched whole and within the limit, from a real server on this machine."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from closecall.data.io import web_files
from closecall.data.io.errors import UserError
from closecall.data.io.web_files import fetch_file, is_web_address

CONTENT = b"id,label,prob\na,1,0.5\n" * 1000


class Files(BaseHTTPRequestHandler):
    """/p.csv, /named with a file name, /short (ends early), /elsewhere (leads to another scheme), 404 for the rest."""

    def do_GET(self) -> None:
        if self.path == "/elsewhere":
            self.send_response(302)
            self.send_header("Location", "http://example.org/p.csv")
            self.end_headers()
            return
        self.send_response(200 if self.path[:6] in ("/p.csv", "/named", "/short") else 404)
        extra = 10 if self.path == "/short" else 0
        self.send_header("Content-Length", str(len(CONTENT) + extra))
        if self.path == "/named":
            self.send_header("Content-Disposition", 'attachment; filename="../../mine.csv"')
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    served = HTTPServer(("127.0.0.1", 0), Files)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()
    served.server_close()


def test_a_file_is_fetched_whole_under_its_name(server: str, tmp_path: Path) -> None:
    shares: list[float] = []
    path = fetch_file(f"{server}/p.csv?download=1", tmp_path, lambda sentence, share: shares.append(share))
    assert path == tmp_path / "p.csv" and path.read_bytes() == CONTENT and shares[-1] == 1
    named = fetch_file(f"{server}/named", tmp_path)
    assert named.parent == tmp_path and named.name.endswith("mine.csv")


def test_what_is_refused(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="the server answers 404"):
        fetch_file(f"{server}/nothing", tmp_path)
    with pytest.raises(UserError, match=r"only 22,000 of 22,010 bytes arrived|cannot be fetched"):
        fetch_file(f"{server}/short", tmp_path)
    for address in (
        "http://example.org/p.csv",
        "ftp://example.org/p.csv",
        "file:///etc/passwd",
        f"{server}/elsewhere",
    ):
        with pytest.raises(UserError, match=r"^\S+ is not an https:// address"):
            fetch_file(address, tmp_path)
    with pytest.raises(UserError, match="cannot be fetched"):
        fetch_file("http://localhost:9/p.csv", tmp_path)
    monkeypatch.setattr(web_files, "MAX_DOWNLOAD", 1000)
    with pytest.raises(UserError, match=r"^\S+ is larger than"):
        fetch_file(f"{server}/p.csv", tmp_path)


def test_addresses() -> None:
    assert (
        is_web_address("https://example.org/p.csv") and not is_web_address("p.csv") and not is_web_address("hf://a/b")
    )
