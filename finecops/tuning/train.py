"""Tuning: LoRA on the MLLM's language part through peft and the Trainer of transformers (paper, IV-B).

The vision tower stays as it is. One process or several (`accelerate launch -m finecops crs tune …`); bf16 on a GPU; a
killed tuning continues from its last checkpoint.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finecops.config.schema import MllmConfig
from finecops.errors import ConfigError, DataError, ModelError
from finecops.models.transformers_mllm import TransformersMllm
from finecops.tuning.adapter_folder import (
    Tuning,
    can_resume,
    checkpoints_folder,
    save_adapter,
    tuning_settings,
    write_settings,
)
from finecops.tuning.collate import Collator, TuneDataset
from finecops.tuning.data import TuneRow
from finecops.tuning.exports import TuneAbout
from finecops.tuning.unseen_tokens import start_unseen_tokens

__all__ = ["Processes", "Tuning", "tune"]

LANGUAGE_LINEARS = r".*(language_model|model\.layers)\..*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"
"""Linear layers of the language part. Those of the vision tower have other names, or are under another module."""


def tune(
    config: MllmConfig,
    rows: Sequence[TuneRow],
    image_root: Path,
    out: Path,
    tuning: Tuning,
    device: str,
    about: TuneAbout | None = None,
) -> Path:
    """Tune an adapter and save it with a card and its loss curve; returns its folder.

    Args:
        config: the base model; an adapter that it names is not used.
        rows: what to learn.
        image_root: the folder that the rows' images are below.
        out: the adapter's folder; checkpoints are kept in `out/checkpoints` until it is done.
        tuning: how to tune.
        device: "cpu", or a GPU.
        about: what the rows are made of, for the card.

    Raises:
        DataError: there are no rows, or an image cannot be read.
        ConfigError: the batch size does not fit the processes.
        ModelError: the model has no layer to tune.
        RunError: `out` holds a finished adapter, or a tuning with other settings.
    """
    from transformers import Trainer, set_seed

    if not rows:
        raise DataError("there is nothing to tune on")
    settings = tuning_settings(config=config, rows=rows, tuning=tuning, about=about or {})
    resume = can_resume(out, settings)
    # Before the adapter is made: the Trainer sets its seed too late for the adapter's random start.
    set_seed(tuning.seed)
    processes = Processes.current()
    base = TransformersMllm(config.model_copy(update={"adapter": None}), processes.device(device))
    model = _with_adapter(base=base, name=config.name, rows=rows, tuning=tuning)
    arguments = _arguments(
        tuning=tuning, rows=len(rows), checkpoints=checkpoints_folder(out), device=device, processes=processes.world
    )
    trainer = (_in_order_trainer() if tuning.in_order else Trainer)(
        model=model,
        args=arguments,
        train_dataset=TuneDataset(rows),
        data_collator=Collator(base.processor, image_root, end=base.processor.tokenizer.eos_token),
    )
    # All processes hold the same adapter: the first one writes.
    if processes.rank == 0:
        write_settings(out, settings)
    trainer.train(resume_from_checkpoint=resume)
    if processes.rank == 0:
        save_adapter(model=model, history=trainer.state.log_history, out=out, config=config, settings=settings)
    return out


@dataclass(frozen=True)
class Processes:
    """Which process this is, and of how many, by the environment of `accelerate launch` and `torchrun`."""

    world: int
    """Number of processes."""

    rank: int
    """Number of this process, over all machines."""

    local_rank: int
    """Number of this process on its machine."""

    @classmethod
    def current(cls) -> Processes:
        """This process; alone where nothing says otherwise."""
        world, rank, local = (
            int(os.environ.get(key, default)) for key, default in (("WORLD_SIZE", 1), ("RANK", 0), ("LOCAL_RANK", 0))
        )
        return cls(world=world, rank=rank, local_rank=local)

    def device(self, wanted: str) -> str:
        """The device of this process: each has a GPU of its own."""
        return f"cuda:{self.local_rank}" if wanted == "cuda" and self.world > 1 else wanted


def _with_adapter(base: TransformersMllm, name: str, rows: Sequence[TuneRow], tuning: Tuning) -> Any:
    """The model with a new LoRA adapter on its language part."""
    from peft import LoraConfig, get_peft_model

    unseen = start_unseen_tokens(model=base.model, tokenizer=base.processor.tokenizer, rows=rows, seed=tuning.seed)
    lora = LoraConfig(
        r=tuning.rank,
        lora_alpha=tuning.alpha,
        lora_dropout=tuning.dropout,
        target_modules=LANGUAGE_LINEARS,
        # The new embeddings belong to the adapter: without them its letters would be those of the base model.
        trainable_token_indices={"embed_tokens": unseen} if unseen else None,
    )
    # transformers calls this with gradient checkpointing, for the kind that re-enters. Ours needs no gradients of its
    # inputs, and with them all would go back through the frozen vision tower.
    base.model.enable_input_require_grads = _nothing
    try:
        model = get_peft_model(base.model, lora)
    except ValueError as error:
        raise ModelError(f"{name} has no linear layers by the names that are tuned: {error}") from error
    return model


def _nothing() -> None:
    """Stands for a method that is not to do anything."""


def _arguments(tuning: Tuning, rows: int, checkpoints: Path, device: str, processes: int) -> Any:
    """The Trainer's arguments.

    Raises:
        ConfigError: the batch is no multiple of what the processes take at a time.
    """
    from transformers import TrainingArguments

    per_step = tuning.per_device * processes
    if tuning.batch_size % per_step:
        raise ConfigError(
            f"a batch of {tuning.batch_size} rows is no multiple of {processes} × {tuning.per_device}; change "
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
        # About twenty points of the loss curve in a short tuning, one in ten steps in a long one.
        logging_steps=max(1, min(10, steps // 20)),
        save_steps=tuning.save_steps,
        save_total_limit=1,
        bf16=on_gpu,
        use_cpu=device == "cpu",
        gradient_checkpointing=tuning.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False} if tuning.gradient_checkpointing else None,
        # The rows are records: the Trainer would remove every field that is no argument of the model.
        remove_unused_columns=False,
        label_names=["labels"],
        dataloader_num_workers=2 if on_gpu else 0,
        report_to=[],
        seed=tuning.seed,
        data_seed=tuning.seed,
        disable_tqdm=False,
    )


def _in_order_trainer() -> Any:
    """A Trainer that takes the rows in their order; made in a function, since importing transformers is slow."""
    from torch.utils.data import SequentialSampler
    from transformers import Trainer

    class InOrderTrainer(Trainer):  # type: ignore[misc]
        def _get_train_sampler(self, *args: Any, **kwargs: Any) -> SequentialSampler:
            return SequentialSampler(self.train_dataset)

    return InOrderTrainer
