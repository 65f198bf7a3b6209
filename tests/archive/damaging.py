"""A sound archive of everything, and ways to damage it that a seed decides."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from archive import Archive
from archive.document import Document, read, sealed, write
from archive.model import Original
from archive.store import FolderStore
from tests.posts import PICTURES, make_post, make_report

CLASSES = ("posts/", "blobs/", "runs/", "ARCHIVE.json")
# Nothing tells that a report was there (docs/archive-format.md says so), and there is one ARCHIVE.json.
POSSIBLE = {(class_, damage) for class_ in CLASSES for damage in ("flip", "truncate", "delete", "swap")} - {
    ("runs/", "delete"),
    ("ARCHIVE.json", "swap"),
}


@dataclass(frozen=True, kw_only=True)
class Harm:
    """What was done to an object: a bit flipped, cut short, deleted, or swapped with another of its class."""

    class_: str
    kind: str
    key: str


def damage(root: Path, seed: int) -> Harm:
    """Harm one object of an archive, or two that are swapped."""
    chance = random.Random(seed)
    keys = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    class_, kind = chance.choice(sorted(POSSIBLE))
    key = chance.choice([key for key in keys if key.startswith(class_)])
    file = root / key
    data = file.read_bytes()
    if kind == "flip":
        at = chance.randrange(len(data))
        file.write_bytes(data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :])
    elif kind == "truncate":
        file.write_bytes(data[: chance.randrange(len(data))])
    elif kind == "delete":
        file.unlink()
    else:
        others = [other for other in keys if other.startswith(class_) and (root / other).read_bytes() != data]
        other = root / chance.choice(others)
        file.write_bytes(other.read_bytes())
        other.write_bytes(data)
    return Harm(class_=class_, kind=kind, key=key)


def fill(place: Path) -> None:
    """An archive whose reports list what their runs committed: some posts, versions, shared pictures, a takedown."""
    opened = Archive.open_or_create(FolderStore(place), now=datetime(2026, 11, 22, tzinfo=UTC))
    for data in PICTURES:
        opened.put_blob(data, "image/gif")
    for run, titles in enumerate(("ABC", "AXC", "AYC")):
        documents = {}
        for number, title in enumerate(titles):
            site_id = f"article-{number}"
            post = make_post(id=site_id, title=title)
            outcome = opened.add(post, head=opened.head("niaogebiji", site_id))
            if outcome.sha256:
                documents[f"posts/niaogebiji/{site_id}/v{outcome.version:04d}.html"] = outcome.sha256
        opened.add_report(make_report(run=f"2026112{run}T080000Z-niaogebiji-00000{run}", documents=documents))
    file = "---\ntitle: 题\n---\n正文".encode()
    original_key, _ = opened.put_blob(file, "text/markdown")
    digest = hashlib.sha256(file).hexdigest()
    original = Original(key=original_key, sha256=digest, bytes=len(file), media_type="text/markdown")
    imported = opened.add(make_post(id="u-1", url=f"urn:sha256:{digest}", original=original))
    documents = {"posts/niaogebiji/u-1/v0001.html": imported.sha256 or ""}
    opened.add_report(make_report(run="2026112DT080000Z-niaogebiji-00000D", documents=documents))
    key = place / "posts/niaogebiji/article-2/v0001.html"
    front = read(key.read_bytes()).front
    stub = {"op": "takedown", "site": front["site"], "id": front["id"], "version": 1, "was": "0" * 64}
    key.write_bytes(write(sealed(Document(front=stub, body=""))))
