"""Commands that queue training: demo, sweep, status, cancel, resume, predict."""

from pathlib import Path

import typer.main

from closecall.cli import main as cli
from closecall.data.datasets.store import load_dataset
from closecall.data.experiments.runs import RunStatus, write_status
from closecall.data.experiments.store import experiment_ids, load_run_config, run_folder
from closecall.models.queue.sweeps import SweepRequest
from tests.cli.terminal import Terminal
from tests.makers import make_dataset, make_experiment, make_preview, take_back
from tests.tiny_bert import make_tiny_bert


def test_demo_if_empty_needs_an_empty_workspace(closecall: Terminal, sweep: str) -> None:
    assert closecall("demo", "--if-empty") == 0 and "not queued" in closecall.err
    assert experiment_ids() == [sweep]


def test_sweep_queues_runs(closecall: Terminal) -> None:
    make_dataset()
    answer = closecall.json(
        "sweep", "posts", "--ratios", "1:1,3", "--seeds", "0,1", "--positives", 20, "--title", "Mine"
    )
    assert answer["experiment"] == "mine" and len(answer["runs"]) == 4
    assert answer["counts"]["queued"] == 4 and answer["runs"][0]["training_positives"] == 20
    assert "closecall status mine --wait" in closecall.err
    assert closecall("sweep", "posts", "--ratios", "1,x") == 2 and "'x' is not a ratio" in closecall.err
    assert closecall("sweep", "posts", "--seeds", "a") == 2 and "'a' is not a seed" in closecall.err
    assert closecall("sweep", "posts", "--epochs", 0) == 2 and "epochs is 0" in closecall.err
    assert closecall("sweep", "posts", "--positives", 41, "--ratios", 10) == 2 and "largest possible" in closecall.err
    assert closecall("sweep", "nope") == 2 and "Known datasets: posts" in closecall.err
    assert experiment_ids() == ["mine"]


def test_previews_are_queued_and_replaced(closecall: Terminal) -> None:
    make_dataset()
    answer = closecall.json("sweep", "posts", "--ratios", "1,3", "--title", "Mine", "--preview")
    assert [one["state"] for one in answer["previews"]] == ["queued"] * 4
    assert closecall("status", "mine") == 0 and "Previews: 4 queued." in closecall.err
    done = make_experiment(load_dataset("posts"), "other", ratios=(1, 3), seeds=(0,))
    for ratio in done.ratios:
        make_preview(done, ratio)
    take_back(done, 3)
    assert closecall("status", "other") == 0
    assert "preview of 1:3" in closecall.out and "preview of 1:1" not in closecall.out
    assert "Preview at 1:3: 5 of 6 layers are frozen" in closecall.err


def test_help_of_sweep_shows_the_defaults_of_a_request() -> None:
    defaults = SweepRequest("posts")
    shown = {
        option.name: option.show_default
        for option in typer.main.get_command(cli.app).commands["sweep"].params  # type: ignore[attr-defined]
        if isinstance(option.show_default, str)
    }
    kept = {"kind": defaults.sweep, "ratios": ",".join(f"{one:g}" for one in defaults.ratios)}
    kept["seeds"] = ",".join(map(str, defaults.seeds))
    assert {"ratios", "seeds", "encoder", "kind", "epochs", "batch_size", "learning_rate", "max_tokens"} == set(shown)
    assert shown == {name: kept.get(name) or str(getattr(defaults.training, name)) for name in shown}


def test_waiting_ends_with_the_state_of_the_runs(closecall: Terminal, sweep: str) -> None:
    assert closecall("status", sweep, "--wait") == 0
    assert "recall" in closecall.out and "/26" in closecall.out
    write_status(run_folder(sweep, "r10-s1-none"), RunStatus(state="failed", message="The disk is full."))
    assert closecall("status", sweep, "--wait") == 1
    assert "closecall resume sweep" in closecall.err and "The disk is full." in closecall.out


