"""Many classes: the positive ones against the rest, the other classes kept as columns of the dataset."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import logsumexp, softmax

from closecall.data.datasets.store import load_dataset
from closecall.data.experiments.runs import load_predictions, load_runs
from closecall.data.io.errors import UserError
from closecall.data.predictions.class_scores import ClassScores, fold
from closecall.data.predictions.classes import Classes, positive_outputs
from closecall.data.predictions.files import PredictionFile
from closecall.data.predictions.importing import PredictionImportRequest, import_predictions

NAMES = ["bus", "car", "tram", "walk"]
LOGITS = np.random.default_rng(1).normal(size=(40, 4)) * 2
PROBS = softmax(LOGITS, axis=1)
TRUTH = np.array(NAMES, dtype=object)[np.arange(40) % 4]
FOUR = Classes(("tram",), ("bus", "car", "walk"))


def table(**more: object) -> pd.DataFrame:
    return pd.DataFrame({"id": [f"e{i}" for i in range(40)], "label": TRUTH, **more})


@pytest.fixture
def at(workspace: Path, tmp_path: Path) -> Path:
    return tmp_path


@pytest.mark.parametrize("kind", ["prob", "logit"])
def test_the_positive_class_against_the_rest(at: Path, kind: str) -> None:
    values = PROBS if kind == "prob" else LOGITS
    table(**{f"{kind}_{name}": values[:, k] for k, name in enumerate(NAMES)}).to_csv(at / "p.csv", index=False)
    request = PredictionImportRequest((PredictionFile(at / "p.csv"),), positive="tram")
    made = import_predictions(request)
    one = load_predictions(load_runs(made.experiment.id)[0])
    assert np.allclose(one.pos_probs, PROBS[:, 2]) and one.labels.tolist() == (TRUTH == "tram").astype(int).tolist()
    dataset = load_dataset(made.experiment.dataset)
    assert (dataset.info.positive_classes, set(dataset.info.negative_classes)) == (("tram",), {"bus", "car", "walk"})
    examples = dataset.examples
    assert examples["class_name"].tolist() == TRUTH.tolist()
    assert np.allclose(examples["meta.p:car"], PROBS[:, 1], atol=1e-6)
    assert np.allclose(examples["meta.margin:walk"], LOGITS[:, 2] - LOGITS[:, 3], atol=1e-3)
    rivals = np.delete(PROBS, 2, axis=1).argmax(axis=1)
    assert examples["meta.rival_class"].tolist() == [["bus", "car", "walk"][k] for k in rivals]


def test_several_positive_classes_are_summed(at: Path) -> None:
    table(**{f"p_{name}": PROBS[:, k] for k, name in enumerate(NAMES)}).to_parquet(at / "p.parquet")
    for positive in ("tram, bus", ("tram", "bus")):
        made = import_predictions(PredictionImportRequest((PredictionFile(at / "p.parquet"),), positive=positive))
        one = load_predictions(load_runs(made.experiment.id)[0])
        assert np.allclose(one.pos_probs, PROBS[:, 0] + PROBS[:, 2]) and one.labels.sum() == 20
    with pytest.raises(UserError, match=r"4 values: 'bus' \(10\).*Name the positive class"):
        import_predictions(PredictionImportRequest((PredictionFile(at / "p.parquet"),), guess_positive=True))
    with pytest.raises(UserError, match=r"No label is 'tran'. Is 'tram' meant"):
        import_predictions(PredictionImportRequest((PredictionFile(at / "p.parquet"),), positive="tran,bus"))
    with pytest.raises(UserError, match="All labels are named as positive"):
        import_predictions(PredictionImportRequest((PredictionFile(at / "p.parquet"),), positive=",".join(NAMES)))


def test_rivals_of_several_ratios_have_the_ratio_in_their_names(at: Path) -> None:
    for ratio in (1, 10):
        columns = {f"prob_{name}": PROBS[:, (k + ratio) % 4] for k, name in enumerate(NAMES)}
        table(**columns).to_csv(at / f"{ratio}.csv", index=False)
    files = tuple(PredictionFile(at / f"{ratio}.csv", ratio=ratio) for ratio in (1, 10))
    made = import_predictions(PredictionImportRequest(files, positive="tram"))
    examples = load_dataset(made.experiment.dataset).examples
    assert {"meta.rival_class 1:1", "meta.rival_class 1:10", "meta.p:bus 1:10"} <= set(examples)
    assert np.allclose(examples["meta.p:bus 1:1"], PROBS[:, 1], atol=1e-6)


def test_output_k_is_class_k_in_the_order_of_the_classes(at: Path) -> None:
    np.save(at / "p.npy", LOGITS)
    table().to_csv(at / "t.csv", index=False)
    file = PredictionFile(at / "t.csv", beside=at / "p.npy")
    made = import_predictions(PredictionImportRequest((file,), positive="walk"))
    assert np.allclose(load_predictions(load_runs(made.experiment.id)[0]).pos_probs, PROBS[:, 3])
    assert any("0 is bus, 1 is car, 2 is tram, 3 is walk" in note for note in made.notes)


def test_only_the_likeliest_class_is_known(at: Path) -> None:
    answers = PROBS.argmax(axis=1)
    table(pred_label=np.array(NAMES)[answers], score=PROBS.max(axis=1)).to_csv(at / "p.csv", index=False)
    made = import_predictions(PredictionImportRequest((PredictionFile(at / "p.csv"),), positive="tram"))
    probs = load_predictions(load_runs(made.experiment.id)[0]).pos_probs
    assert np.allclose(probs, np.where(answers == 2, PROBS.max(axis=1), (1 - PROBS.max(axis=1)) / 3))
    rivals = load_dataset(made.experiment.dataset).examples["meta.rival_class"]
    assert rivals[answers != 2].tolist() == np.array(NAMES)[answers[answers != 2]].tolist()
    assert set(rivals[answers == 2]) <= {""}


@given(arrays(float, (5, 4), elements=st.floats(-30, 30)), st.sets(st.integers(0, 3), min_size=1, max_size=3))
def test_folded_logits_are_the_log_odds_of_the_sum(values: np.ndarray, positive: set[int]) -> None:
    chosen = tuple(NAMES[k] for k in sorted(positive))
    classes = Classes(chosen, tuple(name for name in NAMES if name not in chosen))
    folded = fold(ClassScores(tuple(NAMES), values, are_logits=True), classes, "x")
    mask = np.isin(np.arange(4), list(positive))
    assert np.allclose(folded.scores["pos_prob"], softmax(values, axis=1)[:, mask].sum(axis=1))
    expected = logsumexp(values[:, mask], axis=1) - logsumexp(values[:, ~mask], axis=1)
    assert np.allclose(folded.scores["logit"], expected)


@pytest.mark.parametrize(
    "names, classes, positive",
    [
        (("car", "TRAM", "bus", "walk"), FOUR, [False, True, False, False]),
        (("LABEL_0", "LABEL_1"), Classes(("1",), ("0",)), [False, True]),
        (("LABEL_0", "LABEL_1"), Classes(("0",), ("1",)), [True, False]),
        (("LABEL_0", "LABEL_1"), Classes(("1",), ("2",)), [True, False]),
        (("0", "1"), Classes(("pc",), ("mac",)), [False, True]),
        (("0", "1"), FOUR, [False, True]),
        (("0", "1"), Classes(("mac",), ("pc",), of_dataset=True), [False, True]),
        (("NEGATIVE", "POSITIVE"), Classes(("spam",), ("ham",)), [False, True]),
        (("a", "b", "c"), Classes(("2",), ("0", "1")), [False, False, True]),
        (("0", "1", "2"), Classes(("10",), ("2", "9")), [False, False, True]),
    ],
)
def test_which_output_is_positive(names: tuple[str, ...], classes: Classes, positive: list[bool]) -> None:
    assert positive_outputs(names, classes).positive.tolist() == positive


def test_outputs_that_cannot_be_matched_are_refused() -> None:
    with pytest.raises(UserError, match=r"3 outputs .* and 2 classes"):
        positive_outputs(("0", "1", "2"), Classes(("mac",), ("pc",)))
    with pytest.raises(UserError, match="Write both with the same names"):
        positive_outputs(("spam", "ham"), Classes(("1",), ("0",)), in_order=False)
    with pytest.raises(UserError, match="none is positive"):
        fold(ClassScores(("bus", "car"), PROBS[:, :2], are_logits=False), FOUR, "p.csv")
