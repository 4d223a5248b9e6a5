"""What would surely stop a build in a later stage, found before the first one: no server, no extra, no weights."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from finecops.config.building import BuildingModel, weights_advice
from finecops.config.find import load_dataset, load_editor, resolve_weights
from finecops.construction.chain import card
from finecops.construction.chain.context import Context
from finecops.construction.chain.dataset_yaml import FILE
from finecops.construction.chain.hub import check_hub_folder
from finecops.construction.chain.settings import EXPORT, RULES
from finecops.construction.chain.steps.scores import scorer_configs
from finecops.construction.chain.wording import writer_config
from finecops.errors import DataError, UsageError


def check_ready(context: Context, stages: Collection[str]) -> None:
    """Look at what the stages that will be made need.

    Args:
        context: the build.
        stages: those that are made and not there yet.

    Raises:
        FinecopsError: something is missing; it says what to do.
    """
    asked, device = context.settings, context.settings.device or "auto"
    _check_files(context)
    if {"rewrites", "negatives"} & {*stages} and asked.rewriter not in (None, RULES):
        from finecops.models.readiness import check_server, check_text_model

        config = writer_config(context)
        (check_server if config.backend == "openai" else check_text_model)(config, device)
    if "edits" in stages and asked.editor is not None:
        from finecops.construction.edits.pipeline_loading import check_call

        editor = load_editor(asked.editor)
        check_call(editor)
        _check_weights(editor, device, "model_index.json")
    if "scores" in stages:
        for scorer in scorer_configs(asked.image_scorers).values():
            _check_weights(scorer, device, "config.json")
    if asked.hub is not None and EXPORT in stages:
        _check_hub(context)


def _check_files(context: Context) -> None:
    asked = context.settings
    for path in (asked.scene_graphs, *asked.scenes, *asked.votes, *asked.key):
        if not path.is_file():
            more = "; GQA's download page has sceneGraphs.zip" if path == asked.scene_graphs else ""
            raise DataError(f"no such file: {path}{more}")
    if context.photos is not None:
        context.photos.check()
    if card.parts_of(asked.out / card.FILE) is None:
        raise DataError(f"{asked.out / card.FILE} is no card of `finecops data build`; choose another --out")


def _check_weights(config: BuildingModel, device: str, file: str) -> None:
    from finecops.models.hub_access import need_hub
    from finecops.models.readiness import check_device

    where = resolve_weights(config.weights)
    if not Path(where).is_dir():
        need_hub(config.name, config.weights, where, config.revision, file, weights_advice(config.name))
    check_device(device)


def _check_hub(context: Context) -> None:
    asked = context.settings
    yaml = asked.out / FILE
    if asked.licence is None and (not yaml.is_file() or load_dataset(str(yaml)).licence is None):
        raise UsageError("--hub needs --licence NAME (cc-by-4.0, …) for the card")
    if asked.images is None:
        raise UsageError("--hub writes the images too: --images says where they are")
    if asked.hub is not None:
        check_hub_folder(asked.hub)
