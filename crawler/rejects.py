"""Pages that gave no post, kept in the user's state folder for study. Never in the archive."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path


def keep_reject(folder: Path, *, url: str, reason: str, detail: str, page: bytes) -> Path:
    """Write a page's bytes as `<reason>-<digest of the URL>.html` and what is known of it as .json beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{reason}-{hashlib.sha256(url.encode()).hexdigest()[:12]}.html"
    file.write_bytes(page)
    about = {"url": url, "reason": reason, "detail": detail}
    file.with_suffix(".json").write_text(json.dumps(about, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return file
