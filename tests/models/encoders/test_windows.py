"""Later windows of long texts, token by token."""

from pathlib import Path

from closecall.models.encoders import windows
from closecall.models.encoders.loading import load_tokenizer
from closecall.models.encoders.windows import later_windows, token_counts
from tests.tiny_bert import WORDS, make_tiny_bert

TEXT = " ".join(WORDS.split()[:22])


def test_windows_start_half_a_window_after_each_other(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(str(make_tiny_bert(tmp_path / "tiny-bert")))
    ids = tokenizer(TEXT, add_special_tokens=False)["input_ids"]
    first, last = tokenizer.cls_token_id, tokenizer.sep_token_id
    tokens, owners = later_windows(["disk", TEXT, "mac drive"], tokenizer, 10)
    expected = [[first, *ids[start : start + 8], last] for start in (4, 8, 12, 16)]
    found = [tokens.flat[a:b].tolist() for a, b in zip(tokens.starts, tokens.starts[1:], strict=False)]
    assert len(ids) == 22 and found == expected and owners.tolist() == [1] * 4
    assert token_counts(["disk", TEXT], tokenizer).tolist() == [3, 24]


def test_no_text_is_longer(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(str(make_tiny_bert(tmp_path / "tiny-bert")))
    tokens, owners = later_windows(["disk", "mac"], tokenizer, 10)
    assert len(tokens) == len(owners) == 0


def test_a_very_long_text_has_a_limit(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(str(make_tiny_bert(tmp_path / "tiny-bert")))
    _, owners = later_windows([" ".join([TEXT] * 20), TEXT], tokenizer, 10)
    assert (owners == 0).sum() == windows.MAX_WINDOWS and (owners == 1).sum() == 4
