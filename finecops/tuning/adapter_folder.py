"""The folder of a tuned adapter: its settings, whether a tuning can be continued there, its card and its loss curve."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypedDict

from finecops.config.fingerprint import weights_fingerprint
from finecops.config.schema import MllmConfig
from finecops.errors import RunError
from finecops.install import install_line
from finecops.models.adapters import ADAPTER_CARD
from finecops.runs.jsonl import write_json_atomically
from finecops.runs.manifest import first_difference
from finecops.tuning.data import TuneRow
from finecops.tuning.exports import TuneAbout

log = logging.getLogger(__name__)

_SETTINGS_FILE = "tuning.json"
"""The settings of a tuning that is not done. A finished one has them in `ADAPTER_CARD`."""


@dataclass(frozen=True)
class Tuning:
    """How to tune. The defaults are for a 7B model on one GPU."""

    epochs: float = 1.0
    """Passes over the rows."""

    batch_size: int = 16
    """Rows per step, over all processes."""

    per_device: int = 2
    """Rows at a time on each device; the gradients of the rest of a batch are accumulated."""

    learning_rate: float = 1e-4
    """At its highest."""

    warmup_share: float = 0.03
    """Share of the steps in which the learning rate rises."""

    rank: int = 16
    """LoRA's rank."""

    alpha: int = 32
    """LoRA's alpha."""

    dropout: float = 0.0
    """LoRA's dropout."""

    gradient_checkpointing: bool = True
    """Less memory for about a third more time."""

    in_order: bool = False
    """Learn the rows in the order of the file (exercises come first there), not shuffled."""

    save_steps: int = 200
    """Steps between checkpoints."""

    seed: int = 0


class TuningSettings(TypedDict):
    """All that decides what an adapter becomes; the adapter's card."""

    base: str
    """Name or folder of the base model's weights."""

    base_fingerprint: str

    visual_tokens: int | None
    """The budget at which it saw images; None: the base model's own."""

    rows: int
    """Number of rows."""

    rows_sha256: str

    tuning: dict[str, Any]
    """The fields of `Tuning`."""

    data: TuneAbout


def tuning_settings(config: MllmConfig, rows: Sequence[TuneRow], tuning: Tuning, about: TuneAbout) -> TuningSettings:
    """The settings of a tuning; the rows enter by their checksum."""
    digest = hashlib.sha256("\n".join(row.model_dump_json() for row in rows).encode()).hexdigest()
    return {
        "base": config.weights,
        "base_fingerprint": weights_fingerprint(config.weights),
        "visual_tokens": config.visual_tokens,
        "rows": len(rows),
        "rows_sha256": digest,
        "tuning": asdict(tuning),
        "data": about,
    }


def checkpoints_folder(out: Path) -> Path:
    """Where the Trainer keeps its checkpoints until the adapter is done."""
    return out / "checkpoints"


def can_resume(out: Path, settings: TuningSettings) -> bool:
    """Whether there is a checkpoint to continue from.

    Raises:
        RunError: there is a finished adapter, or a checkpoint of a tuning with other settings.
    """
    if (out / ADAPTER_CARD).exists():
        raise RunError(f"{out}/ holds a finished adapter; choose another --out, or delete it to tune again")
    if not any(checkpoints_folder(out).glob("checkpoint-*")):
        return False
    before = json.loads((out / _SETTINGS_FILE).read_text(encoding="utf-8"))
    # Through JSON and back, as the settings in the file: tuples become lists.
    difference = first_difference(before, json.loads(json.dumps(settings)))
    if difference is not None:
        raise RunError(f"{out}/ holds a tuning with other settings: {difference}. Choose another --out")
    log.info("continuing from the last checkpoint in %s/", checkpoints_folder(out))
    return True


def write_settings(out: Path, settings: TuningSettings) -> None:
    """Note the settings before the first step, for `can_resume`."""
    write_json_atomically(out / _SETTINGS_FILE, settings)


def save_adapter(
    model: Any, history: Sequence[Mapping[str, Any]], out: Path, config: MllmConfig, settings: TuningSettings
) -> None:
    """Write an adapter with its card and loss curve, and remove the checkpoints.

    Args:
        model: the peft model.
        history: the Trainer's log; entries with a `loss` have a `step`.
        out: the adapter's folder.
        config: the base model.
        settings: what the adapter was made of.
    """
    model.save_pretrained(out)
    losses = [(int(entry["step"]), float(entry["loss"])) for entry in history if "loss" in entry]
    write_json_atomically(out / "loss.json", losses)
    draw_loss(losses, out / "loss.png")
    (out / "README.md").write_text(_card(config, settings, losses), encoding="utf-8")
    # The card is written after everything else: a folder that has it is complete.
    write_json_atomically(out / ADAPTER_CARD, settings)
    (out / _SETTINGS_FILE).unlink(missing_ok=True)
    shutil.rmtree(checkpoints_folder(out), ignore_errors=True)


def draw_loss(losses: Sequence[tuple[int, float]], path: Path) -> None:
    """Draw the loss curve, if matplotlib is installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        log.info("the loss curve is not drawn: %s", install_line("tune"))
        return
    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([step for step, _ in losses], [loss for _, loss in losses], linewidth=1)
    axes.set(xlabel="step", ylabel="loss", yscale="log")
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


def _card(config: MllmConfig, settings: TuningSettings, losses: Sequence[tuple[int, float]]) -> str:
    """The adapter's README."""
    tuning = settings["tuning"]
    last = f"{losses[-1][1]:.4f}" if losses else "not logged"
    return (
        f"# A LoRA adapter of {config.name} for Candidate Region Selection\n\n"
        f"Base: `{settings['base']}` ({settings['base_fingerprint'][:16]}). Tuned by `finecops crs tune` on "
        f"{settings['rows']} rows ({json.dumps(settings['data'])}); rank {tuning['rank']}, alpha {tuning['alpha']}, "
        f"{tuning['epochs']:g} epochs of batches of {tuning['batch_size']}, learning rate {tuning['learning_rate']:g}. "
        f"Last loss {last}; the curve is `loss.png`.\n\nUse it with `--adapter` and this folder.\n"
    )
