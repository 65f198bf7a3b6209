"""Images that an archive lost are fetched once more, and kept where the site still has the same."""

from __future__ import annotations

from archive.store import FolderStore
from archive.verify import Scope, verify
from crawler.replica.process import Replica
from tests.archive.views.made import objects
from tests.support import Birdnest


def test_what_the_site_still_has_is_healed_and_what_it_has_no_more_is_told(
    birdnest: Birdnest, replica: Replica
) -> None:
    assert birdnest.crawl("--limit", "8").code == 0
    store = FolderStore(birdnest.folder / "archive")
    before = objects(store, "")
    archive = birdnest.archive()
    documents = [archive.load(ref).document for ref in archive.posts()]
    images = {image.key: image.url for document in documents for image in document.images}
    lost, damaged, gone = sorted(images)[:3]
    (store.root / lost).unlink()
    (store.root / damaged).write_bytes(b"?")
    (store.root / gone).unlink()
    replica.break_image(images[gone], "404")

    first = birdnest("repair")

    assert first.code == 7
    assert "2 objects are whole again, 1 could not be healed" in first.out
    assert f"not healed: {gone}" in first.err
    assert "its site: has it no more, or another one" in first.err
    assert "Traceback" not in first.err

    replica.heal_image(images[gone])
    assert birdnest("repair").code == 0
    assert objects(store, "") == before
    assert [each for each in verify(store, Scope(full=True)) if each.severity == "error"] == []
