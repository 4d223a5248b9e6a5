"""What a user has who installs wheels: the small benchmark runs in an empty folder, and nothing is missing."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
MINI = PROJECT / "packages" / "finecops-mini"
pytestmark = pytest.mark.wheel


def build(project: Path, kind: str, out: Path) -> Path:
    """A wheel or sdist of a project, made by the environment's own hatchling: nothing is downloaded."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(out)]
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    (made,) = out.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return made


def contents(wheel: Path) -> dict[str, int]:
    """The files of a wheel and their sizes, without those of its metadata."""
    with zipfile.ZipFile(wheel) as file:
        return {one.filename: one.file_size for one in file.infolist() if ".dist-info/" not in one.filename}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {
        "finecops": build(PROJECT, "wheel", tmp_path_factory.mktemp("finecops")),
        "mini": build(MINI, "wheel", tmp_path_factory.mktemp("mini")),
    }


class Environment:
    """An environment with what is installed here, and with wheels of finecops instead of the checkout."""

    def __init__(self, folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
        self.bin = folder / "venv" / "bin"
        # The place for files is empty: neither a checkout nor a run of another test is in it.
        self.folder = folder / "empty"
        self.folder.mkdir()
        self._home = folder / "home"

    def install(self, wheel: Path) -> None:
        pip = [sys.executable, "-m", "pip", "--python", str(self.bin / "python"), "install", "--no-deps", "--no-index"]
        subprocess.run([*pip, "--quiet", str(wheel)], check=True, capture_output=True)

    def share_packages(self) -> None:
        """Let it see torch and the others. Only afterwards, or pip would meet the checkout that is installed here."""
        # A .pth file that is reached in this way has no effect, so that the checkout is not seen.
        own = Path(sysconfig.get_paths(vars={"base": str(self.bin.parent)})["purelib"])
        (own / "shared.pth").write_text(sysconfig.get_paths()["purelib"])

    def finecops(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        environment |= {"FINECOPS_HOME": str(self._home), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        command = [str(self.bin / "finecops"), *words]
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)


def test_both_wheels_run_in_an_empty_folder(wheels: dict[str, Path], tmp_path: Path) -> None:
    there = Environment(tmp_path)
    there.install(wheels["finecops"])
    there.share_packages()
    alone = there.finecops("sfa", "run", "--limit", "12")
    assert alone.returncode == 1
    assert "the wheel of finecops-mini has them" in alone.stderr.splitlines()[0]

    there.install(wheels["mini"])
    ran = there.finecops("sfa", "run", "--limit", "12")
    assert ran.returncode == 0, ran.stderr
    assert "12 samples" in ran.stdout
    assert len((there.folder / "outputs/finecops-mini-mini-12/sfa.jsonl").read_text().splitlines()) == 12
    checked = there.finecops("data", "check")
    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.splitlines() == [
        "test: 2984 samples, 1439 images: 0 problems",
        "val: 1074 samples, 514 images: 0 problems",
        "test_long: 400 samples, 328 images: 0 problems",
        "test_short: 400 samples, 400 images: 0 problems",
    ]
    chosen = there.finecops("crs", "run", "--limit", "4", "--none")
    assert chosen.returncode == 0, chosen.stderr


def test_the_wheel_has_every_file_of_the_package_and_all_configurations(wheels: dict[str, Path]) -> None:
    expected = {
        path.relative_to(PROJECT).as_posix(): path.stat().st_size
        for path in (PROJECT / "finecops").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    } | {
        f"finecops/{path.relative_to(PROJECT).as_posix()}": path.stat().st_size
        for path in (PROJECT / "configs").rglob("*.yaml")
    }
    assert contents(wheels["finecops"]) == expected


def test_the_companion_has_no_code_and_is_of_a_size_to_download(wheels: dict[str, Path], tmp_path: Path) -> None:
    files = contents(wheels["mini"])
    assert [name for name in files if name.endswith(".py")] == ["finecops_mini/__init__.py"]
    assert not any("/train_" in name for name in files)
    graphs = {Path(name).name for name in files if "/scene_graphs/" in name}
    assert graphs == {"test.json.gz", "val.json.gz", "test_long.json.gz"}
    # `finecops.install` says 33 MB.
    assert 32_500_000 <= wheels["mini"].stat().st_size < 33_500_000
    assert (MINI / "LICENSE").read_text() == (PROJECT / "LICENSE").read_text()


def test_a_wheel_from_an_sdist_is_the_same(wheels: dict[str, Path], tmp_path: Path) -> None:
    for project, name in ((PROJECT, "finecops"), (MINI, "mini")):
        sdist = build(project, "sdist", tmp_path / name / "sdist")
        with tarfile.open(sdist) as file:
            file.extractall(tmp_path / name, filter="data")
        again = build(tmp_path / name / sdist.name.removesuffix(".tar.gz"), "wheel", tmp_path / name / "wheel")
        assert contents(again) == contents(wheels[name])
