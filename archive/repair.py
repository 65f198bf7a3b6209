"""Makes whole again what `verify` found damaged or missing, out of another copy of the archive or out of the site.

What is wrong is looked at once more, object by object, and nothing good is ever overwritten: an object is replaced only
where its own bytes say that they are not what was written, or where a report or the version after it names another
digest. What takes its place must be the very bytes that were there: of a blob those of its name; of a document those
whose digest a report or the version after it names, and where none does, whole ones that say they are that version. A
post that was taken down stays so, and a capture or report that tells of it is taken from nowhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from archive.document import Document, read, read_front
from archive.errors import DamageError, ObjectMissing
from archive.findings import (
    Finding,
    check_capture,
    check_document,
    check_entry,
    check_info,
    check_place,
    check_report,
)
from archive.garbage import set_aside
from archive.layout import (
    ARCHIVE_KEY,
    BLOBS,
    POSTS,
    RAW,
    README_KEY,
    RUNS,
    PostRef,
    blob_digest,
    content_type_of,
    index_key,
    parse_post_key,
    parse_takedown_key,
    post_prefix,
)
from archive.reader import parse_report
from archive.register import entries, taken_down
from archive.store import Store
from archive.takedown import brings_back
from archive.writer import README, persist

_ADVICE: Final = {
    "orphan-blob": "`birdnest gc` removes what no document names",
    "stranger": "look at it, and remove it yourself",
}
_AS_IT_WAS: Final = "what is stored is what was written"

Supply = Callable[[str], bytes | None]
"""Gives the bytes of an object of the archive by its key, or None where it has none; they are checked."""


@dataclass(kw_only=True)
class Repaired:
    """What a repair did. healed: the keys that are whole again. left: what is still wrong, each with the reason.

    harmless: what was called a warning and stays, each with the reason.
    """

    healed: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    harmless: dict[str, str] = field(default_factory=dict)


def repair(
    store: Store,
    findings: Iterable[Finding],
    supplies: Mapping[str, Supply],
    *,
    progress: Callable[[str, int], None] = lambda _what, _done: None,
) -> Repaired:
    """Heal what a full check found. store: opened so that everything may be overwritten.

    supplies: where bytes may come from, by what a person calls the place, asked in their order. Raises StoreError; what
    is healed by then is whole, and a repair that was ended goes on when it is made again.
    """
    return _Repair(store, supplies, progress).run(list(findings))


def addresses(store: Store, blobs: Iterable[str]) -> dict[str, dict[str, list[str]]]:
    """Where images came from, by site and key: what the documents that name them say. Reads every document."""
    wanted = set(blobs)
    found: dict[str, dict[str, list[str]]] = {}
    for info in store.list(POSTS) if wanted else ():
        ref = parse_post_key(info.key)
        if ref is None:
            continue
        try:
            document = Document(front=read_front(store.read(info.key), name=info.key), body="")
            images = () if document.is_takedown else document.images
        except (DamageError, ObjectMissing, TypeError):
            continue
        for image in images:
            if image.key in wanted:
                urls = found.setdefault(ref.site, {}).setdefault(image.key, [])
                urls.extend([image.url] if image.url not in urls else [])
    return found


class _Repair:
    def __init__(self, store: Store, supplies: Mapping[str, Supply], progress: Callable[[str, int], None]) -> None:
        self._store = store
        self._supplies = supplies
        self._progress = progress
        self._done = Repaired()
        self._register = taken_down(store)
        self._entries = tuple(entries(store, lambda _line: None))  # the findings tell of those that cannot be read
        self._is_blind = len(self._entries) < len(self._register)
        self._expected: dict[str, str] = {}
        self._looked_at: dict[str, str | None] = {}

    def run(self, findings: list[Finding]) -> Repaired:
        cleared = set()
        # Reports first: they say which digest a document must have. Documents before blobs: these are named by them.
        for order in (RUNS, POSTS, BLOBS, ""):
            if order == POSTS:
                self._expected = dict(self._committed())
            for finding in findings:
                for key in self._suspects(finding, order):
                    if key not in self._looked_at:
                        self._looked_at[key] = self._heal(key)
                        self._progress("objects", len(self._looked_at))
                    if self._looked_at[key] is None:
                        continue
                    cleared.add(finding)
                    if self._looked_at[key]:
                        self._leave(finding, key, self._looked_at[key] or "")
        for finding in findings:
            if finding not in cleared:
                self._leave(
                    finding, finding.key, f"{finding.code}: {finding.detail}: {_ADVICE.get(finding.code, _AS_IT_WAS)}"
                )
        return self._done

    def _leave(self, finding: Finding, key: str, reason: str) -> None:
        left = self._done.left if finding.severity == "error" else self._done.harmless
        left.setdefault(key, reason)

    def _suspects(self, finding: Finding, order: str) -> Iterator[str]:
        """The objects that a finding puts in doubt, of the kind that is at hand."""
        key = finding.key
        ref = parse_post_key(key)
        if finding.code in _ADVICE:
            return
        if ref is None:
            keys: Iterable[str] = (key, index_key(key)) if key.startswith(RAW) and key.endswith(".gz") else (key,)
        elif order == POSTS:
            # A gap or a parent that does not fit may be the fault of any version before.
            keys = (PostRef(site=ref.site, id=ref.id, version=number + 1).key for number in range(ref.version))
        elif (order == BLOBS) == (finding.code != "warc-missing"):
            # What a damaged document names was not looked at yet; its captures are of use, but no part of it.
            keys = self._named(key)
        else:
            keys = ()
        yield from (each for each in keys if _kind(each) == order)

    def _named(self, key: str) -> Iterator[str]:
        """The blobs and captures that a document names."""
        try:
            document = Document(front=read_front(self._store.read(key), name=key), body="")
            if document.is_takedown:
                return
            yield from (image.key for image in document.images)
            if document.original is not None:
                yield document.original.key
            for record in document.front.get("warc") or ():
                yield from (record["segment"], index_key(record["segment"]))
        except (DamageError, ObjectMissing, TypeError, KeyError, AttributeError):
            return

    def _committed(self) -> Iterator[tuple[str, str]]:
        """The digests of documents that the reports name."""
        for info in self._store.list(RUNS):
            data = self._read(info.key)
            if data is not None and next(check_report(info.key, data), None) is None:
                yield from parse_report(data, info.key).documents.items()

    # -- one object ---------------------------------------------------------------------------------------------

    def _heal(self, key: str) -> str | None:
        """None: nothing is wrong with the object. "": it is whole again. Else why it cannot be."""
        data = self._read(key)
        wrong = "it is not there" if data is None else self._wrong(key, data)
        if wrong is None:
            return None
        ref = parse_post_key(key)
        taken_down = ref is not None and self._was_taken_down(ref)
        tried = []
        for place, supply in self._supplies.items():
            found = supply(key)
            why = "has none" if found is None else self._wrong(key, found)
            if found is not None and taken_down and not _is_stub(key, found):
                why = "has the post, which was taken down and stays so"
            if found is not None and why is None and key.startswith((RUNS, RAW)) and self._is_blind:
                why = "has one, and the register of takedowns, which cannot be read, may say that it must not come back"
            if found is not None and why is None and brings_back(self._entries, key, found):
                why = "has one that tells of a post that was taken down"
            if found is not None and why is None:
                self._replace(key, found, there=data is not None)
                return ""
            tried.append(f"{place}: {why}")
        return "; ".join([wrong, *tried])

    def _wrong(self, key: str, data: bytes) -> str | None:
        """Why bytes are not those of a key; None where they are."""
        expected = self._digest_of(key)
        if expected is not None:
            digest = hashlib.sha256(data).hexdigest()
            if digest == expected:
                return None
            if not _is_stub(key, data):  # which takes the place of what a report names
                return f"its digest is {digest}, expected {expected}"
        finding = next(_findings(key, data), None)
        return None if finding is None else f"{finding.code}: {finding.detail}"

    def _digest_of(self, key: str) -> str | None:
        """The digest that an object must have, where something else says so."""
        ref = parse_post_key(key)
        if ref is None:
            return blob_digest(key)
        if key in self._expected:
            return self._expected[key]
        after = PostRef(site=ref.site, id=ref.id, version=ref.version + 1)
        data = self._read(after.key)
        if data is None or next(_findings(after.key, data), None) is not None:
            return None
        parent = read_front(data, name=after.key).get("parent")
        return parent if isinstance(parent, str) else None

    def _was_taken_down(self, ref: PostRef) -> bool:
        """Whether the post is in the register, or any version of it a stub."""
        if (ref.site, ref.id) in self._register:
            return True
        keys = (info.key for info in self._store.list(post_prefix(ref.site, ref.id)))
        return any(_is_stub(key, data) for key in keys if (data := self._read(key)) is not None)

    def _replace(self, key: str, data: bytes, *, there: bool) -> None:
        content_type = content_type_of(key)
        if there:
            self._store.delete(key)
        persist(lambda: self._store.create(key, data, content_type))
        self._done.healed.append(key)

    def _read(self, key: str) -> bytes | None:
        try:
            return self._store.read(key)
        except ObjectMissing:
            return None


def of_archive(store: Store) -> Supply:
    """The objects of another copy of the archive."""

    def supply(key: str) -> bytes | None:
        try:
            return store.read(key)
        except ObjectMissing:
            return None

    return supply


def of_itself(store: Store) -> Supply:
    """What the archive has of itself: blobs that were set aside, and the README that every archive has."""
    aside = {key: info.key for key, info in set_aside(store)}

    def supply(key: str) -> bytes | None:
        if key == README_KEY:
            return README.encode()
        return of_archive(store)(aside[key]) if key in aside else None

    return supply


def _kind(key: str) -> str:
    return next((prefix for prefix in (RUNS, POSTS, BLOBS) if key.startswith(prefix)), "")


def _is_stub(key: str, data: bytes) -> bool:
    """Whether bytes are the stub of a document that was taken down, be it damaged or not."""
    ref = parse_post_key(key)
    try:
        document = read(data, name=key)
        return ref is not None and document.is_takedown and next(check_place(ref, document.front), None) is None
    except DamageError:
        return False


def _findings(key: str, data: bytes) -> Iterator[Finding]:
    """What an object's own bytes say is wrong with it."""
    ref = parse_post_key(key)
    if ref is not None:
        damage = next(check_document(ref, data), None)
        yield from check_place(ref, read(data, name=key).front) if damage is None else (damage,)
    elif key.startswith(RUNS):
        yield from check_report(key, data)
    elif key.startswith(RAW) and key.endswith(".gz"):
        yield from check_capture(key, data)
    elif parse_takedown_key(key) is not None:
        yield from check_entry(key, data)
    elif key == ARCHIVE_KEY:
        yield from check_info(data)
