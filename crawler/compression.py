"""Decompression of answers, within the limit of what their kind may be.

In place of Scrapy's own, which gives what it could read of an answer that was cut off, allows zstd windows of 128 MB
where HTTP has 8 MB (RFC 9659), and calls a bomb a request that was ignored.
"""

from __future__ import annotations

from scrapy import Request
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from scrapy.responsetypes import responsetypes

from archive.encodings import decode
from crawler.limits import TooLarge, unpacked_limit

ACCEPTED = "gzip, deflate, br, zstd"


class BadEncoding(IgnoreRequest):
    """An answer whose compression does not decode, or is cut off."""

    reason = "bad-encoding"


class CompressionMiddleware:
    """Asks for what we can decode, and decodes it."""

    def process_request(self, request: Request) -> None:
        request.headers.setdefault("Accept-Encoding", ACCEPTED)

    def process_response(self, request: Request, response: Response) -> Response:
        given = b",".join(response.headers.getlist("Content-Encoding")).decode("latin-1")
        encodings = tuple(name.strip().lower() for name in given.split(","))
        if not any(encodings) or request.method == "HEAD":
            return response
        try:
            body = decode(response.body, encodings, unpacked_limit(request))
        except OverflowError as error:
            raise TooLarge(f"{request.url}: {error}") from error
        except ValueError as error:
            raise BadEncoding(f"{request.url}: {error}") from error
        del response.headers["Content-Encoding"]
        kind = responsetypes.from_args(headers=response.headers, url=response.url, body=body)
        return response.replace(cls=kind, body=body)
