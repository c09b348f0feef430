import shutil
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from closecall.data.datasets.store import load_dataset
from closecall.data.experiments.runs import load_embeddings, load_projection
from closecall.data.experiments.store import experiment_folder, load_evaluation, load_plan, load_run_config
from closecall.models.encoders import loading
from closecall.models.encoders.inference import run_inference
from closecall.models.encoders.tokenization import tokenise
from closecall.models.queue.sweeps import add_remedies
from closecall.models.runtime.progress import Cancelled, Progress
from closecall.models.training.frozen_embeddings import execute_frozen
from closecall.models.training.run import execute
from tests.tiny_bert import make_tiny_bert
from tests.tiny_sweep import ignore, make_tiny_sweep, never


def finish(experiment: str) -> tuple[Path, list[str]]:
    seen: list[Progress] = []
    execute_frozen(experiment, should_stop=never, report=seen.append)
    return experiment_folder(experiment) / "frozen", list(dict.fromkeys(one.phase for one in seen))


def test_test_and_all_training_examples_are_embedded(workspace: Path) -> None:
    config, _ = make_tiny_sweep(workspace, ratios=(1, 3))
    folder, phases = finish(config.id)
    rows, embeddings = load_embeddings(folder)
    evaluation, plan = load_evaluation(config.id), load_plan(config.id)
    assert rows["id"].tolist() == [*evaluation.loc[evaluation["split"] == "test", "id"], *plan["id"]]
    assert phases == ["loading", "embedding", "projecting"]
    assert load_projection(folder)["id"].tolist() == rows["id"].tolist()

    texts = load_dataset("posts").examples.set_index("id").loc[rows["id"], "text"].tolist()
    source = str(workspace / "tiny-bert")
    tokens = tokenise(texts, loading.load_tokenizer(source), 24)
    expected = run_inference(loading.load_encoder(source), tokens, np.arange(len(texts)), score=False).embeddings
    np.testing.assert_allclose(embeddings, expected, atol=1e-5)


def test_another_experiment_on_the_same_texts_computes_only_what_is_new(workspace: Path) -> None:
    small, _ = make_tiny_sweep(workspace, title="small", ratios=(1,))
    large, _ = make_tiny_sweep(workspace, title="large", ratios=(3,))
    first, _ = finish(small.id)
    second, phases = finish(large.id)
    again, _ = make_tiny_sweep(workspace, title="again", ratios=(3,))
    third, short = finish(again.id)
    assert "embedding" in phases and "embedding" not in short
    assert np.array_equal(load_embeddings(second)[1], load_embeddings(third)[1])
    kept = dict(zip(load_embeddings(first)[0]["id"], load_embeddings(first)[1], strict=True))
    rows, embeddings = load_embeddings(second)
    assert all(np.array_equal(kept[one], row) for one, row in zip(rows["id"], embeddings, strict=True) if one in kept)


def test_embeddings_do_not_depend_on_which_run_asks_first(workspace: Path) -> None:
    """A killed sweep goes on in another order. The batches are the same: in others a large encoder rounds otherwise."""
    config, _ = make_tiny_sweep(workspace, title="one", ratios=(1, 4))
    finish(config.id)
    cache = workspace / "cache" / "embeddings"
    (first,) = cache.glob("*.npz")
    stored = [np.load(first)]
    first.unlink()
    other, _ = make_tiny_sweep(workspace, title="two", ratios=(1, 4))
    add_remedies(other.id, ["frozen-logistic"], ratios=[1])
    execute(load_run_config(other.id, "r1-s0-frozen-logistic"), should_stop=never, report=ignore)
    stored.append(np.load(first))
    count = len(stored[0]["places"])
    for name in ("places", "embeddings"):
        assert np.array_equal(stored[0][name], stored[1][name][:count])
    assert "embedding" not in finish(other.id)[1]


def test_one_embeds_while_the_other_waits_and_can_be_stopped(workspace: Path) -> None:
    config, _ = make_tiny_sweep(workspace)
    finish(config.id)
    (kept,) = (workspace / "cache" / "embeddings").glob("*.npz")
    shutil.rmtree(experiment_folder(config.id) / "frozen")
    asked = iter(range(12))
    with FileLock(kept.with_suffix(".lock")), pytest.raises(Cancelled):
        execute_frozen(config.id, should_stop=lambda: next(asked, None) is None, report=ignore)
    finish(config.id)


def test_another_encoder_is_not_served_from_the_cache(workspace: Path) -> None:
    config, _ = make_tiny_sweep(workspace, title="one")
    make_tiny_bert(workspace / "other", seed=1)
    other, _ = make_tiny_sweep(workspace, title="two", encoder=str(workspace / "other"))
    one, two = (load_embeddings(finish(experiment.id)[0])[1] for experiment in (config, other))
    assert not np.allclose(one, two, atol=0.01)


def test_it_stops_when_asked_and_goes_on_later(workspace: Path) -> None:
    config, _ = make_tiny_sweep(workspace)
    answers = iter([False, False, False])
    with pytest.raises(Cancelled):
        execute_frozen(config.id, should_stop=lambda: next(answers, True), report=ignore)
    folder, _ = finish(config.id)
    assert len(load_projection(folder)) == len(load_embeddings(folder)[0])
    assert finish(config.id)[1] == ["loading"]
