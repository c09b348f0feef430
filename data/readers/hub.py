"""Datasets and files of the Hugging Face hub, by the packages `datasets` and `huggingface_hub` where installed."""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

from closecall.data.io.errors import UserError

_SCHEME = "hf://"
_ID = re.compile(r"[\w.\-]+/[\w.\-]+")


def is_hub_address(text: str) -> bool:
    """Whether a text is `hf://...` or has the form OWNER/NAME of a dataset's id."""
    return text.startswith(_SCHEME) or (_ID.fullmatch(text) is not None and not text.startswith("."))


def fetch_from_hub(address: str, folder: Path) -> Path:
    """The path of `hf://datasets/OWNER/NAME/FILE`, or of a folder with all splits of the dataset `OWNER/NAME`.

    UserError that names the package to install, and when the hub refuses or knows no such dataset.
    """
    parts = address.removeprefix(_SCHEME).removeprefix("datasets/").strip("/").split("/")
    if len(parts) < 2:
        raise UserError(f"{address} is not a dataset of the hub. Write hf://datasets/OWNER/NAME or OWNER/NAME.")
    name, file = "/".join(parts[:2]), "/".join(parts[2:])
    package = _package("huggingface_hub" if file else "datasets", address)
    try:
        if file:
            return Path(package.hf_hub_download(name, file, repo_type="dataset", local_dir=str(folder)))
        path = folder / parts[1]
        package.load_dataset(name).save_to_disk(str(path))
    except Exception as error:  # the packages raise errors of many kinds: network, access, scripts, formats
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise UserError(
            f"{address} cannot be fetched from the hub ({reason}). Check the name and the network."
        ) from None
    return path


def _package(name: str, address: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise UserError(
            f"{address} is on the Hugging Face hub. To fetch it, install with: pip install {name}. "
            "Or fetch the file yourself and name its path."
        ) from None
