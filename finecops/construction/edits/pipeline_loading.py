"""Loading a pipeline of diffusers: complete, and without anything that a checkpoint would run.

No pipeline of its own, no pickles, no other libraries than diffusers and transformers.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Final

from finecops.config.building import EditorConfig
from finecops.config.find import resolve_weights
from finecops.construction.edits.editor import PIPELINE_INDEX, check_editor
from finecops.errors import ConfigError, FinecopsError, ModelError, first_line, panics_as_errors
from finecops.install import install_line
from finecops.models.hub_access import only_downloaded
from finecops.models.readiness import dtype_of
from finecops.names import meant

_LIBRARIES: Final = frozenset({"diffusers", "transformers"})


def check_call(config: EditorConfig) -> None:
    """Check the pipeline's class and the keywords of its call, before anything is loaded.

    Raises:
        ModelError: diffusers is not installed.
        ConfigError: diffusers has no such class, it is no inpainting pipeline, or its call has no such keyword.
    """
    keywords = inspect.signature(pipeline_class(config).__call__).parameters
    if not {"prompt", "image", "mask_image", "generator", "width", "height"} <= keywords.keys():
        raise ConfigError(f"{config.name}: {config.pipeline} is no inpainting pipeline: it takes no image with a mask")
    for key in config.call:
        if key not in keywords:
            hint = meant(key, keywords)
            raise ConfigError(
                f"{config.name}: call: {config.pipeline} has no keyword {key}" + (f"; {hint}" if hint else "")
            )


def pipeline_class(config: EditorConfig) -> Any:
    """The class of a pipeline.

    Raises:
        ModelError: diffusers is not installed, or cannot import the class.
        ConfigError: diffusers has no such pipeline.
    """
    try:
        import diffusers
    except ImportError as error:
        raise ModelError(f"editor {config.name} needs diffusers: {install_line('edit')}") from error
    # Its warnings are about its own code and that of the checkpoints; a user cannot act on them.
    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
    try:
        # diffusers imports a class when it is asked for.
        found = getattr(diffusers, config.pipeline, None)
    except (ImportError, RuntimeError) as error:
        raise ModelError(f"{config.name}: {config.pipeline} cannot be imported: {first_line(error)}") from error
    if found is None:
        raise ConfigError(
            f"{config.name}: diffusers {diffusers.__version__} has no pipeline {config.pipeline[:80]!r}; a newer one "
            f"may: {install_line('edit')}"
        )
    if not (isinstance(found, type) and issubclass(found, diffusers.DiffusionPipeline)):
        raise ConfigError(f"{config.name}: diffusers.{config.pipeline} is no pipeline")
    return found


def load_pipeline(config: EditorConfig) -> Any:
    """The pipeline of a configuration, with every weight from its files.

    Raises:
        ConfigError: there is no such folder, or no such number type.
        ModelError: it is not complete, is refused, or is neither downloaded nor can be.
    """
    check_editor(config)
    where = resolve_weights(config.weights)
    options: dict[str, object] = {"revision": config.revision}
    if only_downloaded(where, config.revision, PIPELINE_INDEX):
        options["local_files_only"] = True
    found = pipeline_class(config)
    dtype = {} if config.dtype == "auto" else {"dtype": dtype_of(config)}
    try:
        with panics_as_errors():
            index = found.load_config(where, **options)
            _check_index(config, index)
            parts = _transformers_parts(config, index, where, options | dtype)
            pipeline = found.from_pretrained(
                where, use_safetensors=True, trust_remote_code=False, **options, **dtype, **parts
            )
    except FinecopsError:
        raise
    # As for the checkpoints of transformers: some twenty kinds of errors, down to a bare `Exception`.
    except Exception as error:
        raise ModelError(f"{config.name}: cannot load {config.weights}: {first_line(error)[:500]}") from error
    _check_complete(config, pipeline)
    return pipeline


def _check_index(config: EditorConfig, index: Mapping[str, object]) -> None:
    """Refuse a checkpoint whose parts are classes of other libraries: diffusers imports whatever stands there."""
    import diffusers

    own = set(dir(diffusers.pipelines))
    for part, library, _ in _parts(index):
        if library not in _LIBRARIES and library not in own:
            raise ModelError(
                f"{config.name}: {config.weights}/{PIPELINE_INDEX} takes its {part} from {library[:80]!r}, which is "
                "neither diffusers nor transformers: it is refused"
            )


def _parts(index: Mapping[str, object]) -> list[tuple[str, str, str]]:
    """Name, library and class of each part."""
    pairs = [(part, value) for part, value in index.items() if not part.startswith("_") and isinstance(value, list)]
    return [(part, str(value[0]), str(value[1])) for part, value in pairs if len(value) == 2 and value[0] is not None]


def _transformers_parts(
    config: EditorConfig, index: Mapping[str, object], where: str, options: Mapping[str, object]
) -> dict[str, object]:
    """The text encoders. Loaded by diffusers, one with missing weights would get random ones, in silence."""
    import transformers

    found = {}
    for part, library, name in _parts(index):
        part_class: Any = getattr(transformers, name, None) if library == "transformers" else None
        # Tokenizers and processors have no weights.
        if transformers.PreTrainedModel not in getattr(part_class, "__mro__", ()):
            continue
        model, loading = part_class.from_pretrained(
            where,
            subfolder=part,
            use_safetensors=True,
            weights_only=True,
            trust_remote_code=False,
            output_loading_info=True,
            **options,
        )
        _refuse_missing(config, part, loading["missing_keys"])
        found[part] = model
    return found


def _check_complete(config: EditorConfig, pipeline: Any) -> None:
    """A part of diffusers with missing weights has parameters without numbers."""
    for part, module in pipeline.components.items():
        if hasattr(module, "named_parameters"):
            _refuse_missing(config, part, (name for name, value in module.named_parameters() if value.is_meta))


def _refuse_missing(config: EditorConfig, part: str, names: Any) -> None:
    missing = sorted(names)
    if missing:
        raise ModelError(
            f"{config.name}: the {part} of {config.weights} lacks {len(missing)} of its weights "
            f"({', '.join(missing[:3])}): it is broken, or belongs to another kind of pipeline"
        )
