"""A post is found wherever its title or its sentences stand, in whatever writing, and by nothing else."""

from __future__ import annotations

import gzip
import html
import json

import pytest

from archive.document import compose
from archive.errors import DamageError
from archive.traces import Text, Traces
from archive.warc_cut import cut
from tests.posts import make_post

TITLE = "刚刚！支付宝年度大会讲了这些要点"
BODY = (
    "<p>在今天召开的<strong>合作伙伴</strong>大会上，官方公布了过去一年的成绩单。</p><p>" + "别的句子也很长很长。" * 9
)


def traces(**changes: str) -> Traces:
    return Traces.of(compose(make_post(title=TITLE, **changes), version=1, parent=None, generator="x"))


@pytest.mark.parametrize(
    "page",
    [
        f"<li><a href='/x'>{TITLE}</a><i>2022-07-22</i></li>".encode(),
        f"热门 {TITLE}".encode(),
        f"<a title='{TITLE}'>".encode("gb18030"),
        json.dumps({"title": TITLE}).encode(),
        html.escape(f"<p>{TITLE}</p>").encode(),
        json.dumps({"html": html.escape(f"<em>刚刚</em>！{TITLE[3:]}")}).encode(),
        "".join(f"&#{ord(letter)};" for letter in TITLE).encode(),
    ],
)
def test_a_title_is_found_in_whatever_writing(page: bytes) -> None:
    assert traces().are_in(Text.of_bytes(page))


def test_another_title_is_not_found_nor_a_part_of_it() -> None:
    for page in ("支付宝年度大会讲了这些", "刚刚！支付宝", "", "<p>完全不同的话</p>"):
        assert not traces().are_in(Text([page]))


def test_a_good_part_of_its_sentences_tells_and_one_does_not() -> None:
    post = traces(body=BODY)

    assert post.are_in(Text([BODY.replace("<strong>", "<b>")]))
    assert not post.are_in(Text(["在今天召开的合作伙伴大会上，官方公布了"]))


def test_a_short_title_tells_beside_a_link_to_the_post_alone() -> None:
    short = Traces.of(compose(make_post(title="早报"), version=1, parent=None, generator="x"))

    assert not short.are_in(Text(["<a href='/other'>早报</a>"], base="https://www.niaogebiji.com/"))
    assert short.are_in(Text(["<a href='/article-482538-1.html'>早报</a>"], base="https://www.niaogebiji.com/"))


def test_no_word_of_the_post_stands_in_its_traces() -> None:
    text = json.dumps(traces(body=BODY).as_json(), ensure_ascii=False)

    assert text.isascii()
    assert Traces.parse(json.loads(text)) == traces(body=BODY)


@pytest.mark.parametrize(
    "data",
    [b"no gzip", gzip.compress(b"no record"), gzip.compress(b"WARC/1.1\r\nContent-Length: 9\r\n\r\nx\r\n\r\n")],
    ids=["no gzip", "no record", "half a record"],
)
def test_what_is_no_sequence_of_records_is_refused(data: bytes) -> None:
    with pytest.raises(DamageError, match="at byte 0"):
        cut(data, lambda _record: "stays")
