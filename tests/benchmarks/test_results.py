"""docs/results.md: its numbers are those of the analysis, and its sentences depend on them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks.results import drop_answers, experiments, remedy_answers
from benchmarks.results.__main__ import main
from benchmarks.results.advice import what_to_do
from benchmarks.results.document import document
from benchmarks.results.formatting import part, plain, share
from benchmarks.results.measures import Sweep, measure
from closecall.analysis.formatting import points_text
from closecall.analysis.intervals import Estimate
from closecall.analysis.ratio.decomposition import Validation, decompose_drop
from closecall.analysis.seeds import share_over_seeds
from closecall.data.datasets.store import Dataset, load_dataset
from closecall.data.experiments.runs import load_predictions, load_runs, save_predictions
from closecall.data.experiments.store import ExperimentConfig, run_folder
from closecall.data.io.files import read_frame
from tests.makers import make_dataset, make_experiment
from tests.remedy_makers import add_remedy_runs

REMEDIES = {"focal": (1.2, 0.0), "tfidf-logistic": (0.0, 0.3), "one-class-svm": (0.0, 9.0)}
"""A loss that only moves the threshold, a model as good as the baseline, one that ranks nearly at random."""


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Sweep]:
    """A close pair with remedies, and a distant pair without."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLOSECALL_HOME", str(tmp_path_factory.mktemp("results")))
        close = _experiment("newsgroups-close", "near", d_prime=2.6)
        add_remedy_runs(close, REMEDIES)
        _experiment("newsgroups-distant", "far", d_prime=8.0)
        _experiment("posts", "single", seeds=(0,), d_prime=2.6)
        _experiment("movie-reviews", "queued", state="queued")
        return {name: measure(name) for name in ("near", "far", "single", "queued")}


def _dataset(name: str) -> Dataset:
    return make_dataset(name, positives=240, negatives=480)


def _experiment(dataset: str, name: str, **how: object) -> ExperimentConfig:
    settings = {"ratios": (1, 10), "seeds": (0, 1, 2), "with_embeddings": False, **how}
    return make_experiment(_dataset(dataset), name, **settings)  # type: ignore[arg-type]


def test_the_numbers_are_those_of_the_analysis(sweeps: dict[str, Sweep]) -> None:
    near = sweeps["near"]
    recall_drop, last = near.drops[-1], near.levels[-1]
    runs = {run.name: run for run in near.runs}
    tests, chosen = (
        {ratio: [load_predictions(runs[f"r{ratio}-s{seed}-none"], split) for seed in range(3)] for ratio in (1, 10)}
        for split in ("test", "validation")
    )
    labels = tests[1][0].labels
    probs = {ratio: np.stack([one.pos_probs for one in rows]) for ratio, rows in tests.items()}
    found = (probs[10][:, labels == 1] >= 0.5).sum(axis=1)
    assert last.measures.at_half.recall == share_over_seeds(found, int((labels == 1).sum()))
    assert last.measures.auc.value == pytest.approx(np.mean([roc_auc_score(labels, row) for row in probs[10]]))
    assert last.own_mix == pytest.approx(np.mean([average_precision_score(labels, row) for row in probs[10]]))
    validation = Validation(
        chosen[1][0].labels, *(np.stack([one.pos_probs for one in chosen[ratio]]) for ratio in (1, 10))
    )
    parts = decompose_drop(labels, probs[1], probs[10], validation=validation)
    assert recall_drop.parts == parts and recall_drop.level == last and recall_drop.first == near.levels[0]
    assert recall_drop.moved.recall.value == pytest.approx(parts.recall_a - parts.ranking.value, abs=0.01)
    text = document([near], "a command")
    row = next(line for line in text.splitlines() if line.startswith("| 1:10 | ") and part(parts.drop) in line)
    assert part(parts.ranking) in row and part(parts.threshold) in row and share(recall_drop.moved.recall) in row
    assert share(last.measures.at_half.recall) in text and points_text(parts.drop) in " ".join(text.split())


def test_the_comparison_has_every_method_with_its_gains(sweeps: dict[str, Sweep]) -> None:
    results = sweeps["near"].remedies
    assert results is not None and {one.name for one in results.measures} == {"none", *REMEDIES}
    rise, p = results.ap_gains["one-class-svm"]
    by_name = {one.name: one for one in results.measures}
    own, of_baseline = (by_name[name].average_precision.value for name in ("one-class-svm", "none"))
    assert rise.value == pytest.approx(own - of_baseline) and rise.high < 0 and p < 0.001
    assert results.ap_gains["focal"][0].value == pytest.approx(0, abs=1e-6)
    assert "under 1" not in document([sweeps["near"]], "x") and sweeps["far"].remedies is None


