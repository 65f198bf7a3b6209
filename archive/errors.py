"""One tree of errors, each with the exit code a command ends with when it meets one.

::

    BirdnestError               1   a bug of ours when nothing below fits
    ├── UsageError              2   the command line asks for something that cannot be
    │   └── UnsupportedUrlError 2   a URL that no profile knows, or that is no web address
    ├── ConfigError             3   birdnest.toml is wrong
    ├── PageError               4   one page did not give a post (never ends a run by itself)
    │   ├── SelectorError       4   a required field was not found
    │   └── UnreachableError    5   no answer, or none that is the site's own
    ├── StoreError              6   the archive's store failed
    │   ├── StoreUnclear        6   a write may or may not have happened: read it back
    │   ├── ObjectMissing       6   an object that should be there is not
    │   └── NotAnArchiveError   6   the place holds something that is no archive of ours
    ├── DamageError             7   what an archive holds is not what was written
    ├── LeaseHeld               8   another run crawls this site into this archive
    └── RunInterrupted        130   Ctrl-C before there was anything to report

Exit codes that are verdicts and not errors: 0 fine, 4 a run below its expectations, 5 the site could not be
reached or refused us altogether, 7 `verify` found damage, 130 interrupted.
"""

from __future__ import annotations

from typing import ClassVar


class BirdnestError(Exception):
    """Base of all errors that are ours. `str()` of one is a single line a person can act on."""

    exit_code: ClassVar[int] = 1


class UsageError(BirdnestError):
    exit_code = 2


class UnsupportedUrlError(UsageError):
    pass


class ConfigError(BirdnestError):
    exit_code = 3


class PageError(BirdnestError):
    """One page did not give a post. `reason` is the code the run's report lists it under."""

    exit_code = 4

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class SelectorError(PageError):
    """A required field of a page was not found where the profile says it is."""

    def __init__(self, *, site: str, url: str, field: str, selectors: tuple[str, ...]) -> None:
        tried = " | ".join(selectors) or "(no selector given)"
        super().__init__(
            "missing-field",
            f"{site}: {url}: required field {field!r} not found: nothing matches {tried}. "
            f"Look at the page with `birdnest probe {url}` and correct the selector in birdnest.toml.",
        )
        self.site = site
        self.url = url
        self.field = field
        self.selectors = selectors


class UnreachableError(PageError):
    exit_code = 5


class StoreError(BirdnestError):
    exit_code = 6


class StoreUnclear(StoreError):  # noqa: N818 - a state of knowledge, not a kind of failure
    """A write whose reply was lost, late or a conflict: only reading back tells what holds."""


class ObjectMissing(StoreError):  # noqa: N818 - as the store protocols call it
    def __init__(self, store: str, key: str) -> None:
        super().__init__(f"{store}: no object {key}. Run `birdnest verify` to see what else is missing.")
        self.key = key


class NotAnArchiveError(StoreError):
    pass


class DamageError(BirdnestError):
    exit_code = 7


class LeaseHeld(BirdnestError):  # noqa: N818 - nothing went wrong
    exit_code = 8


class RunInterrupted(BirdnestError):  # noqa: N818 - nothing went wrong
    exit_code = 130