def test_status_as_json(closecall: Terminal, sweep: str) -> None:
    answer = closecall.json("status", sweep)
    assert (answer["active"], answer["counts"]["done"], answer["done_share"]) == (False, 4, 1.0)
    half = answer["runs"][0]["test_at_half"]
    assert half["tp"] + half["fn"] == 26
    assert [row["experiment"] for row in closecall.json("status")] == [sweep]


def test_unfinished_runs_are_cancelled_and_resumed(closecall: Terminal) -> None:
    make_experiment(make_dataset(), "stuck", ratios=(1, 3), seeds=(0,), state="interrupted")
    assert closecall("status") == 0 and "closecall resume stuck" in closecall.err
    assert closecall.json("resume", "stuck")["counts"]["queued"] == 2
    assert closecall("cancel", "stuck") == 0 and "closecall resume stuck" in closecall.err
    assert closecall.json("status", "stuck")["counts"]["cancelled"] == 2
    assert closecall("cancel", "stuck", "--run", "r7-s0-none") == 2 and "r1-s0-none" in closecall.err


def test_predict_queues_a_loaded_classifier(closecall: Terminal, tmp_path: Path) -> None:
    make_dataset()
    mine = make_tiny_bert(tmp_path / "mine", labels=2)
    short = ["--max-tokens", 32]
    answer = closecall.json("predict", "posts", "--checkpoint", mine, "--ratio", "1:10", *short)
    assert "second is taken as positive" in closecall.err and "--positive" in closecall.err
    assert (answer["kind"], answer["runs"][0]["ratio"], answer["counts"]["queued"]) == ("checkpoint", 10, 1)
    joined = ["--checkpoint", mine, "--ratio", 1, "--experiment", answer["experiment"]]
    assert len(closecall.json("predict", "posts", *joined)["runs"]) == 2
    assert (
        closecall("predict", "posts", "--checkpoint", tmp_path, "--ratio", 10) == 2 and "config.json" in closecall.err
    )


def test_a_broken_model_is_refused_before_anything_is_queued(closecall: Terminal, tmp_path: Path) -> None:
    make_dataset()
    headless = make_tiny_bert(tmp_path / "headless")
    cut = make_tiny_bert(tmp_path / "cut", labels=2)
    (cut / "model.safetensors").write_bytes((cut / "model.safetensors").read_bytes()[:-100])
    unfit = make_tiny_bert(tmp_path / "unfit", labels=2)
    config = (unfit / "config.json").read_text()
    (unfit / "config.json").write_text(config.replace('"intermediate_size": 64', '"intermediate_size": 96'))
    many = make_tiny_bert(tmp_path / "many", labels=5)
    for folder, sentence in (
        (headless, "not a text classifier"),
        (cut, "is damaged"),
        (unfit, "do not fit its config.json"),
        (many, "5 outputs"),
    ):
        assert closecall("predict", "posts", "--checkpoint", folder, "--ratio", 1, "--max-tokens", 32) == 2
        assert sentence in closecall.err
    for folder, length, sentence in (
        (cut, 32, "is damaged"),
        (unfit, 32, "do not fit"),
        (headless, 65, "at most 64 tokens"),
    ):
        assert closecall("sweep", "posts", "--ratios", 1, "--encoder", folder, "--max-tokens", length) == 2
        assert sentence in closecall.err
    assert experiment_ids() == []


def test_the_positive_outputs_are_named(closecall: Terminal, tmp_path: Path) -> None:
    make_dataset()
    many = make_tiny_bert(tmp_path / "many", labels=3)
    predict = ["predict", "posts", "--checkpoint", many, "--ratio", 1, "--max-tokens", 32]
    answer = closecall.json(*predict, "--positive", "0, LABEL_2")
    assert load_run_config(answer["experiment"], "r1-s0-none").positive == ("0", "LABEL_2")
    assert closecall(*predict, "--positive", "3") == 2 and "no output 3" in closecall.err
