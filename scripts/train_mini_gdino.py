"""Train mini-gdino from nothing and write its checkpoint.

python scripts/train_mini_gdino.py train    # can be killed and started again
python scripts/train_mini_gdino.py export   # writes checkpoints/mini-gdino
"""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path

import torch

from finecops.mini.training.loop import TrainPlan, join_logs
from finecops.mini.training.specialist import mini_model, mini_processor
from finecops.mini.training.specialist_training import load_specialist, train_specialist


def main() -> None:
    """Train, or write the checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=["train", "export"])
    parser.add_argument("--folder", type=Path, default=Path("outputs/train/mini-gdino"))
    parser.add_argument("--checkpoint", type=Path, default=Path("checkpoints/mini-gdino"))
    parser.add_argument("--steps", type=int, default=6400)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(args.threads)
    # Set by torchrun.
    if "RANK" in os.environ:
        torch.distributed.init_process_group("gloo")
    torch.manual_seed(0)
    model, processor = mini_model(), mini_processor()
    if args.stage == "train":
        plan = TrainPlan(steps=args.steps, batch_size=16, learning_rate=5e-4, warmup_steps=100, decay_share=0.5)
        train_specialist(model, processor, plan, args.folder)
        return
    load_specialist(model, args.folder / "state.pt")
    model.save_pretrained(args.checkpoint)
    processor.save_pretrained(args.checkpoint)
    join_logs(args.folder, ["."], args.checkpoint / "training.jsonl")


if __name__ == "__main__":
    main()
