"""The folder for the Hub of a benchmark that was built: parquet files with the images in them, and the data card."""

from __future__ import annotations

from finecops.config.find import load_dataset
from finecops.construction.chain import card
from finecops.construction.chain.build import Built
from finecops.construction.chain.settings import BuildSettings
from finecops.datasets.dataset import load_dataset_split
from finecops.datasets.parquet.write import Written, export_parquet
from finecops.datasets.places import splits_here
from finecops.errors import DataError, UsageError


def write_hub(built: Built, settings: BuildSettings) -> Written:
    """Write all splits of the benchmark's folder as a folder for the Hub.

    Raises:
        UsageError: nothing was exported, or no licence is stated.
        DataError: an image is missing, or the folder has other files.
    """
    if settings.hub is None or built.file is None:
        raise UsageError("--hub writes what was exported: leave --only and --until away")
    config = load_dataset(str(built.file.path))
    licence = settings.licence or config.licence
    if licence is None:
        raise UsageError("--hub needs --licence NAME (cc-by-4.0, …) for the card")
    place = settings.images if not built.file.images_inside else None
    datasets = [load_dataset_split(config, split, images=place) for split in splits_here(config)]
    parts = card.parts_of(built.folder.out / card.FILE)
    if not parts:
        raise DataError(f"{built.folder.out / card.FILE} is missing: --only export writes it")
    return export_parquet(datasets, licence, settings.hub, about=["", *parts.values(), ""])
