"""Do a still WebP's pixels decode? Asked of the libwebp that Pillow brings, for half the CPU of Pillow's own way.

Pillow decodes every WebP as an animation: onto a canvas of four bytes a pixel that libwebp keeps twice and Pillow
copies twice more. Whether a picture is whole, one call of libwebp's plain interface tells as well, if it is given the
coded pixels alone: what stands behind them it would take for their end. Where that interface is not to be had (a
Pillow built otherwise), nothing is told.
"""

from __future__ import annotations

from ctypes import CDLL, POINTER, byref, c_char_p, c_int, c_size_t, c_void_p
from functools import cache

_LOSSLESS_SIGNATURE = 0x2F  # RFC 9649, 3.4; a lossy key frame begins with an even byte (RFC 6386, 9.1)


def decodes(pixels: bytes) -> bool:
    """Whether libwebp says that it has decoded the content of a VP8 or VP8L chunk to its end.

    It may also be that nobody could be asked. Up to four bytes a pixel are in memory meanwhile.
    """
    library = _libwebp()
    if library is None:
        return False
    size = c_int(), c_int()
    if pixels[:1] == bytes([_LOSSLESS_SIGNATURE]):
        decoded = library.WebPDecodeRGBA(pixels, len(pixels), *map(byref, size))
    else:
        planes = c_void_p(), c_void_p(), c_int(), c_int()
        decoded = library.WebPDecodeYUV(pixels, len(pixels), *map(byref, (*size, *planes)))
    if not decoded:
        return False
    library.WebPFree(decoded)
    return True


@cache
def _libwebp() -> CDLL | None:
    """The library, found through the extension that is linked with it; its interface: libwebp's decode.h."""
    try:
        from PIL import _webp

        library = CDLL(_webp.__file__)
        rgba, yuv, free = library.WebPDecodeRGBA, library.WebPDecodeYUV, library.WebPFree
    except (ImportError, OSError, AttributeError):
        return None
    rgba.argtypes = [c_char_p, c_size_t, POINTER(c_int), POINTER(c_int)]
    yuv.argtypes = [*rgba.argtypes, POINTER(c_void_p), POINTER(c_void_p), POINTER(c_int), POINTER(c_int)]
    rgba.restype = yuv.restype = c_void_p
    free.argtypes, free.restype = [c_void_p], None
    return library
