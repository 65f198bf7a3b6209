"""The pipelines take any item type that carries the fields, and say which are absent from one that does not."""

from collections.abc import Callable
from dataclasses import make_dataclass
from typing import Any

import pytest
from pydantic import BaseModel, create_model
from scrapy import Field, Item

from pipelines.item import PostItem, RawPost, RejectedPost

Fields = dict[str, Any]


def as_dict(fields: Fields) -> Any:
    return dict(fields)


def as_dataclass(fields: Fields) -> Any:
    return make_dataclass("Scraped", fields)(**fields)


def as_scrapy_item(fields: Fields) -> Any:
    return type("Scraped", (Item,), {name: Field() for name in fields})(fields)


def as_pydantic_model(fields: Fields) -> Any:
    declared: Fields = dict.fromkeys(fields, (Any, ...))
    model: type[BaseModel] = create_model("Scraped", **declared)
    return model(**fields)


kinds = pytest.mark.parametrize("make", [as_dict, as_dataclass, as_scrapy_item, as_pydantic_model])


@kinds
def test_every_item_type_with_the_fields_becomes_the_same_post(
    make: Callable[[Fields], Any], spider_fields: Fields
) -> None:
    assert PostItem.of(make(spider_fields)) == PostItem(**spider_fields)


@kinds
def test_absent_fields_are_named_in_the_rejection(make: Callable[[Fields], Any], spider_fields: Fields) -> None:
    del spider_fields["title"], spider_fields["body_parts"]
    item = make(spider_fields)
    with pytest.raises(RejectedPost) as raised:
        PostItem.of(item)
    assert raised.value.reason == "item-fields"
    assert f"{type(item).__name__} from the spider lacks title, body_parts:" in raised.value.detail


def test_a_scrapy_item_whose_field_was_never_set_lacks_it(spider_fields: Fields) -> None:
    item = as_scrapy_item(spider_fields)
    del item["author"]
    with pytest.raises(RejectedPost, match="lacks author:"):
        PostItem.of(item)


def test_fields_of_the_pipelines_are_not_taken_from_a_spider(spider_fields: Fields) -> None:
    given = {**spider_fields, "body": "<script>", "outcome": "new", "page_views": 3}
    assert PostItem.of(given) == PostItem(**spider_fields)


def test_a_post_passes_as_it_is(spider_fields: Fields) -> None:
    post = PostItem(**spider_fields)
    assert PostItem.of(post) is post


def test_what_our_own_spiders_give_is_taken_as_it_is(spider_fields: Fields) -> None:
    assert PostItem.of(RawPost(**spider_fields)) == PostItem(**spider_fields)
