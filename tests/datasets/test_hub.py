"""Datasets by Hub id, through the real client library and a server on this machine; no test leaves it."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from finecops.config.find import load_dataset
from finecops.config.hub import splits_of_files
from finecops.datasets.archives import unpack_images
from finecops.datasets.dataset import load_dataset_split
from finecops.errors import ConfigError, DataError, FinecopsError, UsageError
from finecops.runs.folder import open_run
from finecops.runs.manifest import read_manifest
from finecops.strategies.options import Options
from finecops.strategies.parts import Parts
from finecops.strategies.running import default_run_name
from tests.datasets.builders_parquet import (
    grefcoco,
    humanref,
    picture,
    repository,
    rows_of,
    write_images,
    write_parquet,
)
from tests.datasets.fake_hub import COMMIT, FakeHub, serving


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FINECOPS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    folder = tmp_path / "hub"
    repositories = {
        "dddraxxx/ref-adv-s": repository(folder / "adv", "ref-adv-s"),
        "lmms-lab-encoder/RefCOCO": repository(folder / "refcoco", "lmms-refcoco"),
        "JierunChen/Ref-L4": _ref_l4(folder / "l4"),
        "IDEA-Research/HumanRef": humanref(_made(folder / "humanref")),
        "FudanCVL/gRefCOCO": grefcoco(_made(folder / "grefcoco")),
        "me/copy": repository(folder / "copy", "groundingme"),
        "me/text": _made(folder / "text"),
    }
    with serving(FakeHub(repositories, gated=("me/gated",)), tmp_path / "cache", monkeypatch) as server:
        yield server


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("-")
    return folder


def _ref_l4(folder: Path) -> Path:
    """Ref-L4 as published: images in an archive beside the parquet files."""
    names = [row["file_name"] for row in rows_of("ref-l4")]
    write_images(folder.parent / "unpacked", names)
    write_parquet(folder / "ref-l4-val.parquet", "ref-l4", rows_of("ref-l4"))
    with tarfile.open(folder / "images.tar.gz", "w:gz") as tar:
        for name in names:
            tar.add(folder.parent / "unpacked" / name, name)
    return folder


def test_a_known_id_is_fetched_at_a_commit_and_not_again(hub: FakeHub, own_home: Path, tmp_path: Path) -> None:
    dataset = load_dataset_split(load_dataset("hf:dddraxxx/ref-adv-s@v1"))
    assert (dataset.config.name, dataset.split, len(dataset.samples)) == ("ref-adv-s", "test", 6)
    assert dataset.origin == f"hf:dddraxxx/ref-adv-s@{COMMIT}"
    assert dataset.root == own_home / "hub" / "dddraxxx--ref-adv-s"
    assert dataset.image_path(dataset.samples[2]).read_bytes() == picture(2)
    fetched = len([path for path in hub.asked if path.startswith("/datasets/")])
    assert load_dataset_split(load_dataset("hf:dddraxxx/ref-adv-s")).samples == dataset.samples
    assert len([path for path in hub.asked if path.startswith("/datasets/")]) == fetched
    open_run(tmp_path / "run", dataset, 0)
    assert read_manifest(tmp_path / "run").dataset.origin == f"hf:dddraxxx/ref-adv-s@{COMMIT}"


def test_either_id_of_refcoco_and_the_warning_of_its_val(hub: FakeHub, caplog: pytest.LogCaptureFixture) -> None:
    dataset = load_dataset_split(load_dataset("hf:lmms-lab-encoder/RefCOCO:val"))
    assert (dataset.config.name, len(dataset.samples)) == ("refcoco-hub", 12)
    assert "refcoco-hub, split val: it is a mixture of UNC's and Google's val" in caplog.text
    assert load_dataset("hf:lmms-lab/refcoco").name == "refcoco-hub"


@pytest.mark.parametrize("name", ["refcoco-hub", "refcocog-hub"])
def test_the_mixtures_warn(name: str) -> None:
    assert "mixture" in load_dataset(name).warnings["val"]


def test_images_in_an_archive_are_unpacked_once(hub: FakeHub, own_home: Path) -> None:
    dataset = load_dataset_split(load_dataset("hf:JierunChen/Ref-L4:val"))
    assert dataset.root == own_home / "hub" / "JierunChen--Ref-L4" / COMMIT
    assert [dataset.image_path(s).read_bytes() for s in dataset.samples] == [picture(n) for n in range(6)]


def test_humanref_comes_with_its_images_and_grefcoco_without(hub: FakeHub) -> None:
    persons = load_dataset_split(load_dataset("hf:IDEA-Research/HumanRef"))
    assert [s.truth for s in persons.samples] == ["box"] * 3 + ["absent"] * 2
    assert persons.image_path(persons.samples[1]).read_bytes() == picture(1)
    blocks = load_dataset_split(load_dataset("hf:FudanCVL/gRefCOCO"))
    assert [s.truth for s in blocks.samples] == ["box"] * 3 + ["absent"] * 2
    assert blocks.root.name == "grefcoco"
    assert blocks.origin == f"hf:FudanCVL/gRefCOCO@{COMMIT}"


def test_splits_named_with_the_id_have_runs_of_their_own(hub: FakeHub) -> None:
    names = []
    for name in ("hf:JierunChen/Ref-L4:val", "hf:me/copy"):
        parts = Parts(Options(dataset=name, preset="mini"))
        names.append(default_run_name(parts, load_dataset_split(parts.dataset), None))
    assert names == ["ref-l4-mini-val", "me--copy-mini"]
    with pytest.raises(UsageError, match="--dataset names the split val, and --split test; give one of them"):
        load_dataset_split(load_dataset("hf:JierunChen/Ref-L4:val"), "test")


def test_an_unknown_id_is_read_by_its_columns(hub: FakeHub) -> None:
    dataset = load_dataset_split(load_dataset("hf:me/copy"))
    assert (dataset.config.name, dataset.split, len(dataset.samples)) == ("me--copy", "test", 6)


def test_a_user_names_the_layout_in_a_yaml_file(hub: FakeHub, own_home: Path) -> None:
    folder = own_home / "configs" / "datasets"
    folder.mkdir(parents=True)
    (folder / "broken.yaml").write_text("- nothing")
    (folder / "mine.yaml").write_text(
        "name: mine\nroot: data/mine\nformat: parquet\nlayout: groundingme\nhub: [me/copy]\nimage_folders: [images]\n"
        "splits:\n  special: ['data/te*.parquet']\ndefault_split: special\npreset: mini\nget: '-'\n"
    )
    dataset = load_dataset_split(load_dataset("hf:me/copy"))
    assert (dataset.config.name, dataset.split, len(dataset.samples)) == ("mine", "special", 6)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hf:me/nothing", "the Hub has no such dataset, or it is private"),
        ("hf:me/gated", "only to users who accepted its terms"),
        ("hf:dddraxxx/ref-adv-s@v9", "the Hub has no revision 'v9' of it"),
        ("hf:dddraxxx/ref-adv-s:dev", "has no split 'dev'; there are: test"),
        ("hf:me/copy:dev", "there are: test"),
        ("hf:JierunChen/Ref-L4:test", "none of ref-l4-test.parquet is there; its files: images.tar.gz, ref-l4-val"),
        ("hf:me/text", "has no split 'test'; there are: none"),
    ],
)
def test_what_is_not_there_is_one_line(hub: FakeHub, name: str, message: str) -> None:
    if name == "hf:me/copy:dev":
        # One split, and the user named another: that one is not taken for it.
        hub.repositories["me/copy"].joinpath("data/val.parquet").write_bytes(b"-")
    with pytest.raises(DataError) as caught:
        load_dataset_split(load_dataset(name))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_network_what_was_fetched_is_used(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = load_dataset_split(load_dataset("hf:dddraxxx/ref-adv-s"))
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    again = load_dataset_split(load_dataset("hf:dddraxxx/ref-adv-s"))
    assert (again.samples, again.origin) == (before.samples, before.origin)
    assert f"the Hub cannot be reached ([Errno 111] Connection refused); commit {COMMIT}" in caplog.text
    with pytest.raises(
        DataError, match=r"nothing of it was fetched before: .*: hf download me/copy --repo-type"
    ) as caught:
        load_dataset_split(load_dataset("hf:me/copy"))
    assert "\n" not in str(caught.value)


def test_a_file_that_ends_in_its_middle_is_one_line(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    hub.cut = True
    with pytest.raises(DataError, match=r"train-00000-of-00001.parquet cannot be fetched: .*goes on") as caught:
        load_dataset_split(load_dataset("hf:dddraxxx/ref-adv-s"))
    assert "\n" not in str(caught.value)
    hub.cut = False
    assert len(load_dataset_split(load_dataset("hf:dddraxxx/ref-adv-s")).samples) == 6


@pytest.mark.parametrize("name", ["hf:", "hf:one", "hf:a/b/c", "hf:../b", "hf:a/b:../c", "hf:a/b@../c", "hf:a/b:x y"])
def test_names_that_are_none_are_wrong_usage(name: str) -> None:
    with pytest.raises(UsageError, match=r"hf:OWNER/NAME\[:split\]\[@revision\] is meant"):
        load_dataset(name)


def test_splits_are_found_in_the_names_of_files() -> None:
    names = ["data/val-00001-of-00002.parquet", "data/val-00000-of-00002.parquet", "ref-l4-test.parquet", "x/a.parquet"]
    assert splits_of_files([*names, "README.md"]) == {
        "test": ("ref-l4-test.parquet",),
        "val": ("data/val-00000-of-00002.parquet", "data/val-00001-of-00002.parquet"),
        "x-a": ("x/a.parquet",),
    }


def test_a_pattern_that_is_none_is_an_error(tmp_path: Path) -> None:
    config = load_dataset(str(repository(tmp_path / "set", "ref-adv-s")))
    with pytest.raises(ConfigError, match=r"'a\*\*b.parquet' is no pattern of file names"):
        load_dataset_split(config.model_copy(update={"splits": {"train": ("a**b.parquet",)}}))


def test_a_folder_without_parquet_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no \.parquet file in it"):
        load_dataset(str(tmp_path))


def _tar(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("link.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return path


def test_archives_are_unpacked_to_images_alone(tmp_path: Path) -> None:
    members = {"images/a.jpg": b"1", "./b/c.png": b"2", "run.sh": b"3"}
    unpack_images(_tar(tmp_path / "a.tar.gz", members), tmp_path / "out", "a.tar.gz")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as packed:
        packed.writestr("images/d.jpg", b"4")
    unpack_images(tmp_path / "b.zip", tmp_path / "out", "b.zip")
    found = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert {name for name in found if not name.startswith(".unpacked")} == {"a.jpg", "b/c.png", "d.jpg"}


@pytest.mark.parametrize("name", ["../evil.jpg", "/tmp/evil.jpg", "images/../../evil.jpg"])
def test_an_archive_never_writes_outside(tmp_path: Path, name: str) -> None:
    with pytest.raises(FinecopsError, match="leads out of the dataset's folder"):
        unpack_images(_tar(tmp_path / "a.tar.gz", {name: b"1"}), tmp_path / "out" / "deep", "a.tar.gz")
    assert not list(tmp_path.rglob("evil.jpg"))


def test_archives_of_one_name_in_two_folders_are_both_unpacked(tmp_path: Path) -> None:
    for folder in ("train", "val"):
        archive = _tar(tmp_path / f"{folder}.tar.gz", {f"{folder}.jpg": picture(1)})
        unpack_images(archive, tmp_path / "out", f"{folder}/images.tar.gz")
    assert {path.name for path in (tmp_path / "out").glob("*.jpg")} == {"train.jpg", "val.jpg"}


def test_a_damaged_zip_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jpg", b"a" * 5000)
    content = bytearray(path.read_bytes())
    content[36:40] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.zip cannot be unpacked"):
        unpack_images(path, tmp_path / "out", "a.zip")


def test_a_truncated_archive_is_an_error_and_unpacked_again(tmp_path: Path) -> None:
    members = {f"{n}.jpg": picture(n) for n in range(6)}
    whole = _tar(tmp_path / "whole.tar.gz", members).read_bytes()
    broken = tmp_path / "a.tar.gz"
    broken.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"a\.tar\.gz cannot be unpacked"):
        unpack_images(broken, tmp_path / "out", broken.name)
    assert not list((tmp_path / "out").glob(".*.part*"))
    broken.write_bytes(whole)
    unpack_images(broken, tmp_path / "out", broken.name)
    assert all((tmp_path / "out" / name).read_bytes() == content for name, content in members.items())
