"""Content encodings: decoded wholly, strictly, and never to more than an answer may have."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import brotli
import pytest
from backports import zstd

from archive.encodings import decode

PAGE = "<p>鸟哥笔记</p>".encode() * 3000
ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}


@pytest.mark.parametrize("name", ENCODERS)
def test_each_encoding_that_we_ask_for_is_decoded(name: str) -> None:
    data = ENCODERS[name](PAGE)
    assert decode(data, (name,), len(PAGE)) == PAGE
    assert decode(b"", (name,), 10) == b""
    with pytest.raises(OverflowError):
        decode(data, (name,), len(PAGE) - 1)


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("kept", [0.3, 0.9, 0.999])
def test_what_is_cut_off_is_no_page(name: str, kept: float) -> None:
    data = ENCODERS[name](bytes(range(256)) * 400 + PAGE)
    with pytest.raises(ValueError, match=f"^{name}: "):
        decode(data[: int(len(data) * kept)], (name,), 10_000_000)


def test_deflate_without_its_wrapper_is_read_as_browsers_do() -> None:
    raw = zlib.compressobj(wbits=-15)
    assert decode(raw.compress(PAGE) + raw.flush(), ("deflate",), len(PAGE)) == PAGE


def test_gzip_in_members_and_with_something_behind_it_is_read() -> None:
    assert decode(gzip.compress(PAGE) * 2 + b"\0\0tail", ("gzip",), len(PAGE) * 2) == PAGE * 2


def test_encodings_are_undone_from_the_last_to_the_first() -> None:
    assert decode(brotli.compress(gzip.compress(PAGE)), ("gzip", "br"), len(PAGE)) == PAGE
    assert decode(PAGE, ("", "identity"), 10) == PAGE


@pytest.mark.parametrize("names", [("compress",), ("gzip",) * 4, ("utf-8", "gzip"), ("br",)])
def test_what_does_not_decode_says_so(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - what is wrong differs
        decode(gzip.compress(PAGE), names, 10_000_000)
