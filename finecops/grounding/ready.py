"""Whether the models of a `Grounder` can be asked, and about which pictures: looked up before the first question."""

from __future__ import annotations

from finecops.config.schema import AnyModelConfig
from finecops.errors import FinecopsError, ModelError
from finecops.grounding.grounder import Grounder
from finecops.models.backends import check_model_config
from finecops.models.readiness import AUTO
from finecops.strategies.running import REAL_MODELS, warn_of_domains, warnings_of_domains


def check_models(grounder: Grounder, instead: str = REAL_MODELS) -> None:
    """Say which models do not know photographs, and refuse those that cannot be loaded.

    Args:
        grounder: the models.
        instead: options that name models for photographs.

    Raises:
        ModelError: something that a model needs is missing; all that is missing is said.
    """
    warn_of_domains([config for parts in grounder.parts for config in parts.models], None, instead)
    seen: list[AnyModelConfig] = []
    faults: list[str] = []
    for spec in grounder.pipeline.specs:
        for value in dict(spec.settings).values():
            if isinstance(value, AnyModelConfig) and value not in seen:
                seen.append(value)
                try:
                    check_model_config(value, spec.resources.device or AUTO)
                except FinecopsError as error:
                    faults.append(str(error))
    if faults:
        raise ModelError("\n".join(faults))


def remarks_on_models(grounder: Grounder) -> list[str]:
    """Which models do not know photographs, in sentences."""
    return warnings_of_domains([config for parts in grounder.parts for config in parts.models], None)
