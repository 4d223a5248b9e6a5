"""What filters ask of models: one call each. A scorer gives numbers; `choose.py` compares them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from PIL import Image

from finecops.config.building import ScorerConfig, weights_advice
from finecops.config.find import load_scorer, resolve_weights
from finecops.errors import ConfigError
from finecops.models.checkpoint_folder import check_checkpoint
from finecops.models.hub_access import need_hub
from finecops.records import Xyxy


class TextScorer(Protocol):
    """Compares an image with texts (CLIP)."""

    def similarities(self, images: Sequence[Image.Image], texts: Sequence[str]) -> list[list[float]]:
        """For each image, its similarity with each text; the more alike, the larger."""
        ...


class FeatureScorer(Protocol):
    """Compares images with each other (DINOv2)."""

    def similarities(
        self, original: Image.Image, edited: Sequence[Image.Image], boxes: Sequence[Xyxy]
    ) -> list[tuple[float, float]]:
        """For each edited image, its similarity with the original: of the whole, and inside the boxes."""
        ...


class SyntheticScorer(Protocol):
    """Tells synthetic images from photographs."""

    @property
    def threshold(self) -> float | None:
        """Images above it are taken for synthetic; None: not known."""
        ...

    def probabilities(self, images: Sequence[Image.Image]) -> list[float]:
        """For each image, the probability that it is synthetic."""
        ...


@dataclass(frozen=True)
class Scorers:
    """The models that judge edits; None: what it would judge is not scored."""

    text: TextScorer | None = None
    features: FeatureScorer | None = None
    synthetic: SyntheticScorer | None = None


def check_scorer(config: ScorerConfig) -> None:
    """Check what would surely stop a scorer: before other work is done, and in a moment. Nothing is imported.

    Raises:
        ConfigError: there is no such folder.
        ModelError: the weights are neither here nor can be fetched, or are refused.
    """
    where = resolve_weights(config.weights)
    if Path(where).is_dir():
        check_checkpoint(config.name, Path(where), allow_pickle=False)
    else:
        need_hub(config.name, config.weights, where, config.revision, advice=weights_advice(config.name))


def open_scorers(
    text: str | None = None, features: str | None = None, synthetic: str | None = None, device: str = "auto"
) -> Scorers:
    """Scorers by their names in `configs/scorers/`, or the paths of YAML files; `name@weights` gives other weights.

    Args:
        text, features, synthetic: the models; None: none.
        device: as torch names it; `auto` takes the best one.

    Raises:
        ConfigError: there is no such file, a setting in it is wrong, or it is of another kind.
        ModelError: weights cannot be loaded.
    """
    given = {"text": text, "features": features, "synthetic": synthetic}
    # All files are read before the first model is loaded, which takes a while.
    configs = {kind: load_scorer(name) for kind, name in given.items() if name is not None}
    for kind, config in configs.items():
        if config.kind != kind:
            raise ConfigError(f"{config.name} is a scorer of the kind {config.kind}; the kind {kind} is needed here")
    made = {kind: _open(config, device) for kind, config in configs.items()}
    return Scorers(
        cast("TextScorer | None", made.get("text")),
        cast("FeatureScorer | None", made.get("features")),
        cast("SyntheticScorer | None", made.get("synthetic")),
    )


def _open(config: ScorerConfig, device: str) -> object:
    # torch and transformers are imported with these.
    from finecops.construction.filters.models import FeatureModel, SyntheticModel, TextModel

    classes = {"text": TextModel, "features": FeatureModel, "synthetic": SyntheticModel}
    return classes[config.kind](config, device)
