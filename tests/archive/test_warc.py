"""Where the records of a segment end, whatever they hold and wherever it breaks off."""

from __future__ import annotations

import gzip
import random

from archive.warc import whole_bytes

CHANCE = random.Random(0)
SHORT = (b"", b"one", CHANCE.randbytes(300))
MEMBERS = [gzip.compress(content, mtime=0) for content in SHORT]
LARGE = (
    bytes(1 << 20),  # as much as is decompressed at once
    bytes(5 << 20),
    CHANCE.randbytes(40_000),  # longer than what is read at once
    CHANCE.randbytes(16_384 - 23),  # ends with it, or within its last bytes
    CHANCE.randbytes(16_384 - 24),
)


def test_a_segment_cut_anywhere_is_whole_up_to_the_last_member_that_is() -> None:
    data = b"".join(MEMBERS)
    ends = [0]
    for member in MEMBERS:
        ends.append(ends[-1] + len(member))

    for length in range(len(data) + 1):
        assert whole_bytes(data[:length]) == max(end for end in ends if end <= length)


def test_members_of_any_size_are_passed_over() -> None:
    members = [gzip.compress(content, mtime=0) for content in LARGE] * 2
    data = b"".join(members)

    assert whole_bytes(data) == len(data)
    assert whole_bytes(data + members[0][:-1]) == len(data)


def test_what_is_no_member_ends_what_is_whole() -> None:
    data = MEMBERS[2] + b"no gzip" + MEMBERS[1]

    assert whole_bytes(data) == len(MEMBERS[2])
    assert whole_bytes(MEMBERS[2][:-8] + bytes(8) + MEMBERS[1]) == 0
