"""The photographs of scene graphs: found by id or file name, in a folder, its sub-folders or a zip file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Protocol

from finecops.construction.graph import SceneGraph
from finecops.datasets.image_folders import folders_with
from finecops.datasets.image_place import ImagePlace, check_place
from finecops.errors import DataError
from finecops.images import stated_size
from finecops.paths import name_problem

SUFFIXES: Final = (".jpg", ".png", ".jpeg", ".webp")
"""Of an image that the graph does not name, in this order."""
NO_IMAGE: Final = "the image is missing"


class Pictured(Protocol):
    """What has an image: a scene graph, or what is left of one."""

    @property
    def image_id(self) -> str:
        """Its id."""
        ...

    @property
    def file_name(self) -> str | None:
        """The file that it names, if it names one."""
        ...


@dataclass(frozen=True)
class Photo:
    """An image file."""

    path: Path
    """Of an image in a zip file: where it will be when it is read (`finecops.archives.zip_images`)."""
    file_name: str
    """Below the place of the images."""


@dataclass(frozen=True)
class Photos:
    """Where the photographs are: a folder or a zip file.

    Raises:
        DataError: it is neither.
    """

    place: Path

    @cached_property
    def _place(self) -> ImagePlace:
        return check_place(self.place.expanduser().absolute())

    @cached_property
    def _folders(self) -> tuple[str, ...]:
        """Sub-folders that have images: VG's are in two, GQA's archive has one."""
        if self._place.is_zip:
            # A zip file is asked by name, whatever the folder.
            return ()
        found = folders_with(self._place.path, tuple(f"*{suffix}" for suffix in SUFFIXES))
        return tuple(folder for folder in found if folder != ".")

    def check(self) -> None:
        """See whether the place is there, before anything large begins."""
        _ = self._place

    def find(self, graph: Pictured) -> Photo | None:
        """The image of a graph; None: it is not there.

        Raises:
            DataError: a link leads out of the folder, or the zip file is broken.
        """
        for name in _names(graph):
            path = self._place.find((name,))
            if path is not None:
                return Photo(path, name)
        # Only now: with all photographs in one folder, no other one is looked into.
        for folder in self._folders:
            for name in _names(graph):
                path = self._place.find((f"{folder}/{name}",))
                if path is not None:
                    return Photo(path, f"{folder}/{name}")
        return None

    def problem(self, graph: SceneGraph) -> str | None:
        """Why a graph cannot be used with its image; None: it can. Only the head of the file is read.

        Boxes would be wrong in an image of another size. In a zip file only the names are looked at here: to see a
        size, the image must be unpacked, and most are of no use (`size_problem`).
        """
        try:
            photo = self.find(graph)
        except DataError as error:
            return str(error)
        if photo is None:
            return NO_IMAGE
        return None if self._place.is_zip else self.size_problem(graph, photo)

    @property
    def is_zip(self) -> bool:
        """Whether sizes were not looked at yet."""
        return self._place.is_zip

    def size_problem(self, graph: SceneGraph, photo: Photo) -> str | None:
        """Why an image is not that of the graph; None: it may be. An image in a zip file is unpacked."""
        try:
            width, height = stated_size(photo.path)
        except DataError as error:
            return str(error)
        if (width, height) == (graph.width, graph.height):
            return None
        return f"the image is {width}x{height}, its graph says {graph.width}x{graph.height}"


def _names(graph: Pictured) -> Iterator[str]:
    if graph.file_name is not None:
        yield graph.file_name
    for suffix in SUFFIXES:
        name = f"{graph.image_id}{suffix}"
        if name_problem(name) is None:
            yield name


def usual_file_name(graph: Pictured) -> str:
    """The file name of an image that nobody looked at: what the graph names, or GQA's way."""
    return graph.file_name or f"{graph.image_id}{SUFFIXES[0]}"
