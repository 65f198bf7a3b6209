"""What a request to S3 came to where it brought nothing: in the same words, whoever has sent it.

Names and texts are botocore's, which AWS users know; botocore itself takes 0.1 s of CPU to import.
"""

from __future__ import annotations

_PASSING_STATUSES = (500, 502, 503, 504)
_PASSING_CODES = frozenset(
    ("RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete", "Throttling", "ThrottlingException",
     "RequestThrottled", "RequestLimitExceeded", "BandwidthLimitExceeded", "TooManyRequestsException", "SlowDown")
)  # fmt: skip


class S3Error(Exception):
    """is_passing: whether the same request may well succeed in a moment, by botocore's rules (its mode "standard")."""

    is_passing = False


class Refused(S3Error):  # noqa: N818 - a server's answer
    """An answer that says no: its HTTP status, and S3's code and message for it."""

    def __init__(self, *, status: int, code: str, message: str, operation: str) -> None:
        super().__init__(f"An error occurred ({code}) when calling the {operation} operation: {message}")
        self.status = status
        self.code = code
        self.is_passing = status in _PASSING_STATUSES or code in _PASSING_CODES


class Unanswered(S3Error):  # noqa: N818 - as Refused
    """No whole answer, or no request at all. `name`: of botocore's exception that says the same."""

    def __init__(self, name: str, text: str, *, is_passing: bool = False) -> None:
        super().__init__(text)
        self.name = name
        self.is_passing = is_passing


class BrokenOff(Unanswered):
    """An answer that did not come to its end; a read asks for it again."""


class CannotSend(S3Error):  # noqa: N818 - as Refused
    """obstore cannot do what is asked; `why` ends the sentence "boto3 sends the requests, because …"."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why
