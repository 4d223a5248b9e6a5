"""Read tuning data back with the trainer that it was written for, and compare every exchange with our own rows.

It runs in the trainer's environment, not in that of this project (LLaMA-Factory 0.9.5, ms-swift 4.6.0):

    finecops crs tune-data --split val --positives 40 --negatives 10 --out rows.jsonl
    finecops crs tune-data --split val --positives 40 --negatives 10 --out lf-data --trainer llama-factory
    finecops crs tune-data --split val --positives 40 --negatives 10 --out swift.jsonl --trainer ms-swift

    python3 -m venv lf && lf/bin/pip install llamafactory==0.9.5
    lf/bin/python scripts/read_exports.py rows.jsonl llama-factory lf-data

    python3 -m venv sw && sw/bin/pip install ms-swift==4.6.0 torch torchvision qwen_vl_utils
    sw/bin/python scripts/read_exports.py rows.jsonl ms-swift swift.jsonl

ms-swift's template also puts the boxes of `objects.bbox` into the text: the text after that is what is compared.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

Exchange = tuple[str, str]


def llama_factory(folder: Path) -> Iterator[Exchange]:
    """Prompt and answer of each row, by LLaMA-Factory's loader."""
    from llamafactory.data.loader import _load_single_dataset
    from llamafactory.data.parser import get_dataset_list
    from llamafactory.hparams import DataArguments

    data = DataArguments(dataset="finecops_crs", dataset_dir=str(folder))
    # The loader reads only these attributes of its arguments; the real classes would want a model.
    no_hub = SimpleNamespace(cache_dir=None, hf_hub_token=None, ms_hub_token=None, om_hub_token=None)
    no_hub.trust_remote_code = False
    training = SimpleNamespace(local_process_index=0, should_log=False, seed=0)
    for dataset in get_dataset_list(["finecops_crs"], str(folder)):
        for row in _load_single_dataset(dataset, no_hub, data, training):
            yield row["_prompt"][0]["content"].removeprefix("<image>"), row["_response"][0]["content"]


def ms_swift(path: Path, model: Path) -> Iterator[Exchange]:
    """Prompt and answer of each row as ms-swift's Qwen2-VL template writes them, special tokens included."""
    from swift.dataset import load_dataset
    from swift.model import get_processor
    from swift.template import get_template

    processor = get_processor(str(model.resolve()), model_type="qwen2_vl")
    template = get_template(processor, template_type="qwen2_vl")
    template.set_mode("train")
    rows, _ = load_dataset([str(path)])
    for row in rows:
        text = processor.tokenizer.decode(template.encode(dict(row))["input_ids"])
        prompt, _, answer = text.partition("<|vision_end|>")[2].partition("<|im_end|>\n<|im_start|>assistant\n")
        yield prompt, answer.partition("<|im_end|>")[0]


def main() -> None:
    """Compare, and exit with 1 where an exchange differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path, help="Our own rows, of the same plan.")
    parser.add_argument("trainer", choices=["llama-factory", "ms-swift"])
    parser.add_argument("export", type=Path, help="The folder (LLaMA-Factory) or file (ms-swift) that was written.")
    parser.add_argument("--model", type=Path, default=Path("checkpoints/mini-qwen2vl"), help="For its tokenizer.")
    args = parser.parse_args()
    ours = [(row["prompt"], row["answer"]) for row in map(json.loads, args.rows.read_text().splitlines())]
    theirs = list(llama_factory(args.export) if args.trainer == "llama-factory" else ms_swift(args.export, args.model))
    same = sum(a == b for a, b in zip(ours, theirs))
    print(f"{args.trainer}: {len(theirs)} rows read, {same} of {len(ours)} exchanges are ours, letter for letter")
    if same < len(ours) or len(theirs) != len(ours):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