def test_the_first_answer_depends_on_the_intervals(sweeps: dict[str, Sweep]) -> None:
    answer = drop_answers.close_against_distant([sweeps["near"], sweeps["far"]])
    assert answer.headline.startswith("Yes: the close pair falls and the distant one holds")
    assert len(answer.points) == 3 and sweeps["near"].main_drop.parts.drop.low > 0.05
    turned = [
        replace(one, config=replace(one.config, dataset=other))
        for one, other in ((sweeps["near"], "newsgroups-distant"), (sweeps["far"], "newsgroups-close"))
    ]
    assert drop_answers.close_against_distant(turned).headline.startswith("No: the close pair loses less than 5 points")
    only_close = drop_answers.close_against_distant([sweeps["near"], sweeps["queued"]])
    assert (
        only_close.headline == "Not known yet: no drop was measured on the distant pair."
        and len(only_close.points) == 1
    )


@pytest.mark.parametrize(
    ("close", "distant", "more", "seeds", "begins"),
    [
        ((0.15, 0.1, 0.2), (0.02, -0.02, 0.06), (0.13, 0.06, 0.2), 3, "The close pair falls, and further"),
        ((0.15, 0.1, 0.2), (0.07, 0.03, 0.1), (0.08, 0.02, 0.14), 3, "In part: the distant pair falls too"),
        (
            (0.15, 0.1, 0.2),
            (0.1, 0.03, 0.17),
            (0.05, -0.03, 0.13),
            3,
            "Not distinguishable with 3 seeds: the close",
        ),
        (
            (0.1, -0.01, 0.2),
            (0.0, -0.03, 0.03),
            (0.1, -0.01, 0.2),
            3,
            "Not distinguishable with 3 seeds: the drop of the",
        ),
        ((0.1, 0.05, 0.2), (0.3, 0.25, 0.35), (-0.2, -0.3, -0.1), 3, "No, the other way round"),
        ((0.15, 0.1, 0.2), (0.0, 0.0, 0.0), (0.15, 0.1, 0.2), 1, "Not distinguishable with one seed"),
    ],
)
def test_every_outcome_of_the_first_question_has_its_sentence(close, distant, more, seeds, begins) -> None:
    assert drop_answers._whether(Estimate(*close), Estimate(*distant), Estimate(*more), seeds).startswith(begins)


def test_a_drop_in_ranking_is_not_reported_as_threshold(sweeps: dict[str, Sweep]) -> None:
    threshold_only = drop_answers.threshold_share([sweeps["near"]])
    assert threshold_only.headline.startswith("All of it")
    worse = _with_noise(sweeps["near"])
    reported = drop_answers.threshold_share([worse])
    assert "ranking was lost" in reported.headline and "fewer were lost" not in reported.points[0]
    unsure = replace(worse.main_drop.parts, ranking=Estimate(0.02, -0.2, 0.3), ranking_mean=Estimate(0.02, -0.2, 0.3))
    wide = replace(worse, drops=(replace(worse.main_drop, parts=unsure),))
    assert drop_answers.threshold_share([wide]).headline.startswith(("Some of it, how much", "Not distinguishable"))
    assert what_to_do([wide]).headline.startswith("Try more test examples")
    assert drop_answers.threshold_share([sweeps["far"]]).headline == "The drop is below 5 points on the distant pair."
    assert "Read the missed positives" in what_to_do([worse]).headline
    assert what_to_do([sweeps["near"], sweeps["far"]]).headline == (
        "Keep the negatives and move the threshold on the close pair; nothing needs to be done, for hardly a positive "
        "is lost, on the distant pair."
    )
    assert "(one seed)" in drop_answers.threshold_share([sweeps["single"]]).headline


def _with_noise(sweep: Sweep) -> Sweep:
    """The same experiment, its largest ratio ranking at random for half of the examples."""
    workspace = sweep.runs[0].folder.parents[3]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLOSECALL_HOME", str(workspace))
        made = make_experiment(
            load_dataset("newsgroups-close"),
            "noisy",
            ratios=(1, 10),
            seeds=(0, 1, 2),
            d_prime=3.5,
            with_embeddings=False,
        )
        rng = np.random.default_rng(3)
        for seed in made.seeds:
            folder = run_folder("noisy", f"r10-s{seed}-none")
            frame = read_frame(folder / "predictions.parquet")
            odds = np.where(rng.random(len(frame)) < 0.5, rng.permutation(frame["logit"]), frame["logit"])
            save_predictions(folder, frame.assign(logit=odds, pos_prob=1 / (1 + np.exp(-odds.astype(float)))))
        return measure("noisy")


