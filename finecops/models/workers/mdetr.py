"""A worker for MDETR: `mdetr.py [HUB_ENTRY]`, by default mdetr_resnet101_refcocog.

Its environment: the one of github.com/ashkamath/mdetr (torch 1.7 to 1.13, transformers 4.5, timm 0.4). torch.hub
fetches code and weights from there: read the code first.
Run here: the protocol, in tests with a stand-in for the model. Not run here: the model itself.

Scores: without focus, 1 - p(no object). With focus, the largest probability of the target's tokens, as in MDETR's
post-processing for phrases of Flickr30k. A text is used unchanged, without a period at the end.
"""

import sys

import torch
from loop import serve
from PIL import Image
from torchvision import transforms

ENTRY = sys.argv[1] if len(sys.argv) > 1 else "mdetr_resnet101_refcocog"
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"

model = torch.hub.load("ashkamath/mdetr:main", ENTRY, pretrained=True).to(DEVICE).eval()
prepare = transforms.Compose(
    [
        transforms.Resize(800),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]
)


def token_indices(tokenized, span) -> list:
    """Indices of the tokens that overlap a span of characters."""
    indices = {tokenized.char_to_token(0, position) for position in range(span[0], span[1])}
    # A blank belongs to no token.
    return sorted(index for index in indices if index is not None)


@torch.no_grad()
def detect(pixels, image_wh, query) -> dict:
    """Boxes and scores of one query."""
    cache = model(pixels, [query["text"]], encode_and_save=True)
    output = model(pixels, [query["text"]], encode_and_save=False, memory_cache=cache)
    # [boxes, 256]: a distribution over the text's tokens. The last column means "no object".
    probabilities = output["pred_logits"].softmax(-1)[0].cpu()
    scores = 1 - probabilities[:, -1]
    if query.get("span"):
        indices = token_indices(cache["tokenized"], query["span"])
        if indices:
            scores = probabilities[:, indices].max(-1).values
    cx, cy, w, h = output["pred_boxes"][0].cpu().unbind(-1)
    corners = torch.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], dim=-1)
    boxes = corners * torch.tensor([*image_wh, *image_wh], dtype=corners.dtype)
    return {"boxes": boxes.tolist(), "scores": scores.tolist()}


def answer(task, image_path, queries) -> list:
    """See loop.py."""
    if task != "detect":
        raise ValueError("MDETR is a detector: use it as a specialist")
    image = Image.open(image_path).convert("RGB")
    pixels = prepare(image).unsqueeze(0).to(DEVICE)
    return [detect(pixels, image.size, query) for query in queries]


if __name__ == "__main__":
    serve(answer)
