"""The file of a book: a ZIP as EPUB's Open Container Format has it (EPUB 3.3, 4), the same for the same contents."""

from __future__ import annotations

import zipfile
from types import TracebackType
from typing import IO, Final, Self

MEDIA_TYPE: Final = "application/epub+zip"
ROOT: Final = "EPUB/"
PACKAGE_KEY: Final = "package.opf"
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the first moment that a ZIP can name
_READABLE: Final = 0o100644 << 16
_UNIX: Final = 3
_CONTAINER: Final = f"""<?xml version="1.0" encoding="UTF-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
  <rootfiles>
    <rootfile full-path="{ROOT}{PACKAGE_KEY}" media-type="application/oebps-package+xml"/>
  </rootfiles>
</container>
"""


class Container:
    """A book that is being written, file after file, to a stream. Used as a context, which completes the ZIP."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(stream, "w")
        self._write("mimetype", MEDIA_TYPE.encode(), packed=False)
        self._write("META-INF/container.xml", _CONTAINER.encode(), packed=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def put(self, key: str, data: bytes, *, packed: bool = True) -> None:
        """Add a file of the publication. packed: whether deflating it is worth the time; of pictures it is not."""
        self._write(ROOT + key, data, packed=packed)

    def _write(self, name: str, data: bytes, *, packed: bool) -> None:
        entry = zipfile.ZipInfo(name, _EPOCH)
        entry.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
        entry.create_system = _UNIX
        entry.external_attr = _READABLE
        self._zip.writestr(entry, data)
