"""Selectors are short, say what they mean, use nothing that a build tool made, and find the same in every page."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml.etree import _Element

from crawler.draft.css import Scope, cascade, choose, finds_all, finds_first, is_generated, matches
from crawler.pages import page_selector, select


def scope(html: str, wanted: str) -> Scope:
    """A page in which `wanted` (CSS) is to be found."""
    tree = page_selector(html)
    return Scope(root=tree.root, wanted=tuple(node.root for node in select(tree, wanted)) if wanted else ())


def chosen(*scopes: Scope, hint: str = "") -> str:
    choice = choose(scopes, finds_first, hint=hint)
    assert choice is not None
    return choice.css


def test_an_id_comes_before_a_class_a_class_before_a_tag_and_a_tag_before_a_position() -> None:
    assert chosen(scope("<div id='text' class='body'>x</div><div>y</div>", "#text")) == "#text"
    assert chosen(scope("<p>a</p><div class='body'>x</div><div>y</div>", ".body")) == ".body"
    assert chosen(scope("<p>a</p><em>x</em>", "em")) == "em"
    assert (
        chosen(scope("<div class='info'><span>a</span><span>b</span></div>", "span + span"))
        == ".info > span:nth-of-type(2)"
    )


@pytest.mark.parametrize(
    "name",
    [
        "css-1q2w3e",
        "sc-bdVaJa",
        "Title_root__3kT9a",
        "post-48213",
        "jsx-2871293847",
        "a1b2c3d4",
        "info-3ivibuHH",
        "x-LcrEruCc",
    ],
)
def test_names_that_a_build_tool_made_or_that_name_one_post_are_not_used(name: str) -> None:
    assert is_generated(name)
    page = scope(f"<div class='meta'><b class='{name}' id='{name}'>x</b></div><b>y</b>", ".meta b")
    assert name not in chosen(page)


@pytest.mark.parametrize(
    "name", ["entry-content", "articleBox", "writeTime3", "pc_content", "card__title", "richText_v3", "art_tag"]
)
def test_names_that_people_chose_are_used(name: str) -> None:
    assert not is_generated(name)
    assert chosen(scope(f"<div class='{name}'>x</div><div>y</div>", f".{name}")) == f".{name}"


def test_a_selector_has_to_hold_in_every_page() -> None:
    one = scope("<div class='lead text'>x</div><div class='lead'>y</div>", ".text")
    other = scope("<div class='lead'>no</div><div class='side lead'><i></i></div><div class='text'>x</div>", ".text")
    assert chosen(one, other) == ".text"


def test_a_selector_must_not_find_another_thing_where_there_is_none() -> None:
    having = scope("<i class='by'>x</i><div class='meta'><i class='by'>x</i></div>", ".meta .by")
    lacking = scope("<i class='by'>a comment's</i>", "")
    assert "meta" in chosen(having, lacking)


def test_a_name_that_says_what_is_looked_for_is_preferred() -> None:
    page = scope("<div class='x1 byline'>x</div>", "div")
    assert chosen(page, hint="author|byline") == ".byline"


def test_layout_says_nothing_of_meaning() -> None:
    assert chosen(scope("<div class='fl clearfix story'>x</div><div>y</div>", ".story")) == ".story"


def test_pages_of_two_builds_get_a_selector_each() -> None:
    old = [
        scope(f"<td class='bt'>old {n}</td><p>a</p>".join(("<table><tr>", "</tr></table>")), ".bt") for n in range(2)
    ]
    new = [scope(f"<h2 class='headline'>new {n}</h2>", ".headline") for n in range(2)]
    found = cascade([*old, *new])
    assert sorted(choice.css for choice in found) == [".bt", "h2.headline"]
    assert [choice.wrong for choice in found] == [0, 0]


def test_all_of_several_are_found_and_no_other() -> None:
    page = scope("<a class='tag'>1</a><div class='tags'><a>2</a><a>3</a></div><a>4</a>", ".tags a")
    choice = choose([page], finds_all)
    assert choice is not None
    assert choice.css in (".tags a", ".tags > a")


def test_nothing_wanted_gives_no_selector() -> None:
    assert choose([scope("<p>x</p>", "")], finds_first) is None
    assert cascade([scope("<p>x</p>", "")]) == ()


def _index(root: _Element) -> list[_Element]:
    return [node for node in root.iter() if isinstance(node.tag, str)]


names = st.text("abAB019-_ '\"\\]{}:", max_size=9)
tags = st.sampled_from(["div", "p", "span", "a", "h1", "custom-tag", "section"])
pages = st.recursive(
    st.builds(
        "<{0} class='{1}' id='{2}'>x</{0}>".format,
        tags,
        names.map(lambda n: n.replace("'", "")),
        names.map(lambda n: n.replace("'", "")),
    ),
    lambda inner: st.builds(lambda tag, parts: f"<{tag}>{''.join(parts)}</{tag}>", tags, st.lists(inner, max_size=4)),
    max_leaves=12,
)


@given(pages, st.data())
def test_a_chosen_selector_finds_its_element_first_whatever_the_names(html: str, data: st.DataObject) -> None:
    tree = page_selector(html)
    body: Sequence[_Element] = [node for node in _index(tree.root) if node.tag not in ("html", "head", "body")]
    if not body:
        return
    wanted = data.draw(st.sampled_from(body))
    choice = choose([Scope(root=tree.root, wanted=(wanted,))], finds_first)
    assert choice is not None
    assert select(tree, choice.css)[0].root is wanted
    assert matches(tree.root, choice.css)[0] is wanted
