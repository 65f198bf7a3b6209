"""What the last build made of what: notes beside the pages, in 256 files, so that one post changes few of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from archive.model import JSON
from archive.store import Store
from archive.views.reader.card import Card, card_from

NOTES: Final = ".birdnest/reader/"
_SAVE_EVERY: Final = 2_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """What was made of a unit (a post, a page of a list …).

    recipe: a digest of all that it was made of. files: size and digest of each by its key. pictures: sizes of those
    it shows. card: a post's.
    """

    recipe: str
    files: Mapping[str, tuple[int, str]]
    pictures: Mapping[str, int]
    card: Card | None = None

    @property
    def row(self) -> dict[str, JSON]:
        row: dict[str, JSON] = {"recipe": self.recipe, "files": self.files, "pictures": self.pictures}
        if self.card:
            row["card"] = self.card.row
        return row


@dataclass(kw_only=True)
class Notes:
    """All notes of a reader, by unit."""

    target: Store
    by_unit: dict[str, Note] = field(default_factory=dict)
    _changed: set[str] = field(default_factory=set)
    _unsaved: int = 0

    def load(self) -> None:
        for info in self.target.list(NOTES):
            try:
                found = json.loads(self.target.read(info.key))
                self.by_unit.update({unit: _note(row) for unit, row in found.items()})
            except (ValueError, TypeError, KeyError, AttributeError):
                # Not as we write them: what they told of is made again.
                continue

    def put(self, unit: str, note: Note | None) -> None:
        if note == self.by_unit.get(unit):
            return
        if note is None:
            del self.by_unit[unit]
        else:
            self.by_unit[unit] = note
        self._changed.add(_shard(unit))
        self._unsaved += 1

    def save_some(self) -> None:
        """Save often enough that little is done again, and more rarely the more there are: each time costs all."""
        if self._unsaved >= max(_SAVE_EVERY, len(self.by_unit) // 4):
            self.save()

    def save(self) -> None:
        shards: dict[str, dict[str, JSON]] = {shard: {} for shard in self._changed}
        for unit in sorted(self.by_unit) if shards else ():
            if (shard := _shard(unit)) in shards:
                shards[shard][unit] = self.by_unit[unit].row
        for shard, rows in sorted(shards.items()):
            key = f"{NOTES}{shard}.json"
            if rows:
                data = (json.dumps(rows, ensure_ascii=False, indent=0, sort_keys=True) + "\n").encode()
                self.target.put(key, data, "application/json")
            else:
                self.target.delete(key)
        self._changed.clear()
        self._unsaved = 0


def _note(row: Mapping[str, JSON]) -> Note:
    card = row.get("card")
    return Note(
        recipe=row["recipe"],
        files={key: (int(size), str(digest)) for key, (size, digest) in row["files"].items()},
        pictures={key: int(size) for key, size in row["pictures"].items()},
        card=card_from(card) if card else None,
    )


def _shard(unit: str) -> str:
    return hashlib.sha256(unit.encode()).hexdigest()[:2]
