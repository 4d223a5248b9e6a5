"""Tuning: LoRA on the MLLM's language part through peft and transformers' Trainer (paper, IV-B).

The vision tower stays as it is. One process or several (`accelerate launch -m finecops crs tune …`); bf16 where there
is a GPU; a killed tuning goes on from its last checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset

from finecops.config.fingerprint import weights_fingerprint
from finecops.config.schema import MllmConfig
from finecops.errors import ConfigError, DataError, ModelError, RunError
from finecops.images import read_image
from finecops.models.adapters import ADAPTER_CARD
from finecops.models.embeddings import near_duplicate_counts
from finecops.models.transformers_mllm import TransformersMllm, chat_text
from finecops.runs.jsonl import write_json_atomically
from finecops.runs.manifest import first_difference
from finecops.tuning.data import TuneRow

log = logging.getLogger(__name__)

_TWINS, _FRESH_NORM = 10, 2.0
LANGUAGE_LINEARS = r".*(language_model|model\.layers)\..*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"
"""Linear layers of the language part; the vision tower's have other names or another place."""


@dataclass(frozen=True)
class Tuning:
    """How to tune. Defaults are for a 7B model on one GPU.

    Attributes:
        epochs: passes over the rows.
        batch_size: rows per step over all processes; `per_device` of them at a time, the rest is accumulated.
        rank, alpha, dropout: LoRA's.
        in_order: learn the rows in the file's order (warm-up rows come first there), not shuffled.
    """

    epochs: float = 1.0
    batch_size: int = 16
    per_device: int = 2
    learning_rate: float = 1e-4
    warmup_share: float = 0.03
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    gradient_checkpointing: bool = True
    in_order: bool = False
    save_steps: int = 200
    seed: int = 0


def start_unseen_tokens(model: Any, tokenizer: Any, rows: Sequence[TuneRow], seed: int) -> list[int]:
    """Give the rows' tokens that the model never learnt an embedding of their own; returns their ids, to be tuned.

    Tokens that were in no training text have all but the same embedding: whatever was predicted pushed them away
    together. Letters that cannot be told apart cannot be answered. A large model has hardly any; a small one, whose
    world had no questions with options, has most of the question's wording among them.
    """
    table = model.get_input_embeddings().weight
    used = sorted({i for row in rows[:500] for i in tokenizer(row.prompt + row.answer)["input_ids"]})
    unseen = [i for i, twins in zip(used, near_duplicate_counts(table, used)) if twins >= _TWINS]
    generator = torch.Generator().manual_seed(seed)
    scale = _FRESH_NORM / table.shape[1] ** 0.5
    with torch.no_grad():
        fresh = torch.randn(len(unseen), table.shape[1], generator=generator) * scale
        table[unseen] = fresh.to(table)
    return unseen


