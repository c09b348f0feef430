"""closecall.show: what it registers, finds again, links to and refuses."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest

import closecall as cc
from closecall.api.app_process import OpenApp
from closecall.data.datasets.store import dataset_names, load_dataset
from closecall.data.experiments.runs import load_predictions, load_runs
from closecall.data.experiments.store import experiment_ids
from tests.api.frames import scored_frame, shifted

ROLES: dict[str, Any] = {"text": "text", "label": "y", "prob": "p", "positive": "spam"}


def test_the_rows_and_their_metadata_are_registered(no_streamlit: OpenApp) -> None:
    df = scored_frame()
    opened = cc.show(df, **ROLES, split="split", ratio="1:10", seed=3, title="Mine")
    config = opened.experiment.config
    assert (config.kind, config.title, config.ratios, config.seeds) == ("imported", "Mine", (10,), (3,))
    examples = load_dataset(config.dataset).examples.set_index("id")
    assert examples.index.tolist() == df.index.astype(str).tolist() and examples["text"].tolist() == df["text"].tolist()
    assert examples["class_name"].tolist() == df["y"].tolist() and examples["split"].tolist() == df["split"].tolist()
    assert examples["meta.source"].tolist() == df["source"].tolist() and examples["meta.date"].iloc[0] == "2024-01-01"
    assert [name for name in examples if name.startswith("meta.")] == ["meta.source", "meta.date"]
    stored = load_predictions(load_runs(config.id)[0])
    test = df[df["split"] == "test"]
    assert stored.ids.tolist() == test.index.astype(str).tolist() and stored.pos_probs.tolist() == test["p"].tolist()
    assert stored.labels.tolist() == (test["y"] == "spam").astype(int).tolist()


def test_the_link_opens_the_errors_of_the_experiment(no_streamlit: OpenApp) -> None:
    opened = cc.show(scored_frame(), **ROLES)
    parts = urlsplit(opened.url)
    assert (parts.netloc, parts.path) == ("localhost:8599", "/errors")
    assert parse_qs(parts.query) == {"experiment": [opened.experiment.id]}
    assert opened.url in repr(opened) and "shown as 1:1" in repr(opened)
    assert f'<iframe src="{opened.url}"' in opened._repr_html_()
    opened.close()
    assert "iframe" not in opened._repr_html_() and "closed" in repr(opened)


def test_a_hostile_title_is_escaped(no_streamlit: OpenApp) -> None:
    opened = cc.show(scored_frame(), **ROLES, title='"><script>alert(1)</script>')
    assert "<script" not in opened._repr_html_() + opened.experiment._repr_html_()


def test_the_same_predictions_are_registered_once(no_streamlit: OpenApp) -> None:
    df = scored_frame()
    first, again = (cc.show(df.copy(), **ROLES).experiment.id for _ in range(2))
    assert first == again and len(experiment_ids()) == len(dataset_names()) == 1
    changed = df.assign(p=df["p"].where(df.index != 1005, 0.123))
    other = cc.show(changed, **ROLES).experiment
    assert other.id != first and other.config.dataset == load_dataset(dataset_names()[0]).name
    assert cc.show(df, **ROLES, ratio=10).experiment.id not in (first, other.id)
    assert cc.show(df, **ROLES, title="Renamed").experiment.title == "Renamed"
    assert len(dataset_names()) == 1
    cc.show(df.assign(source="web"), **ROLES)
    cc.show(df.assign(text="new"), **ROLES)
    assert len(dataset_names()) == 3
    assert cc.show(df, **ROLES, title="Renamed").experiment.title == "Renamed" and len(experiment_ids()) == 6


def test_columns_of_ratio_and_seed_hold_several_runs(no_streamlit: OpenApp) -> None:
    df = scored_frame().reset_index(names="key")
    runs = [df.assign(ratio=f"1:{r}", seed=s, p=shifted(df["p"], -np.log(r), seed=s)) for r in (1, 10) for s in (0, 1)]
    long = pd.concat(runs, ignore_index=True).sample(frac=1, random_state=0)
    experiment = cc.show(long, **ROLES, id="key", ratio="ratio", seed="seed").experiment
    assert experiment.ratios == (1, 10) and experiment.seeds == (0, 1)
    for one, frame in zip(load_runs(experiment.id), runs, strict=True):
        stored = load_predictions(one)
        assert pd.Series(stored.pos_probs, stored.ids.astype(int)).sort_index().tolist() == frame["p"].tolist()
    assert cc.show(long, **ROLES, id="key", ratio="ratio", seed="seed").experiment.id == experiment.id
    with pytest.raises(cc.UserError, match=r"holds 4 runs\. Name the id column"):
        cc.show(long, **ROLES, ratio="ratio", seed="seed")
    with pytest.raises(cc.UserError, match="in column 'key' twice"):
        cc.show(long, **ROLES, id="key", ratio="ratio")


def test_training_rows_need_no_probability(no_streamlit: OpenApp) -> None:
    df = scored_frame()
    df.loc[df.index[:20], ["split", "p"]] = ["train", np.nan]
    experiment = cc.show(df, **ROLES, split="split").experiment
    assert len(load_dataset(experiment.config.dataset).examples) == 180


@pytest.mark.parametrize(
    ("labels", "positive", "classes"),
    [
        ([1, 0], None, ("negative", "positive")),
        ([1.0, 0.0], 1, ("negative", "positive")),
        ([True, False], None, ("negative", "positive")),
        ([0, 1], 0, ("1", "0")),
        (["spam", "ham"], "spam", ("ham", "spam")),
    ],
)
def test_positive_is_a_value_of_any_type(
    no_streamlit: OpenApp, labels: list[Any], positive: Any, classes: tuple[str, str]
) -> None:
    df = scored_frame()
    spam = df["y"] == "spam"
    df["y"] = np.where(spam, *labels)
    info = load_dataset(cc.show(df, **(ROLES | {"positive": positive})).experiment.config.dataset)
    assert (*info.info.negative_classes, *info.info.positive_classes) == classes
    assert info.examples["label"].tolist() == spam.astype(int).tolist()


def test_one_of_many_classes_is_the_positive_one(no_streamlit: OpenApp) -> None:
    df = scored_frame()
    df.loc[df["y"] == "ham", "y"] = np.where(np.arange(150) % 2, "news", "private")
    dataset = load_dataset(cc.show(df, **ROLES).experiment.config.dataset)
    assert set(dataset.info.negative_classes) == {"news", "private"} and dataset.info.positive_classes == ("spam",)
    several = cc.show(df, **(ROLES | {"positive": ["spam", "news"]})).experiment
    assert load_dataset(several.config.dataset).examples["label"].sum() == 125
    with pytest.raises(cc.UserError, match=r"has 3 classes: 'spam', 'private', 'news'\. Name the positive one"):
        cc.show(df, **(ROLES | {"positive": None}))


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({}, {"text": "texts"}, r"no column 'texts'\. Is 'text' meant\? Its columns are 'text', 'y'"),
        ({}, {"prob": "prob"}, "no column 'prob'"),
        ({}, {"metadata": ["where"]}, "no column 'where'"),
        ({}, {"positive": "spamm"}, r"'y' has no class 'spamm'\. Is 'spam' meant\? Its classes are 'spam'"),
        ({}, {"positive": None}, "Say which label is the positive class"),
        ({"y": "spam"}, {}, "needs a positive and a negative class; it holds 'spam'"),
        ({"y": [None] + ["spam", "ham"] * 99 + ["spam"]}, {}, r"no label in row 0 \(.iloc\[0\]\) \(1 such rows\)"),
        ({"p": [0.1] * 199 + [np.nan]}, {}, r"Column 'p': there is no probability \(NaN\) in row 199"),
        ({"p": [0.1] * 199 + [1.5]}, {}, "1.5 in row 199 .* is not a probability between 0 and 1.$"),
        ({"p": [-3.0] * 200}, {}, "expit"),
        ({"p": "high"}, {}, "some values are not numbers"),
        ({"split": "somewhere"}, {"split": "split"}, "unknown splits: 'somewhere'"),
        ({"split": "train"}, {"split": "split"}, "All rows are training examples"),
        ({"split": "validation"}, {"split": "split"}, "test split has no positive"),
        ({}, {"ratio": "ten"}, "'ten' is not a ratio"),
        ({}, {"seed": "first"}, "'first' is not a seed"),
        ({"key": 1}, {"id": "key"}, "The id '1' is in column 'key' twice"),
    ],
)  # fmt: skip
def test_wrong_input_is_named_in_a_sentence(
    no_streamlit: OpenApp, change: dict[str, Any], arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(cc.UserError, match=message):
        cc.show(scored_frame().assign(**change), **(ROLES | arguments))
    assert experiment_ids() == dataset_names() == []


def test_without_texts_and_with_a_repeated_index(no_streamlit: OpenApp) -> None:
    df = scored_frame().set_axis([7] * 200)
    dataset = load_dataset(cc.show(df, **(ROLES | {"text": None}), metadata=[]).experiment.config.dataset)
    assert not dataset.info.has_texts and dataset.examples["id"].tolist() == [str(i) for i in range(200)]