def test_the_answers_on_remedies_depend_on_the_gains(sweeps: dict[str, Sweep]) -> None:
    near = sweeps["near"]
    assert (
        remedy_answers.one_class_is_worse([near]).headline == "Yes, it ranks worse than the baseline on the close pair."
    )
    losses = remedy_answers.loss_helps([near, sweeps["far"]])
    assert losses.headline == "No, AUC gains less than 0.010 on the close pair." and len(losses.points) == 1
    assert "moving the baseline's threshold gives" in losses.points[0]
    nothing = remedy_answers.simpler_is_better([sweeps["far"]])
    assert nothing.headline == "Not known yet: no simpler model has finished." and nothing.points == []
    gain = next(one for one in near.remedies.gains if one.name == "focal")
    better = replace(gain, auc=Estimate(0.03, 0.02, 0.04), auc_p=0.001, auc_noise=0.002, n_seeds=3)
    none = replace(gain, auc=Estimate(0.0, -0.02, 0.02), auc_p=1.0, auc_noise=0.002, recall_p=1.0, n_seeds=3)
    hardly = replace(better, auc=Estimate(0.005, 0.004, 0.006), auc_noise=0.001, recall_p=1.0)
    assert remedy_answers._whether([better, none]) == "yes, focal loss helps"
    assert remedy_answers._whether([none]) == "no help is shown at 3 seeds"
    assert remedy_answers._whether([replace(none, auc=Estimate(0.0, -0.01, 0.005))]) == "no, AUC gains less than 0.010"
    assert remedy_answers._whether([hardly]) == "hardly, focal loss by less than 0.010 of AUC,"
    assert remedy_answers._whether([replace(none, n_seeds=1)]) == "not distinguishable at one seed"
    worse = replace(better, auc=Estimate(-0.3, -0.32, -0.28))
    assert remedy_answers._one_class_verdict([worse, worse]) == "yes, all 2 rank worse than the baseline"
    assert remedy_answers._one_class_verdict([worse, none]) == "1 of 2 rank worse than the baseline"
    assert remedy_answers._one_class_verdict([none]) == "none is shown to rank worse than the baseline"
    assert remedy_answers._simpler_verdict([better, none]) == "yes, focal loss"
    assert remedy_answers._simpler_verdict([worse, none]) == "not shown, and focal loss does worse"
    assert remedy_answers._simpler_verdict([none]) == "no difference in AUC or recall is shown"


def test_what_is_missing_is_listed(sweeps: dict[str, Sweep]) -> None:
    text = " ".join(document([sweeps["near"], sweeps["queued"]], "python -m benchmarks.results near queued").split())
    assert "No baseline run has finished yet." in text
    assert "The distant pair: no experiment on newsgroups-distant is among these." in text
    assert "Movie reviews (queued): 6 runs without predictions: queued r1-s0-none" in text
    assert "The close pair (near): not queued at 1:2, 1:3, 1:5 and 1:20." in text
    assert (
        "1:50 is not possible: 24 positives need 1,200 training negatives, and there are 240 (1:10.0 at most)." in text
    )
    assert "not queued at 1:10 with any remedy" in text and "one-class kNN distance" in text


def test_the_command_writes_the_file_and_reports_an_unknown_experiment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLOSECALL_HOME", str(tmp_path / "home"))
    make_experiment(make_dataset(), "small", ratios=(1, 2), with_embeddings=False)
    assert main(["small", "small", "--out", str(tmp_path / "results.md")]) == 0
    text = (tmp_path / "results.md").read_text()
    assert text.count("## Mac posts among PC posts") == 1 and text.endswith("\n")
    assert max(len(line) for line in text.splitlines() if not line.startswith(("|", "    "))) <= 120
    assert main(["other", "--out", str(tmp_path / "none.md")]) == 2
    assert "There is no experiment named other" in capsys.readouterr().err and not (tmp_path / "none.md").exists()


def test_an_experiment_with_other_settings_is_not_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOSECALL_HOME", str(tmp_path))
    assert [plan.experiment for plan in experiments.PLANS] == ["results-close", "results-distant", "results-movies"]
    make_experiment(make_dataset(), "results-close", with_embeddings=False, state="queued")
    assert main(["--out", str(tmp_path / "results.md")]) == 2
    assert {run.status.state for run in load_runs("results-close")} == {"queued"}


def test_names_from_data_are_escaped() -> None:
    assert plain("a|b\n# *c* <script>") == r"a\|b \# \*c\* &lt;script&gt;"
