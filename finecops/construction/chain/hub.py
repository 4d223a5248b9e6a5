"""The folder for the Hub of a benchmark that was built: parquet files with the images in them, and the data card."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from finecops.config.find import load_dataset
from finecops.construction.chain import card
from finecops.datasets.dataset import load_dataset_split
from finecops.datasets.parquet.write import Written, export_parquet
from finecops.datasets.places import splits_here
from finecops.errors import DataError, UsageError

BUILT: Final = "## How this benchmark was built"
"""Stands in the card of such a folder, which may therefore be written again."""


def check_hub_folder(folder: Path) -> None:
    """See whether a folder may be written to.

    Raises:
        DataError: it has a dataset that no build wrote.
    """
    readme = folder / "README.md"
    ours = readme.is_file() and BUILT in readme.read_text(encoding="utf-8", errors="replace")
    if not ours and (readme.exists() or any((folder / "data").glob("*.parquet"))):
        raise DataError(f"{folder}/ has another dataset, which no build wrote; choose another --hub")


def write_hub(yaml: Path, folder: Path, images: Path | None, licence: str | None = None) -> Written:
    """Write all splits of a benchmark as a folder for the Hub. One that a build wrote before is replaced.

    Args:
        yaml: its `dataset.yaml`.
        folder: where to.
        images: where its photographs are; None: in its folder.
        licence: for the card; None: that of the YAML file.

    Raises:
        UsageError: no licence is stated.
        DataError: an image is missing, or the folder has another dataset.
    """
    config = load_dataset(str(yaml))
    licence = licence or config.licence
    if licence is None:
        raise UsageError("--hub needs --licence NAME (cc-by-4.0, …) for the card")
    check_hub_folder(folder)
    datasets = [load_dataset_split(config, split, images=images) for split in splits_here(config)]
    parts = card.parts_of(yaml.parent / card.FILE)
    if not parts:
        raise DataError(f"{yaml.parent / card.FILE} is missing: --again export writes it")
    # Only what is written here anew goes; the check says that it is ours.
    for path in (folder / "data").glob("*.parquet"):
        path.unlink()
    return export_parquet(datasets, licence, folder, about=["", BUILT, "", *parts.values(), ""])
