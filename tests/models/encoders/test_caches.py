"""Nothing is computed twice: tokens and embeddings are kept by content, for ratios, experiments and versions alike."""

from pathlib import Path

import pytest

from closecall.data.annotations.hard_cases import add_hard_cases, set_action, set_new_label
from closecall.data.experiments.store import load_run_config
from closecall.models.queue.relabelling import apply_decisions, queue_same_experiment
from closecall.models.queue.sweeps import add_remedies
from closecall.models.runtime.progress import Progress
from closecall.models.training.run import execute
from tests.tiny_sweep import make_tiny_sweep, never


def written(workspace: Path) -> dict[Path, int]:
    files = [*(workspace / "cache" / "tokens").glob("*.npz"), *(workspace / "cache" / "embeddings").glob("*.npz")]
    return {file: file.stat().st_mtime_ns for file in files}


def embeds(experiment: str, ratio: float) -> bool:
    """Whether a logistic regression on the frozen embeddings at this ratio has to embed anything."""
    add_remedies(experiment, ["frozen-logistic"], ratios=[ratio])
    seen: list[Progress] = []
    execute(
        load_run_config(experiment, f"r{ratio:g}-s0-frozen-logistic"),
        should_stop=never,
        report=seen.append,
    )
    return "embedding" in {one.phase for one in seen}


@pytest.mark.slow
def test_ratios_and_experiments_on_the_same_texts_embed_once(workspace: Path) -> None:
    config, _ = make_tiny_sweep(workspace, ratios=(1, 3))
    assert embeds(config.id, 3)
    before = written(workspace)
    assert len(before) == 2
    assert not embeds(config.id, 1)
    again, _ = make_tiny_sweep(workspace, title="again", ratios=(1, 3))
    assert not embeds(again.id, 3)
    assert written(workspace) == before


@pytest.mark.slow
def test_a_version_with_other_labels_has_the_same_tokens_and_embeddings(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("closecall.models.queue.jobs.ensure_scheduler", lambda: None)
    config, _ = make_tiny_sweep(workspace, ratios=(4,))
    embeds(config.id, 4)
    before = written(workspace)
    add_hard_cases(config.id, ["post-00003"], ["missed"])  # a test positive
    set_action(config.id, ["post-00003"], "relabel")
    set_new_label(config.id, ["post-00003"], "pc")
    version = queue_same_experiment(config.id, apply_decisions(config.id).name)
    assert version.dataset_sha256 != config.dataset_sha256
    assert not embeds(version.id, 4)
    assert written(workspace) == before
