"""Close Call: error analysis for text classifiers whose positive class is rare.

Names are imported when they are first used, so that `import closecall` loads neither torch nor Streamlit.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from closecall.api.compare import compare
    from closecall.api.experiment import Experiment, experiments, load
    from closecall.api.show import show
    from closecall.api.sweep import sweep
    from closecall.data.datasets.store import load_dataset
    from closecall.data.experiments.runs import load_predictions, load_runs
    from closecall.data.experiments.store import experiment_ids, load_experiment
    from closecall.data.io.errors import UserError

_EXPORTS = {
    "CloseCallCallback": "closecall.models.integrations.callback",
    "Experiment": "closecall.api.experiment",
    "UserError": "closecall.data.io.errors",
    "compare": "closecall.api.compare",
    "experiment_ids": "closecall.data.experiments.store",
    "experiments": "closecall.api.experiment",
    "load": "closecall.api.experiment",
    "load_dataset": "closecall.data.datasets.store",
    "load_experiment": "closecall.data.experiments.store",
    "load_predictions": "closecall.data.experiments.runs",
    "load_runs": "closecall.data.experiments.runs",
    "show": "closecall.api.show",
    "sweep": "closecall.api.sweep",
}
__all__ = [
    "CloseCallCallback",
    "Experiment",
    "UserError",
    "compare",
    "experiment_ids",
    "experiments",
    "load",
    "load_dataset",
    "load_experiment",
    "load_predictions",
    "load_runs",
    "show",
    "sweep",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        try:
            return version("closecall")
        except PackageNotFoundError:  # a clone that is not installed
            return "unknown"
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_EXPORTS[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
