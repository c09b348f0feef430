"""The demo: queued once, resumed ever after, and with the same positives in both."""

from pathlib import Path

import pytest

from closecall.data.experiments.runs import RunStatus, load_runs, write_status
from closecall.data.experiments.store import experiment_ids, load_evaluation, load_experiment, load_plan
from closecall.data.io.assets import ENCODER
from closecall.data.io.download import Asset
from closecall.data.io.errors import UserError
from closecall.data.io.files import write_json
from closecall.models.queue.demo import DEMOS, NEGATIVES_CAP, POSITIVES, RATIOS, find_demo, queue_demo
from closecall.models.queue.jobs import experiment_progress
from closecall.models.queue.scheduler import scheduler_lock
from tests.makers import make_dataset

pytestmark = pytest.mark.timeout(60)
CLOSE, DISTANT = (demo.name for demo in DEMOS)


def place_asset(folder: Path, asset: Asset) -> None:
    """An asset folder as `data.io.assets` leaves it, with empty files: queueing only asks whether it is there."""
    for name, _ in asset.files:
        (folder / asset.name).mkdir(parents=True, exist_ok=True)
        (folder / asset.name / name).touch()
    sizes = dict.fromkeys((name for name, _ in asset.files), 0)
    write_json(folder / asset.name / "asset.json", {"sha256": asset.sha256, "sizes": sizes})


@pytest.fixture
def ready(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace in which all that the demo would fetch is there."""
    monkeypatch.setenv("CLOSECALL_ASSETS", str(workspace / "assets"))
    place_asset(workspace / "assets", ENCODER)
    make_dataset(CLOSE, positives=400, negatives=3600)
    return workspace


def test_the_demo_is_the_sweep_of_the_question(ready: Path) -> None:
    seen: list[float] = []
    config = queue_demo(progress=lambda sentence, share: seen.append(share), start=False)
    assert config.ratios == RATIOS == (1, 2, 3, 5, 10) and config.sweep == "fixed_positives" and config.dataset == CLOSE
    assert seen == sorted(seen) and seen[-1] == 1
    runs = load_runs(config.id)
    assert [run.config.n_negatives for run in runs] == [POSITIVES * ratio for ratio in RATIOS]
    assert {run.config.n_positives for run in runs} == {POSITIVES}
    evaluation = load_evaluation(config.id)
    assert ((evaluation["split"] == "test") & (evaluation["label"] == 0)).sum() == NEGATIVES_CAP
    assert load_experiment(config.id) == config


def test_queueing_it_again_resumes_it(ready: Path) -> None:
    first = queue_demo(start=False)
    for run in load_runs(first.id):
        write_status(run.folder, RunStatus(state="done" if run.config.ratio == 1 else "failed", message="why"))
    with scheduler_lock():  # a worker seems to be alive, so that none is started
        again = queue_demo()
    assert again == first and experiment_ids() == [first.id]
    counts = experiment_progress(first.id).counts
    assert counts["done"] == 1 and counts["queued"] == 4


def test_an_unknown_demo_is_a_user_error() -> None:
    with pytest.raises(UserError, match=f"no demo named nothing. Demos are {CLOSE}, {DISTANT}"):
        find_demo("nothing")


@pytest.mark.slow
@pytest.mark.assets
def test_both_demos_have_the_same_positives(workspace: Path) -> None:
    """Fetches the built-in texts when no asset folder names them."""
    plans = [load_plan(queue_demo(name, start=False).id) for name in (CLOSE, DISTANT)]
    close, distant = (set(plan.loc[plan["label"] == 1, "id"]) for plan in plans)
    assert close == distant and len(close) == POSITIVES
