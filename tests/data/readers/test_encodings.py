"""In whichever usual encoding a file is written, its letters come out right or the doubt is said."""

import pytest

from closecall.data.io.errors import UserError
from closecall.data.readers.read import read_table
from closecall.data.readers.table import RawTable


def csv(text: str, name: str = "posts.csv", **choices: object) -> RawTable:
    return read_table(text.encode(), name, **choices)  # type: ignore[arg-type]


def rows(table: RawTable) -> list[list[str]]:
    return table.frame.to_numpy().tolist()


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        ("utf-8-sig", "süß"),
        ("utf-16", "süß"),
        ("utf-16-le", "suess"),
        ("utf-16-be", "suess"),
        ("utf-32", "süß"),
        ("cp1252", "C'est très bon, déjà vu à l'école. Où êtes-vous né? – “oui”"),
        ("cp1250", "Zażółć gęślą jaźń, bardzo dobry film, polecam każdemu."),
        ("cp1251", "Привет мир, очень хороший фильм"),
        ("shift_jis", "これは日本語のテキストです。とても良い映画でした。"),
        ("gb18030", "这是一部非常好的电影,我很喜欢。".replace(",", "")),
    ],
)
def test_encodings_are_found(codec: str, text: str) -> None:
    table = read_table(f'text,label\n"{text}",1\nplain,0\n'.encode(codec), "posts.csv")
    assert rows(table) == [[text, "1"], ["plain", "0"]]
    assert any("read as" in note.lower() for note in table.notes) == (codec not in ("utf-8-sig", "utf-16", "utf-32"))


def test_an_encoding_that_is_named_must_be_one_and_must_fit() -> None:
    content = "text,label\nsüß,1\nb,0\n".encode("cp1252")
    assert rows(read_table(content, "x.csv", encoding="latin-1"))[0][0] == "süß"
    with pytest.raises(UserError, match="is no encoding"):
        read_table(content, "x.csv", encoding="klingon")
    with pytest.raises(UserError, match="not written in utf-8"):
        read_table(content, "x.csv", encoding="utf-8")


def test_a_few_broken_bytes_in_utf_8_are_replaced_and_noted() -> None:
    content = b"text,label\n" + "né,1\n".encode() * 30 + b"b\xff,0\n"
    table = read_table(content, "x.csv")
    assert table.frame["text"].iloc[0] == "né" and table.frame["text"].iloc[-1] == "b\N{REPLACEMENT CHARACTER}"
    assert any("not valid UTF-8" in note for note in table.notes)


def test_nul_characters_and_broken_surrogates_are_replaced_and_counted() -> None:
    assert csv("text,label\na\0b,1\nc,0\n").frame["text"].tolist() == ["a b", "c"]
    table = read_table(b'[{"text":"b \\ud800","label":1},{"text":"c","label":0}]', "x.json")
    assert table.frame["text"].tolist() == ["b ?", "c"]
    assert table.notes == ("Cells in which NUL or broken characters were replaced: 1.",)
