"""The terminal: every command on real folders, its words, its JSON and its exit code."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer.main

from closecall.analysis.causes.verdict import CAUSES
from closecall.cli import main as cli
from closecall.cli.launch import app_command, app_environment
from closecall.cli.output import print_rows, printable
from closecall.data.annotations.hard_cases import Origin, add_hard_cases, load_hard_cases
from closecall.data.datasets.store import load_dataset
from closecall.data.experiments.runs import RunStatus, write_status
from closecall.data.experiments.store import experiment_ids, run_folder
from closecall.models.queue import jobs
from closecall.models.queue.sweeps import SweepRequest
from tests.makers import HOSTILE, make_dataset, make_experiment, make_preview, take_back
from tests.planted import WORD, make_planted

COMMANDS = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
PROGRAM = [sys.executable, "-c", "from closecall.cli.main import main; main()"]
ROOT = Path(__file__).resolve().parents[2]


class Terminal:
    """Types commands in this process; keeps the exit code and what was printed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        self.out = self.err = ""

    def __call__(self, *words: object) -> int:
        self._monkeypatch.setattr(sys, "argv", ["closecall", *map(str, words)])
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        self.out, self.err = self._capsys.readouterr()
        return code

    def json(self, *words: object) -> Any:
        assert self(*words, "--json") == 0, self.err
        return json.loads(self.out)


