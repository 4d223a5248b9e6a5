"""Train mini-qwen2vl from nothing: first its eyes, then language on top, then write the checkpoint.

    python scripts/train_mini_qwen2vl.py eyes       # the vision tower alone (about 20 minutes on a core)
    python scripts/train_mini_qwen2vl.py language   # needs the eyes (more than an hour on two cores)
    python scripts/train_mini_qwen2vl.py reading    # lists of options (more than an hour on two cores)
    python scripts/train_mini_qwen2vl.py export     # writes checkpoints/mini-qwen2vl

Each can be killed and started again; it goes on from its last checkpoint in the folder. On a CPU two processes
of one thread each are faster than one of two:

    torchrun --nproc-per-node 2 scripts/train_mini_qwen2vl.py language --threads 1
"""

from __future__ import annotations

import argparse
import logging
import os
import random
from pathlib import Path

import torch
from transformers import Qwen2VLForConditionalGeneration

from finecops.mini.training.language import Packer, start_language, train_language
from finecops.mini.training.loop import TrainPlan
from finecops.mini.training.options import start_reading, train_reading
from finecops.mini.training.qwen2vl import mini_config
from finecops.mini.training.tokenizer import SPECIAL_TOKENS, mini_processor
from finecops.mini.training.vision import eyes_accuracy, train_eyes
from finecops.mini.world.scenes import sample_scene


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=["eyes", "language", "reading", "export"])
    parser.add_argument("--folder", type=Path, default=Path("outputs/train/mini-qwen2vl"))
    parser.add_argument("--checkpoint", type=Path, default=Path("checkpoints/mini-qwen2vl"))
    parser.add_argument("--last", choices=["language", "reading"], default="reading", help="Export: after which stage.")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(args.threads)
    if "RANK" in os.environ:
        torch.distributed.init_process_group("gloo")
    torch.manual_seed(0)
    processor = mini_processor()
    tokenizer = processor.tokenizer
    config = mini_config(len(tokenizer), {token: tokenizer.convert_tokens_to_ids(token) for token in SPECIAL_TOKENS})
    if args.stage == "eyes":
        plan = TrainPlan(steps=args.steps or 2800, batch_size=64, learning_rate=1.5e-3, warmup_steps=400)
        eyes = train_eyes(config, plan, args.folder / "eyes")
        scenes = [sample_scene(random.Random(seed), str(seed)) for seed in range(500)]
        logging.info("eyes on 500 new scenes: %s", eyes_accuracy(eyes, scenes))
        return
    model = Qwen2VLForConditionalGeneration(config)
    if args.stage == "language":
        state = torch.load(args.folder / "eyes" / "state.pt", weights_only=True)
        start_language(model, state["model"], Packer(tokenizer).coordinate_ids)
        plan = TrainPlan(steps=args.steps or 4700, batch_size=32, learning_rate=2e-3, warmup_steps=300, decay_share=0.4)
        train_language(model, tokenizer, plan, args.folder / "language")
        return
    if args.stage == "reading":
        state = torch.load(args.folder / "language" / "state.pt", weights_only=True)
        model.load_state_dict(state["model"])
        start_reading(model)
        plan = TrainPlan(steps=args.steps or 2100, batch_size=32, learning_rate=2e-3, warmup_steps=100)
        train_reading(model, tokenizer, plan, args.folder / "reading")
        return
    state = torch.load(args.folder / args.last / "state.pt", weights_only=True)
    model.load_state_dict(state["model"])
    model.generation_config.do_sample = False
    model.save_pretrained(args.checkpoint)
    processor.save_pretrained(args.checkpoint)


if __name__ == "__main__":
    main()
