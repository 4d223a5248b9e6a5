"""A worker for CogVLM: `cogvlm.py [WEIGHTS]`, by default the grounding generalist of the paper.

Its environment: Python 3.10, torch 2.1 or newer, transformers 4.41 (not 4.42 or newer: they removed functions that the
model's code calls), accelerate, einops, sentencepiece, xformers, pillow. It runs code from the Hub: read that code
first. Run here: the protocol, in tests with a stand-in for the model. Not run here: the model itself.
"""

import sys

import torch
from loop import serve
from PIL import Image
from transformers import AutoModelForCausalLM, LlamaTokenizer

WEIGHTS = sys.argv[1] if len(sys.argv) > 1 else "THUDM/cogvlm-grounding-generalist-hf"
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
DTYPE = torch.bfloat16 if DEVICE == "cuda" else torch.float32

tokenizer = LlamaTokenizer.from_pretrained("lmsys/vicuna-7b-v1.5")
model = AutoModelForCausalLM.from_pretrained(WEIGHTS, torch_dtype=DTYPE, low_cpu_mem_usage=True, trust_remote_code=True)
model = model.to(DEVICE).eval()


def model_inputs(image, prompt) -> dict:
    """The inputs, by the model's own function. The grounding model needs the template "base"."""
    made = model.build_conversation_input_ids(
        tokenizer, query=prompt, history=[], images=[image], template_version="base"
    )
    inputs = {key: made[key].unsqueeze(0).to(DEVICE) for key in ("input_ids", "token_type_ids", "attention_mask")}
    # A list per sample with a list of its images.
    return {**inputs, "images": [[made["images"][0].to(DEVICE).to(DTYPE)]]}


def generated(image, prompt) -> dict:
    """The greedy answer with the probability of each token."""
    inputs = model_inputs(image, prompt)
    with torch.no_grad():
        output = model.generate(
            **inputs, max_new_tokens=128, do_sample=False, output_scores=True, return_dict_in_generate=True
        )
    # The sequence has the prompt first.
    tokens = output.sequences[0, inputs["input_ids"].shape[1] :].tolist()
    # output.scores has one [batch, vocabulary] per generated token.
    probabilities = [float(score[0].float().softmax(-1)[token]) for score, token in zip(output.scores, tokens)]
    kept = [(token, chance) for token, chance in zip(tokens, probabilities) if token != tokenizer.eos_token_id]
    # Text of each token: what it adds to the decoded prefix. SentencePiece drops blanks of tokens that are decoded
    # alone.
    ends = [tokenizer.decode([token for token, _ in kept[: i + 1]]) for i in range(len(kept))]
    pieces = [end[len(before) :] for before, end in zip(["", *ends], ends)]
    return {"text": "".join(pieces), "tokens": pieces, "probabilities": [chance for _, chance in kept]}


def answer(task, image_path, queries) -> list:
    """See loop.py. CogVLM writes [[x0,y0,x1,y1]] in thousandths; finecops parses the text."""
    if task == "detect":
        raise ValueError("CogVLM is not a detector: use it as an MLLM")
    image = Image.open(image_path).convert("RGB")
    return [generated(image, query["prompt"]) for query in queries]


if __name__ == "__main__":
    serve(answer)
