"""Fetch one file from the web by the standard library, up to a size."""

import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import Any

from closecall.data.io.errors import UserError

MAX_DOWNLOAD = 500_000_000
"""Bytes. A larger file is refused while it is fetched."""
TIMEOUT = 60.0
"""Seconds without an answer."""
_PIECE = 1 << 20
_LOCAL = ("localhost", "127.0.0.1")


def is_web_address(text: str) -> bool:
    """Whether a text is an https:// or http:// address."""
    return text.casefold().startswith(("https://", "http://"))


def fetch_file(
    address: str, folder: Path, progress: Callable[[str, float], None] = lambda sentence, share: None
) -> Path:
    """Fetch a file into `folder` and return its path, named as the server or the address says.

    UserError for an address other than https:// (http:// only on this machine), for a server that refuses, and for a
    file of more than MAX_DOWNLOAD bytes.
    """
    _check_scheme(address)
    request = urllib.request.Request(address, headers={"User-Agent": "closecall"})
    try:
        with urllib.request.build_opener(_CheckedRedirects).open(request, timeout=TIMEOUT) as answer:
            path = folder / _file_name(answer.headers, answer.geturl())
            total = int(answer.headers.get("Content-Length") or 0)
            _check_size(address, total)
            with path.open("wb") as file:
                done = 0
                while piece := answer.read(_PIECE):
                    file.write(piece)
                    done += len(piece)
                    _check_size(address, done)
                    progress(f"Fetching {path.name}", min(done / total, 1.0) if total else 0.0)
    except UserError:
        raise
    except urllib.error.HTTPError as error:
        raise UserError(f"{address} cannot be fetched: the server answers {error.code} {error.reason}.") from None
    except (urllib.error.URLError, TimeoutError, ConnectionError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise UserError(f"{address} cannot be fetched ({reason}). Check the address and the network.") from None
    if total and done < total:
        raise UserError(f"{address}: only {done:,} of {total:,} bytes arrived. Try again.")
    return path


class _CheckedRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect to an address that could have been named, before anything is sent there."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        _check_scheme(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check_scheme(address: str) -> None:
    parts = urllib.parse.urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
        raise UserError(f"{address} is not an https:// address. Fetch the file yourself and name its path.")


def _check_size(address: str, size: int) -> None:
    if size > MAX_DOWNLOAD:
        raise UserError(f"{address} is larger than {MAX_DOWNLOAD / 1e6:,.0f} MB. Fetch it yourself and name its path.")


def _file_name(headers: Message, address: str) -> str:
    """The name that the server gives, else the last part of the address, as a plain file name."""
    given = headers.get_filename() or urllib.parse.unquote(urllib.parse.urlsplit(address).path.rpartition("/")[2])
    return re.sub(r"[^\w.\- ]+", "_", given).lstrip(". ")[-120:] or "predictions"