class TuneDataset(Dataset[TuneRow]):
    """Rows, read from memory; images are decoded when a batch is made."""

    def __init__(self, rows: Sequence[TuneRow]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> TuneRow:
        return self.rows[index]


class Collator:
    """Rows → the model's inputs with labels on the answer and the end of the turn alone."""

    def __init__(self, processor: Any, root: Path, end: str) -> None:
        self.processor, self.root, self.end = processor, root, end

    def __call__(self, rows: Sequence[TuneRow]) -> dict[str, torch.Tensor]:
        """One batch.

        Raises:
            DataError: an image is missing or unreadable; it names the row.
        """
        texts = [chat_text(self.processor, row.prompt) + row.answer + self.end for row in rows]
        images = [self._image(row) for row in rows]
        inputs = self.processor(images=images, text=texts, padding=True, return_tensors="pt")
        ids = inputs["input_ids"]
        labels = torch.full_like(ids, -100)
        for i, row in enumerate(rows):
            answer = self.processor.tokenizer(row.answer + self.end, add_special_tokens=False)["input_ids"]
            # Padding is on the left: an answer ends its line.
            if ids[i, -len(answer) :].tolist() != answer:
                raise ModelError(f"the tokenizer joins the answer {row.answer!r} with the text before it")
            labels[i, -len(answer) :] = ids[i, -len(answer) :]
        return dict(inputs) | {"labels": labels}

    def _image(self, row: TuneRow) -> Any:
        try:
            return read_image(self.root / row.image)
        except DataError as error:
            raise DataError(f"row {row.id}: {error}") from error


def tune(
    config: MllmConfig,
    rows: Sequence[TuneRow],
    image_root: Path,
    out: Path,
    tuning: Tuning,
    device: str,
    about: dict[str, Any] | None = None,
) -> Path:
    """Tune an adapter and save it with a card and its loss curve; returns its folder.

    Args:
        config: the base model; an adapter it names is not used.
        rows: what to learn.
        image_root: the folder that the rows' images are below.
        out: the adapter's folder; checkpoints are kept in `out/checkpoints` until it is done.
        tuning: how.
        device: "cpu", or a GPU.
        about: what the rows are, for the card.

    Raises:
        ModelError: the model has no layer to tune.
    """
    from transformers import Trainer, set_seed

    if not rows:
        raise DataError("there is nothing to tune on")
    settings = _settings(config, rows, tuning, about or {})
    resume = _resumable(out, settings)
    # The adapter's start is drawn before the Trainer sets its own seed.
    set_seed(tuning.seed)
    place = Processes.here()
    base = TransformersMllm(config.model_copy(update={"adapter": None}), place.device(device))
    model = _with_adapter(base, config.name, rows, tuning)
    trainer = (_in_order_trainer() if tuning.in_order else Trainer)(
        model=model,
        args=_arguments(tuning, len(rows), _checkpoints(out), device, place.world),
        train_dataset=TuneDataset(rows),
        data_collator=Collator(base.processor, image_root, base.processor.tokenizer.eos_token),
    )
    if place.rank == 0:
        write_json_atomically(out / "tuning.json", settings)
    trainer.train(resume_from_checkpoint=resume)
    if place.rank == 0:
        _save(model, trainer.state.log_history, out, config, settings)
    return out


@dataclass(frozen=True)
class Processes:
    """Which of how many processes this is, as `accelerate launch` and `torchrun` tell it."""

    world: int
    rank: int
    local_rank: int

    @classmethod
    def here(cls) -> Processes:
        """This process."""
        world, rank, local = (
            int(os.environ.get(key, d)) for key, d in (("WORLD_SIZE", 1), ("RANK", 0), ("LOCAL_RANK", 0))
        )
        return cls(world, rank, local)

    def device(self, wanted: str) -> str:
        """The device of this process: each has a GPU of its own."""
        return f"cuda:{self.local_rank}" if wanted == "cuda" and self.world > 1 else wanted


def _with_adapter(base: TransformersMllm, name: str, rows: Sequence[TuneRow], tuning: Tuning) -> Any:
    """The model with a new LoRA adapter on its language part."""
    from peft import LoraConfig, get_peft_model

    unseen = start_unseen_tokens(base.model, base.processor.tokenizer, rows, tuning.seed)
    lora = LoraConfig(
        r=tuning.rank,
        lora_alpha=tuning.alpha,
        lora_dropout=tuning.dropout,
        target_modules=LANGUAGE_LINEARS,
        trainable_token_indices={"embed_tokens": unseen} if unseen else None,
    )
    try:
        model = get_peft_model(base.model, lora)
    except ValueError as error:
        raise ModelError(f"{name} has no linear layers by the names that are tuned: {error}") from error
    model.enable_input_require_grads()
    return model


def _arguments(tuning: Tuning, rows: int, checkpoints: Path, device: str, processes: int) -> Any:
    """The Trainer's arguments.

    Raises:
        ConfigError: the batch cannot be made of the processes' parts.
    """
    from transformers import TrainingArguments

    per_step = tuning.per_device * processes
    if tuning.batch_size % per_step:
        raise ConfigError(
            f"a batch of {tuning.batch_size} rows cannot be made of {processes} × {tuning.per_device}; change "
            "--batch-size or --per-device"
        )
    steps = math.ceil(rows / tuning.batch_size * tuning.epochs)
    on_gpu = device.startswith("cuda")
    return TrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=tuning.epochs,
        per_device_train_batch_size=tuning.per_device,
        gradient_accumulation_steps=tuning.batch_size // per_step,
        learning_rate=tuning.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=math.ceil(steps * tuning.warmup_share),
        logging_steps=max(1, min(10, steps // 20)),
        save_steps=tuning.save_steps,
        save_total_limit=1,
        bf16=on_gpu,
        use_cpu=device == "cpu",
        gradient_checkpointing=tuning.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False} if tuning.gradient_checkpointing else None,
        remove_unused_columns=False,
        label_names=["labels"],
        dataloader_num_workers=2 if on_gpu else 0,
        report_to=[],
        seed=tuning.seed,
        data_seed=tuning.seed,
        disable_tqdm=False,
    )


def _in_order_trainer() -> Any:
    """A Trainer that takes the rows as they stand; made late, as transformers' import is heavy."""
    from torch.utils.data import SequentialSampler
    from transformers import Trainer

    class InOrderTrainer(Trainer):  # type: ignore[misc]
        def _get_train_sampler(self, *args: Any, **kwargs: Any) -> SequentialSampler:
            return SequentialSampler(self.train_dataset)

    return InOrderTrainer


def _settings(config: MllmConfig, rows: Sequence[TuneRow], tuning: Tuning, about: dict[str, Any]) -> dict[str, Any]:
    digest = hashlib.sha256("\n".join(row.model_dump_json() for row in rows).encode()).hexdigest()
    return {
        "base": config.weights,
        "base_fingerprint": weights_fingerprint(config.weights),
        "rows": len(rows),
        "rows_sha256": digest,
        "tuning": asdict(tuning),
        "data": about,
    }


def _checkpoints(out: Path) -> Path:
    return out / "checkpoints"


def _resumable(out: Path, settings: dict[str, Any]) -> bool:
    """Whether there is a checkpoint to go on from; refuses one of another tuning."""
    if (out / ADAPTER_CARD).exists():
        raise RunError(f"{out}/ holds a finished adapter; choose another --out, or delete it to tune anew")
    if not any(_checkpoints(out).glob("checkpoint-*")):
        return False
    before = json.loads((out / "tuning.json").read_text(encoding="utf-8"))
    difference = first_difference(before, json.loads(json.dumps(settings)))
    if difference is not None:
        raise RunError(f"{out}/ holds a tuning begun with other settings: {difference}. Choose another --out")
    log.info("going on from the last checkpoint in %s/", _checkpoints(out))
    return True


def _save(model: Any, history: list[dict[str, Any]], out: Path, config: MllmConfig, settings: dict[str, Any]) -> None:
    model.save_pretrained(out)
    losses = [(entry["step"], entry["loss"]) for entry in history if "loss" in entry]
    write_json_atomically(out / "loss.json", losses)
    draw_loss(losses, out / "loss.png")
    (out / "README.md").write_text(_card(config, settings, losses), encoding="utf-8")
    write_json_atomically(out / ADAPTER_CARD, settings)
    (out / "tuning.json").unlink(missing_ok=True)
    shutil.rmtree(_checkpoints(out), ignore_errors=True)


def draw_loss(losses: Sequence[tuple[int, float]], path: Path) -> None:
    """The loss curve as a picture, if matplotlib is there."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        log.info("no picture of the loss: pip install 'finecops[tune]'")
        return
    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([step for step, _ in losses], [loss for _, loss in losses], linewidth=1)
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    axes.set_yscale("log")
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


def _card(config: MllmConfig, settings: dict[str, Any], losses: Sequence[tuple[int, float]]) -> str:
    tuning = settings["tuning"]
    last = f"{losses[-1][1]:.4f}" if losses else "not logged"
    return (
        f"# A LoRA adapter of {config.name} for Candidate Region Selection\n\n"
        f"Base: `{settings['base']}` ({settings['base_fingerprint'][:16]}). Tuned by `finecops crs tune` on "
        f"{settings['rows']} rows ({json.dumps(settings['data'])}); rank {tuning['rank']}, alpha {tuning['alpha']}, "
        f"{tuning['epochs']:g} epochs of batches of {tuning['batch_size']}, learning rate {tuning['learning_rate']:g}. "
        f"Last loss {last}; the curve is `loss.png`.\n\nUse it with `--adapter` and this folder.\n"
    )
