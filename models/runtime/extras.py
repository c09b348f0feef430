"""The optional packages that training and explaining need: `pip install "closecall[train]"`."""

from importlib.util import find_spec

from closecall.data.io.errors import UserError

TRAINING_PACKAGES = ("torch", "transformers", "accelerate")


def require_training() -> None:
    """UserError with the command that installs them when packages for training are missing. Imports none of them."""
    missing = [name for name in TRAINING_PACKAGES if not is_installed(name)]
    if missing:
        raise UserError(
            f'Training and explaining need {", ".join(missing)}; install with: pip install "closecall[train]".'
        )


def is_installed(package: str) -> bool:
    """Whether a package can be imported, without importing it."""
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):
        return False
