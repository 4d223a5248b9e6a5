"""Where the images of a run are: `run.json` names the dataset, and no image lies in a run folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from finecops.config.find import load_dataset
from finecops.datasets.dataset import load_dataset_split
from finecops.datasets.image_place import ImageFolders, check_place
from finecops.errors import ConfigError, DataError
from finecops.runs.manifest import Manifest


def image_finder(manifest: Manifest, images: Path | None = None) -> Callable[[str], Path]:
    """A function from a sample's `image` to its file.

    Args:
        manifest: of the run.
        images: a folder or zip file of its images, instead of the dataset's own.

    Raises:
        DataError: the dataset cannot be found by its name, and no images were named; or what was named is none.
    """
    if images is not None:
        place = check_place(images.expanduser().absolute())
        return ImageFolders(place.path, (), place).path_of
    about = manifest.dataset
    try:
        return load_dataset_split(load_dataset(about.name), about.split).path_of
    except (ConfigError, DataError) as error:
        raise DataError(
            f"the images of {about.name} are not found ({error}); --images FOLDER_OR_ZIP says where they are"
        ) from error
