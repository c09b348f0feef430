"""Detect the encoding of a text file."""

import codecs
from dataclasses import dataclass

from charset_normalizer import from_bytes

from closecall.data.io.errors import UserError
from closecall.data.readers.table import Source

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_USUAL = ["cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874", "koi8_r",
          "cp932", "euc_jp", "gb18030", "big5", "cp949"]  # fmt: skip
_SAMPLE = 1 << 19
_BLOCK = 1 << 20
_REPLACED = "Some bytes are not valid {}; each is shown as \N{REPLACEMENT CHARACTER}."
_WESTERN = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜßàáâãäåæçèéêëìíîïñòóôõöøùúûüÿœŒ‘’´")
_MARKS = frozenset("“”–—…«»°£€©®·¿¡ºª§•™\xa0")


@dataclass(frozen=True)
class Encoding:
    """A codec, what to do with bytes it cannot read ("strict" or "replace"), and a sentence when it was guessed."""

    codec: str
    errors: str = "strict"
    note: str = ""


def find_encoding(source: Source, wish: str | None = None) -> Encoding:
    """The encoding of a file: `wish`, a byte order mark, UTF-8 when all of it is valid, else the likeliest one.

    UserError when the wish is no encoding or does not fit, or when the bytes are no text.
    """
    if wish:
        return _wished(source, wish)
    with source.open() as content:
        head = content.read(1 << 16)
    for mark, codec in _BOMS:
        if head.startswith(mark):
            return Encoding(codec) if _fits(source, codec) else Encoding(codec, "replace", _REPLACED.format(codec))
    if head.count(0) > len(head) / 10:
        return _without_mark(source, head)
    if _fits(source, "utf-8"):
        return Encoding("utf-8")
    return _likeliest(source)


def _wished(source: Source, wish: str) -> Encoding:
    try:
        codec = codecs.lookup(wish).name
    except LookupError:
        raise UserError(f"{wish!r} is no encoding. Usual ones are utf-8, cp1252, latin-1, utf-16, shift_jis.") from None
    if not _fits(source, codec):
        raise UserError(f"{source.name} is not written in {wish}. Leave the encoding out to have it found.")
    return Encoding("utf-8-sig" if codec == "utf-8" else codec)


def _fits(source: Source, codec: str) -> bool:
    try:
        decoder = codecs.getincrementaldecoder(codec)("strict")
        with source.open() as content:
            while block := content.read(_BLOCK):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except (UnicodeError, LookupError):
        return False
    return True


def _without_mark(source: Source, head: bytes) -> Encoding:
    """UTF-16 without a byte order mark has its zero bytes on one side of each pair; other zeros mean no text."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    codec = "utf-16-le" if odd > even else "utf-16-be"
    if min(even, odd) > max(even, odd) / 5 or not _fits(source, codec):
        raise UserError(f"{source.name} is not a text file. Use CSV, TSV, JSON Lines, JSON or Parquet.")
    return Encoding(codec, note=f"Read as {codec}, which has no byte order mark here.")


def _likeliest(source: Source) -> Encoding:
    lines = _lines_beyond_ascii(source)
    good = sum(map(_is_utf8, lines))
    if good >= 0.9 * len(lines):
        return Encoding("utf-8", "replace", _REPLACED.format("UTF-8"))
    sample = b"\n".join(lines)
    codec = "cp1252" if _is_western(sample) else ""
    if not codec:
        best = from_bytes(sample, cp_isolation=_USUAL).best()
        codec = best.encoding if best else ""
    if not codec:
        raise UserError(f"The encoding of {source.name} cannot be detected. Save the file as UTF-8.")
    strict = _fits(source, codec)
    note = f"Not UTF-8: read as {codec}, the likeliest encoding. Name another one if letters look wrong."
    return Encoding(codec, "strict" if strict else "replace", note)


def _lines_beyond_ascii(source: Source) -> list[bytes]:
    lines: list[bytes] = []
    size = 0
    with source.open() as content:
        while size < _SAMPLE and (line := content.readline(_BLOCK)):
            if not line.isascii():
                lines.append(line.rstrip(b"\r\n"))
                size += len(line)
    return lines


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_western(sample: bytes) -> bool:
    """Whether cp1252 gives only the usual letters of western Europe, few beside the plain ones.

    Detectors confuse cp1250, cp1252 and cp1257 on short texts; Slavic, Turkish and Cyrillic ones fail this test.
    """
    try:
        text = sample.decode("cp1252")
    except UnicodeDecodeError:
        return False
    beyond = [letter for letter in text if not letter.isascii()]
    plain = sum(letter.isascii() and letter.isalpha() for letter in text)
    return set(beyond) <= _WESTERN | _MARKS and sum(letter in _WESTERN for letter in beyond) <= 0.3 * plain
