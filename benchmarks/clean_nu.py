"""The Nu HTML checker (npm `vnu-jar`), installed once into the user's cache, run once over many bodies."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from platformdirs import user_cache_path

_PACKAGE: Final = "vnu-jar@26.9.27"
_JAR: Final = Path("node_modules", "vnu-jar", "build", "dist", "vnu.jar")
_PAGE: Final = (
    '<!DOCTYPE html>\n<html lang="zh">\n<head><meta charset="utf-8"><title>t</title></head>\n'
    "<body>\n{}\n</body>\n</html>\n"
)
_SECONDS: Final = 240


def missing() -> str | None:
    """What has to be installed before the checker can be, in the words of Debian; None when nothing."""
    absent = [name for name, tool in (("default-jre-headless", "java"), ("npm", "npm")) if not shutil.which(tool)]
    return " ".join(absent) or None


def find_checker() -> Path:
    """The checker's jar, fetched by npm when it is not there yet."""
    folder = user_cache_path("birdnest") / "vnu"
    jar = folder / _JAR
    if not jar.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        npm = shutil.which("npm") or "npm"
        quiet = ("--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
        subprocess.run([npm, "install", *quiet, "--prefix", str(folder), _PACKAGE], check=True, timeout=_SECONDS)
    return jar


def errors(bodies: Mapping[str, str]) -> dict[str, list[str]]:
    """What the checker calls an error in each body (by its key), put into a page that has none itself."""
    found: dict[str, list[str]] = {key: [] for key in bodies}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keys = {}
        for index, (key, body) in enumerate(bodies.items()):
            file = folder / f"{index}.html"
            file.write_text(_PAGE.format(body), encoding="utf-8", errors="replace")
            keys[file.as_uri()] = key
        command = [
            shutil.which("java") or "java", "-Xss16m", "-jar", str(find_checker()),
            "--format", "json", "--exit-zero-always", "--errors-only", str(folder),
        ]  # fmt: skip
        run = subprocess.run(command, capture_output=True, check=True, timeout=_SECONDS)
    for message in json.loads(run.stderr or run.stdout)["messages"]:
        if message["type"] != "info":
            key = keys[message["url"].replace("file:/", "file:///").replace("file://///", "file:///")]
            found[key].append(message["message"])
    return found
