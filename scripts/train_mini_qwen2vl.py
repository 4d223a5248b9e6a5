"""Train mini-qwen2vl from nothing: first its eyes, then language on top, then write the checkpoint.

    python scripts/train_mini_qwen2vl.py eyes       # the vision tower alone
    python scripts/train_mini_qwen2vl.py language   # needs the eyes
    python scripts/train_mini_qwen2vl.py export     # writes checkpoints/mini-qwen2vl

Each can be killed and started again; it goes on from its last checkpoint in the folder.
"""

from __future__ import annotations

import argparse
import logging
import random
from pathlib import Path

import torch

from finecops.mini.eyes import eyes_accuracy, train_eyes
from finecops.mini.qwen2vl import mini_config
from finecops.mini.scenes import sample_scene
from finecops.mini.training import TrainPlan

SPECIALS = ("<|endoftext|>", "<|im_end|>", "<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=["eyes", "language", "export"])
    parser.add_argument("--folder", type=Path, default=Path("outputs/train/mini-qwen2vl"))
    parser.add_argument("--steps", type=int)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(args.threads)
    if args.stage == "eyes":
        plan = TrainPlan(steps=args.steps or 4500, batch_size=64, learning_rate=1.5e-3, warmup_steps=400)
        config = mini_config(1024, {token: i for i, token in enumerate(SPECIALS)})
        model = train_eyes(config, plan, args.folder / "eyes")
        scenes = [sample_scene(random.Random(seed), str(seed)) for seed in range(500)]
        logging.info("eyes on 500 new scenes: %s", eyes_accuracy(model, scenes))


if __name__ == "__main__":
    main()
