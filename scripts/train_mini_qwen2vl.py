"""Train mini-qwen2vl from nothing in three stages, then write the checkpoint.

    python scripts/train_mini_qwen2vl.py vision     # the vision tower alone
    python scripts/train_mini_qwen2vl.py language   # needs the vision stage
    python scripts/train_mini_qwen2vl.py options    # lists of options
    python scripts/train_mini_qwen2vl.py export     # writes checkpoints/mini-qwen2vl

Each stage can be killed and started again: it continues from its last state in the folder. `training.jsonl` of the
checkpoint has the speed. On a CPU two processes of one thread each are faster than one of two (`make mini-qwen2vl`):

    torchrun --nproc-per-node 2 scripts/train_mini_qwen2vl.py language --threads 1
"""

from __future__ import annotations

import argparse
import logging
import os
import random
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerFast, Qwen2VLConfig, Qwen2VLForConditionalGeneration, Qwen2VLProcessor

from finecops.mini.training.language import start_language, train_language
from finecops.mini.training.loop import TrainPlan, join_logs
from finecops.mini.training.options import start_options, train_options
from finecops.mini.training.packing import Packer
from finecops.mini.training.qwen2vl import BUDGETS, FIRST_BUDGET, mini_config
from finecops.mini.training.tokenizer import SPECIAL_TOKENS, mini_processor
from finecops.mini.training.vision import train_vision, vision_accuracy
from finecops.mini.world.scenes import sample_scene

VISION_STEPS = (4000, 6000)
"""Twice, each time with a falling learning rate."""


def train_vision_stage(config: Qwen2VLConfig, steps: int | None, folder: Path) -> None:
    """The vision tower with its heads; logs how much it sees in 500 new scenes."""
    lengths = VISION_STEPS if steps is None else (steps,)
    plans = [TrainPlan(steps=n, batch_size=64, learning_rate=1.5e-3, warmup_steps=100) for n in lengths]
    model = train_vision(config, plans, folder / "vision")
    # Small seeds: the training's begin at ten million.
    scenes = [sample_scene(random.Random(seed), str(seed)) for seed in range(500)]
    for tokens in BUDGETS:
        logging.info("%d tokens, 500 new scenes: %s", tokens, vision_accuracy(model, scenes, tokens))


def train_language_stage(
    model: Qwen2VLForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, steps: int | None, folder: Path
) -> None:
    """Language, from the weights of the vision stage."""
    # That of the last plan there.
    last = max((folder / "vision").glob("*/state.pt"), key=lambda path: int(path.parent.name))
    state = torch.load(last, weights_only=True)
    start_language(model, state["model"], Packer(tokenizer, FIRST_BUDGET).coordinate_ids)
    plan = TrainPlan(steps=steps or 6400, batch_size=16, learning_rate=1.5e-3, warmup_steps=200, decay_share=0.4)
    train_language(model, tokenizer, plan, folder / "language")


def train_options_stage(
    model: Qwen2VLForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, steps: int | None, folder: Path
) -> None:
    """Lists of options, from the weights of the language stage."""
    state = torch.load(folder / "language" / "state.pt", weights_only=True)
    model.load_state_dict(state["model"])
    start_options(model)
    plan = TrainPlan(steps=steps or 1000, batch_size=32, learning_rate=1.5e-3, warmup_steps=100, decay_share=0.4)
    train_options(model, tokenizer, plan, folder / "options")


def export(
    model: Qwen2VLForConditionalGeneration, processor: Qwen2VLProcessor, folder: Path, last: str, out: Path
) -> None:
    """Write a stage's weights, the configuration, the processor and the log of all stages as a checkpoint."""
    state = torch.load(folder / last / "state.pt", weights_only=True)
    model.load_state_dict(state["model"])
    # The same answer every time, as for the models of the paper.
    model.generation_config.do_sample = False
    model.save_pretrained(out)
    processor.save_pretrained(out)
    vision = [f"vision/{number}" for number in range(1, 1 + len(list((folder / "vision").glob("*/log.jsonl"))))]
    join_logs(folder, [*vision, "language", *(["options"] if last == "options" else [])], out / "training.jsonl")


def main() -> None:
    """Run one stage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=["vision", "language", "options", "export"])
    parser.add_argument("--folder", type=Path, default=Path("outputs/train/mini-qwen2vl"))
    parser.add_argument("--checkpoint", type=Path, default=Path("checkpoints/mini-qwen2vl"))
    parser.add_argument("--last", choices=["language", "options"], default="options", help="Export: after which stage.")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(args.threads)
    # Set by torchrun.
    if "RANK" in os.environ:
        torch.distributed.init_process_group("gloo")
    torch.manual_seed(0)
    processor = mini_processor()
    tokenizer = processor.tokenizer
    config = mini_config(len(tokenizer), {token: tokenizer.convert_tokens_to_ids(token) for token in SPECIAL_TOKENS})
    if args.stage == "vision":
        train_vision_stage(config, args.steps, args.folder)
        return
    model = Qwen2VLForConditionalGeneration(config)
    if args.stage == "language":
        train_language_stage(model, tokenizer, args.steps, args.folder)
    elif args.stage == "options":
        train_options_stage(model, tokenizer, args.steps, args.folder)
    else:
        export(model, processor, args.folder, args.last, args.checkpoint)


if __name__ == "__main__":
    main()
