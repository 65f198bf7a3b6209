"""Coverage-guided fuzzing of the cleaner. No part of the test suite: it runs as long as it is told to.

It needs atheris, which no test needs; in an environment that holds Birdnest, too:

    python -m pip install atheris
    mkdir -p /tmp/found
    python tests/fuzz/fuzz_clean.py -max_total_time=600 -max_len=4096 -rss_limit_mb=2048 /tmp/found

The folder gathers inputs that reached new code; the payloads of the hostile tests and the replica's articles are
written there first, to begin from. Other arguments are libFuzzer's. A finding ends the run: its input is written to
`crash-…` in the current folder, and `python tests/fuzz/fuzz_clean.py crash-…` shows it again.

What must hold for any bytes: no exception, the gate has nothing to do, cleaning twice is cleaning once, `parse_clean`
and `serialise` go back and forth byte for byte, and only allowed tags, attributes and addresses are left.
"""

import hashlib
import logging
import sys
from pathlib import Path

import atheris  # type: ignore[import-untyped,import-not-found,unused-ignore] # optional

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

with atheris.instrument_imports(include=["pipelines"]):
    from pipelines.clean import clean, parse_clean, serialise
    from pipelines.clean.gate import ATTRIBUTES, SCHEMES

from archive.body import TAGS  # noqa: E402 - the path is set above
from tests.pipelines.clean.hostile.payloads import FAMILIES, payloads  # noqa: E402 - the path is set above

_BASE = "https://example.com/post/1.html"


def check(data: bytes) -> None:
    """Raises AssertionError, or whatever the cleaner raised, for bytes that it does not clean as it should."""
    html = data.decode("utf-8", "surrogateescape")
    once = clean(html, _BASE)
    assert "gate" not in {note.rule for note in once.notes}
    tree = parse_clean(once.html)
    for element in tree.iterdescendants():
        assert element.tag in TAGS
        assert set(element.attrib) <= ATTRIBUTES.get(str(element.tag), set()) | {"id"}
        for name in ("href", "src"):
            assert element.get(name, "#").startswith(("#", *(f"{scheme}:" for scheme in SCHEMES)))
    assert serialise(tree) == once.html
    assert clean(once.html, _BASE).html == once.html


def plant(folder: Path) -> None:
    """Write what to begin from."""
    texts = [payload.text for family in FAMILIES for payload in payloads(family)]
    articles = (ROOT / "crawler" / "replica" / "articles").glob("*.html")
    texts += [article.read_text(encoding="utf-8").partition("\n\n")[2] for article in articles]
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


def main() -> None:
    """Fuzz, as libFuzzer's arguments say."""
    logging.disable()
    for argument in sys.argv[1:]:
        if Path(argument).is_dir():
            plant(Path(argument))
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