@pytest.fixture
def closecall(workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    monkeypatch.setattr(jobs, "ensure_worker", lambda: None)
    return Terminal(monkeypatch, capsys)


@pytest.fixture
def sweep(closecall: Terminal) -> str:
    return make_experiment(make_dataset(), ratios=(1, 10), seeds=(0, 1), with_embeddings=False).id


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(closecall: Terminal, name: str) -> None:
    assert closecall(name, "--help") == 0
    assert f"Example: closecall {name}" in closecall.out
    assert all(option.help for option in COMMANDS[name].params), "every argument and option says what it is"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_names_options_that_exist(name: str) -> None:
    example = re.search(r"Example: closecall (.+)", COMMANDS[name].help or "")
    known = {option for one in COMMANDS[name].params for option in (*one.opts, *one.secondary_opts)}
    assert example and set(re.findall(r"--[a-z-]+", example.group(1))) <= known


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    heavy = "import sys, closecall.cli.main; print([m for m in ('torch', 'pandas', 'streamlit', 'numpy') if m in sys.modules])"
    before = os.times()
    answer = subprocess.run([sys.executable, "-c", heavy], cwd=ROOT, capture_output=True, text=True, check=True)
    after = os.times()
    assert answer.stdout.strip() == "[]"
    assert after.children_user + after.children_system - before.children_user - before.children_system < 1


def test_no_command_imports_torch(workspace: Path) -> None:
    probe = "import sys; from closecall.cli import terminal, launch; print('torch' in sys.modules, 'streamlit' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False False"


def test_usage_errors_are_exit_code_2(closecall: Terminal) -> None:
    assert closecall("swep") == 2 and "sweep" in closecall.err
    assert closecall("sweep") == 2
    assert closecall("errors", "x", "--ratio") == 2
    assert closecall("app", "--port", 99999) == 2


def test_an_empty_workspace_says_what_to_do(closecall: Terminal) -> None:
    for command in ("datasets", "experiments", "status"):
        assert closecall(command) == 0 and "closecall" in closecall.err and closecall.out == ""
        assert closecall.json(command) == []
    assert closecall("status", "nope") == 2
    assert closecall.err == "There is no experiment named nope. Known experiments: none yet.\n"


def test_import_proposes_columns_then_classes(closecall: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "my posts.csv"
    frame = make_dataset().examples[["id", "text", "class_name"]].rename(columns={"class_name": "topic"})
    frame.to_csv(file, index=False)
    assert closecall("import", file) == 2
    assert (
        "closecall import" in closecall.err and "--text-column text" in closecall.err and f"'{file}'" in closecall.err
    )
    assert closecall("import", file, "--yes") == 2
    assert "which class is the positive" in closecall.err and "'mac' (80)" in closecall.err
    assert closecall("import", file, "--yes", "--positive", "mac") == 0
    assert "my-posts" in closecall.out and "closecall sweep my-posts" in closecall.err
    assert load_dataset("my-posts").info.positive_classes == ("mac",)
    assert closecall("import", file, "--yes", "--positive", "mac") == 2 and "Choose another name" in closecall.err


def test_import_with_everything_named(closecall: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "posts.jsonl"
    make_dataset().examples.to_json(file, orient="records", lines=True)
    named = ["--text-column", "text", "--label-column", "class_name", "--id-column", "id", "--split-column", "split"]
    answer = closecall.json("import", file, *named, "--positive", "mac", "--negative", "pc", "--name", "Named Ones")
    assert answer["dataset"] == "named-ones" and answer["set_aside"] == 0
    assert [row["split"] for row in answer["splits"]] == ["train", "validation", "test"]
    assert closecall("import", file, "--text-column", "txt", "--label-column", "class_name", "--positive", "mac") == 2
    assert "Is 'text' meant?" in closecall.err
    assert closecall("import", tmp_path / "none.csv", "--yes") == 2 and "There is no file" in closecall.err


def test_sweep_queues_and_says_how_to_watch(closecall: Terminal) -> None:
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


def test_a_preview_is_queued_told_and_replaced(closecall: Terminal) -> None:
    make_dataset()
    answer = closecall.json("sweep", "posts", "--ratios", "1,3", "--title", "Mine", "--preview")
    assert [one["state"] for one in answer["previews"]] == ["queued"] * 4
    assert closecall("status", "mine") == 0 and "The preview: 4 queued." in closecall.err
    done = make_experiment(load_dataset("posts"), "other", ratios=(1, 3), seeds=(0,))
    for ratio in done.ratios:
        make_preview(done, ratio)
    take_back(done, 3)
    assert closecall("status", "other") == 0
    assert "preview of 1:3" in closecall.out and "preview of 1:1" not in closecall.out
    assert "Preview at 1:3: 5 of 6 layers are frozen" in closecall.err


def test_the_help_of_sweep_shows_the_defaults_of_a_request() -> None:
    defaults = SweepRequest("posts")
    shown = {
        option.name: option.show_default for option in COMMANDS["sweep"].params if isinstance(option.show_default, str)
    }
    kept = {"kind": defaults.sweep, "ratios": ",".join(f"{one:g}" for one in defaults.ratios)}
    kept["seeds"] = ",".join(map(str, defaults.seeds))
    assert {"ratios", "seeds", "encoder", "kind", "epochs", "batch_size", "learning_rate", "max_tokens"} == set(shown)
    assert shown == {name: kept.get(name) or str(getattr(defaults.training, name)) for name in shown}


def test_waiting_ends_with_the_state_of_the_runs(closecall: Terminal, sweep: str) -> None:
    assert closecall("status", sweep, "--wait") == 0
    assert "positives found" in closecall.out and "of 26" in closecall.out
    write_status(run_folder(sweep, "r10-s1-none"), RunStatus(state="failed", message="The disk is full."))
    assert closecall("status", sweep, "--wait") == 1
    assert "closecall resume sweep" in closecall.err and "The disk is full." in closecall.out


def test_status_for_scripts(closecall: Terminal, sweep: str) -> None:
    answer = closecall.json("status", sweep)
    assert (answer["active"], answer["counts"]["done"], answer["done_share"]) == (False, 4, 1.0)
    half = answer["runs"][0]["test_at_half"]
    assert half["tp"] + half["fn"] == 26
    assert [row["experiment"] for row in closecall.json("status")] == [sweep]


def test_unfinished_work_is_offered(closecall: Terminal) -> None:
    make_experiment(make_dataset(), "stuck", ratios=(1, 3), seeds=(0,), state="interrupted")
    assert closecall("status") == 0 and "closecall resume stuck" in closecall.err
    assert closecall.json("resume", "stuck")["counts"]["queued"] == 2
    assert closecall("cancel", "stuck") == 0 and "closecall resume stuck" in closecall.err
    assert closecall.json("status", "stuck")["counts"]["cancelled"] == 2
    assert closecall("cancel", "stuck", "--run", "r7-s0-none") == 2 and "r1-s0-none" in closecall.err


def test_predict_queues_a_loaded_classifier(closecall: Terminal, tmp_path: Path) -> None:
    make_dataset()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text("{}")
    answer = closecall.json("predict", "posts", "--checkpoint", tmp_path / "mine", "--ratio", "1:10")
    assert (answer["kind"], answer["runs"][0]["ratio"], answer["counts"]["queued"]) == ("checkpoint", 10, 1)
    joined = ["--checkpoint", tmp_path / "mine", "--ratio", 1, "--experiment", answer["experiment"]]
    assert len(closecall.json("predict", "posts", *joined)["runs"]) == 2
    assert (
        closecall("predict", "posts", "--checkpoint", tmp_path, "--ratio", 10) == 2 and "config.json" in closecall.err
    )


def test_predictions_made_elsewhere(closecall: Terminal, tmp_path: Path) -> None:
    frame = pd.DataFrame({"key": list("abcdef"), "label": [1, 0] * 3, "prob": [0.9, 0.2, 0.4, 0.1, 0.8, 0.6]})
    for ratio in (1, 10):
        frame.to_csv(tmp_path / f"at-{ratio}.csv", index=False)
    files = [tmp_path / "at-1.csv", tmp_path / "at-10.csv"]
    assert closecall("import-predictions", *files, "--ratios", "1,10") == 2
    assert "No id column was recognised" in closecall.err and "--column probability=prob" in closecall.err
    answer = closecall.json("import-predictions", *files, "--ratios", "1,10", "--column", "id=key", "--yes")
    assert answer["kind"] == "imported"
    assert answer["runs"][1]["test_at_half"] == {"tp": 2, "fn": 1, "fp": 1, "tn": 2}
    assert closecall("import-predictions", *files, "--column", "key", "--yes") == 2 and "ROLE=NAME" in closecall.err
    assert (
        closecall("import-predictions", *files, "--ratios", "1,2,3", "--yes") == 2 and "2 files and 3" in closecall.err
    )


def test_the_data_map_is_listed_written_and_printed(closecall: Terminal, sweep: str, tmp_path: Path) -> None:
    assert closecall("data-map", sweep, "--ratio", "1:10", "--seed", 1, "--out", tmp_path / "map.csv") == 0
    written = pd.read_csv(tmp_path / "map.csv")
    assert written["confidence"].round(4).eq(0.7).all() and set(written["split"]) == {"train"}
    assert written["label"].tolist() == sorted(written["label"], reverse=True)
    assert closecall("data-map", sweep, "--ratio", 10) == 0 and "Never right in training: 0 of" in closecall.err
    assert closecall("data-map", sweep, "--ratio", 10, "--json") == 0
    assert {"variability", "region", "margin"} <= set(json.loads(closecall.out.splitlines()[0]))
    (run_folder(sweep, "r10-s0-none") / "dynamics.npz").unlink()
    assert closecall("data-map", sweep, "--ratio", 10) == 2 and "has no training dynamics" in closecall.err


def test_errors_are_listed_written_and_printed(closecall: Terminal, sweep: str, tmp_path: Path) -> None:
    assert closecall("errors", sweep, "--ratio", "1:10", "--out", tmp_path / "e.csv") == 0
    written = pd.read_csv(tmp_path / "e.csv")
    assert set(written["outcome"]) == {"fn"} and set(written["ratio"]) == {10}
    assert closecall("errors", sweep, "--ratio", 10) == 0 and written["id"][0] in closecall.out
    assert closecall("errors", sweep, "--ratio", 10, "--outcome", "fn,fp", "--json") == 0
    rows = [json.loads(line) for line in closecall.out.splitlines()]
    assert {row["outcome"] for row in rows} == {"fn", "fp"} and rows[0]["experiment"] == sweep
    assert closecall("errors", sweep, "--ratio", 7) == 2 and "Finished runs" in closecall.err
    assert closecall("errors", sweep, "--ratio", 10, "--outcome", "miss") == 2 and "is not an outcome" in closecall.err
    assert closecall("errors", sweep, "--ratio", 10, "--out", tmp_path / "e.xls") == 2 and ".parquet" in closecall.err


def test_slices_are_said_written_and_printed(closecall: Terminal, tmp_path: Path) -> None:
    sweep = make_planted().id
    assert closecall("slices", sweep, "--ratio", 5, "--out", tmp_path / "s.csv") == 0
    assert f"Positives with “{WORD}” are missed" in closecall.err and "Benjamini-Hochberg" in closecall.err
    written = pd.read_csv(tmp_path / "s.csv")
    assert (
        written["rule"][0] == f"word:{WORD}"
        and bool(written["stands_out"][0])
        and set(written["run"]) == {"r5-s0-none"}
    )
    assert closecall("slices", sweep, "--ratio", "1:5") == 0 and WORD in closecall.out
    assert closecall("slices", sweep, "--ratio", 5, "--outcome", "fp", "--threshold", 0.2, "--json") == 0
    rows = [json.loads(line) for line in closecall.out.splitlines()]
    assert {row["outcome"] for row in rows} == {"fp"} and rows[0]["threshold"] == 0.2
    assert closecall("slices", sweep, "--ratio", 5, "--outcome", "tp") == 2 and "fn (misses)" in closecall.err
    assert closecall("slices", sweep, "--ratio", 7) == 2 and "Finished runs" in closecall.err


def test_hard_cases_are_written(closecall: Terminal, sweep: str, tmp_path: Path) -> None:
    assert closecall("hard-cases", sweep) == 0 and "Add some on the Errors page" in closecall.err
    ids = [f"post-{n:05d}" for n in range(3)]
    add_hard_cases(sweep, ids, ["missed"] * 3, origin=Origin("r10-s0-none", 10, 0))
    assert closecall("hard-cases", sweep, "--out", tmp_path / "list.parquet") == 0
    assert pd.read_parquet(tmp_path / "list.parquet")["text"].tolist() == HOSTILE
    assert closecall("hard-cases", sweep) == 0
    assert "\x00" not in closecall.out and "\u202e" not in closecall.out and "<script>" in closecall.out


def test_every_form_of_list_is_written(closecall: Terminal, sweep: str, tmp_path: Path) -> None:
    add_hard_cases(sweep, ["post-00003"], ["missed"])
    for form, name in (("hf", "folder"), ("hf", "all.zip"), ("argilla", "a.json"), ("label-studio", "tasks.json")):
        assert closecall("hard-cases", sweep, "--form", form, "--out", tmp_path / name) == 0
        assert (tmp_path / name).exists()
    assert "<Choices" in (tmp_path / "tasks-interface.xml").read_text()
    assert (tmp_path / "folder" / "README.md").is_file() and (tmp_path / "folder" / "data").is_dir()
    assert closecall("hard-cases", sweep, "--form", "hf", "--out", tmp_path / "folder") == 2
    assert "not an empty folder" in closecall.err
    assert closecall("hard-cases", sweep, "--form", "xlsx", "--out", tmp_path / "x") == 2
    assert closecall("hard-cases", sweep, "--form", "csv") == 2 and "--out" in closecall.err


def test_a_list_is_read_back_and_applied(closecall: Terminal, sweep: str, tmp_path: Path) -> None:
    add_hard_cases(sweep, ["post-00003", "post-00004"], ["missed", "missed"])
    closecall("hard-cases", sweep, "--out", tmp_path / "list.csv")
    table = pd.read_csv(tmp_path / "list.csv", dtype=str, keep_default_na=False)
    table.loc[0, "new_label"] = "pc"
    table.iloc[:1].to_csv(tmp_path / "back.csv", index=False)
    assert closecall("hard-cases", sweep, "--import", tmp_path / "back.csv") == 0
    assert "new label: none -> pc" in closecall.out and "not written yet" in closecall.err
    assert "--remove-missing" in closecall.err
    assert load_hard_cases(sweep)["action"].tolist() == ["", ""]
    told = closecall.json("hard-cases", sweep, "--import", tmp_path / "back.csv", "--yes", "--who", "Ann")
    assert told["written"] and told["changes"] == [{"id": "post-00003", "new_label": "pc", "action": "relabel"}]
    assert closecall("hard-cases", sweep, "--import", tmp_path / "back.csv", "--yes") == 0
    assert "Nothing to change" in closecall.err
    assert closecall("relabel", sweep, "--training-only") == 2 and "changes no label" in closecall.err
    assert closecall("relabel", sweep, "--queue") == 0
    assert "test: labels changed 1," in closecall.err and "posts-v2 is made; posts stays" in closecall.err
    assert "sweep-on-posts-v2" in experiment_ids()


def test_the_demo_is_left_alone_when_there_is_work(closecall: Terminal, sweep: str) -> None:
    assert closecall("demo", "--if-empty") == 0 and "not queued" in closecall.err
    assert experiment_ids() == [sweep]


def test_built_ins_are_listed_with_their_licences(closecall: Terminal) -> None:
    rows = closecall.json("builtin")
    assert len(rows) == 3 and all(row["licence"] and row["origin"] for row in rows)
    assert closecall("builtin", "nope") == 2 and "newsgroups-close" in closecall.err


def test_ctrl_c_is_130_and_the_runs_go_on(closecall: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    make_experiment(make_dataset(), "waiting", ratios=(1,), seeds=(0,), state="queued")

    def interrupted(experiment: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("closecall.cli.tables.follow", interrupted)
    assert closecall("status", "waiting", "--wait") == 130
    assert "closecall cancel waiting" in closecall.err


def test_a_real_interrupt_ends_quickly(workspace: Path) -> None:
    make_experiment(make_dataset(), "waiting", ratios=(1, 3), seeds=(0,), state="queued")
    write_status(run_folder("waiting", "r1-s0-none"), RunStatus(state="done"))
    # Where the tests themselves run in the background of a shell, children begin with interrupts ignored.
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from closecall.cli.main import main; main()"
    words = [sys.executable, "-c", heard, "status", "waiting", "--wait"]
    child = subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert child.stderr is not None and child.stderr.readline() == "1:1 seed 0: done\n"
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=20)
    assert child.returncode == 130 and "Traceback" not in said and "closecall cancel waiting" in said


def test_the_app_is_opened_on_localhost(closecall: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr("os.execve", lambda path, words, environment: calls.append((words, environment)))
    monkeypatch.setattr("os.chdir", lambda folder: None)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with socket.create_server(("localhost", 0)) as taken:
        port = taken.getsockname()[1]
        assert closecall("app", "--port", port) == 2 and f"Port {port} is taken" in closecall.err
    assert closecall("app", "--port", port) == 0 and f"http://localhost:{port}" in closecall.err
    words, environment = calls[0]
    assert "--server.address=localhost" in words and "--server.headless=true" in words
    assert Path(environment["CLOSECALL_HOME"]).is_absolute() and app_environment().keys() == environment.keys()
    monkeypatch.setenv("DISPLAY", ":0")
    assert "--server.headless=false" in app_command(port, browser=True)
    assert "--server.headless=true" in app_command(port, browser=False)


def test_the_terminal_is_not_steered_by_texts(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([{"text": "\x1b[2J[bold]red[/bold]\nnext \u05e9 \U0001f600", "empty": "", "n": 1234, "share": 0.12345}])
    shown = capsys.readouterr().out
    assert "\x1b" not in shown and "[bold]red[/bold] next \u05e9 \U0001f600" in shown
    assert "empty" not in shown and "1,234" in shown and "0.123" in shown
    assert printable("a\tb\r\nc\x00") == "a b c\ufffd"


def test_the_verdict_in_words_and_as_json(closecall: Terminal, sweep: str) -> None:
    assert closecall("verdict", sweep) == 0
    assert closecall.out.startswith("Positives found: ") and "confidence" in closecall.out
    content = closecall.json("verdict", sweep)
    assert content["test_positives"] == 26 and content["runs"] == 4
    assert {one["cause"] for one in content["findings"]} <= set(CAUSES)
    parts = content["comparison"]["parts"]
    assert parts["ranking"]["value"] + parts["threshold"]["value"] == pytest.approx(parts["drop"]["value"])
    assert set(content["not_measured"]) == {"sparsity", "overlap", "labels"}


def test_a_verdict_needs_two_ratios(closecall: Terminal) -> None:
    one = make_experiment(make_dataset(), "one", ratios=(1,), seeds=(0,), with_embeddings=False).id
    assert closecall("verdict", one) == 2
    assert "has finished runs at 1:1" in closecall.err


def test_the_askers_counts_give_the_told_decomposition(closecall: Terminal) -> None:
    content = closecall.json("counts", "92/100,92/100", "80/100,98/100")
    assert content["first"]["d_prime"] == pytest.approx(2.810, abs=5e-4)
    assert content["second"]["d_prime"] == pytest.approx(2.895, abs=5e-4)
    assert content["parts"]["ranking"] == pytest.approx(-0.012, abs=5e-4)
    assert content["parts"]["threshold"] == pytest.approx(0.132, abs=5e-4)
    assert content["honest_at_1_10"]["recall"] == pytest.approx(0.721, abs=5e-4)
    assert closecall("counts", "92/100,92/100", "80/100,98/100") == 0
    assert "Lost: 12.0 points, of which ranking -1.2 and threshold 13.2" in closecall.out


@pytest.mark.parametrize("wrong", ["92", "92/100", "101/100,92/100", "92/100,9/0", "a/b,c/d"])
def test_wrong_counts_say_what_to_write(closecall: Terminal, wrong: str) -> None:
    assert closecall("counts", wrong, "80/100,98/100") == 2
    assert repr(wrong) in closecall.err
    assert closecall("counts", "92/100,92/100", "80/90,98/100") == 2 and "same examples" in closecall.err


def test_the_report_is_one_page_that_needs_no_network(closecall: Terminal, sweep: str, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    assert closecall("report", sweep, "--out", out) == 0, closecall.err
    text = out.read_text()
    for heading in ("What happened, and why", "Why recall fell", "The ratio as a knob", "Who was lost", "Paired tests"):
        assert f"<h2>{heading}</h2>" in text
    assert text.count("<figure") == 5
    outside = re.findall(r'<(?:script|link|img|iframe)[^>]+(?:src|href)="([^"]+)"', text)
    assert outside == []
    assert "Written to" in closecall.err
    assert closecall("report", sweep, "--out", tmp_path) == 2 and "is a folder" in closecall.err
    waiting = make_experiment(make_dataset("w"), "waiting", ratios=(1,), seeds=(0,), state="queued").id
    assert closecall("report", waiting, "--out", out) == 2 and "No run of waiting has finished" in closecall.err


def test_a_threshold_lies_between_0_and_1(closecall: Terminal, sweep: str) -> None:
    assert closecall("errors", sweep, "--ratio", "10", "--threshold", "1.5") == 2
