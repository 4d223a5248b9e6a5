"""Parsing an MLLM's reply: boxes in pixels of the image, with a confidence where there are probabilities."""

from __future__ import annotations

from dataclasses import replace

from finecops.config.schema import MllmConfig
from finecops.replies.answer import Answer, Reply
from finecops.replies.box_text import parse_boxes
from finecops.replies.confidence import CONFIDENCES, Confidence, box_confidences
from finecops.replies.formats.florence import target_first


def parse_reply(
    config: MllmConfig, reply: Reply, image_wh: tuple[int, int], confidence: Confidence, target: str | None = None
) -> Answer:
    """The answer that a reply contains. A pure function of its arguments.

    Args:
        config: the model. Its box format alone determines what the numbers mean.
        reply: the reply as the backend returned it.
        image_wh: width and height of the original image.
        confidence: how the probabilities of a box's tokens become its score.
        target: the target phrase, for models that give boxes to every phrase of a text.
    """
    if reply.answer is not None:
        return reply.answer
    answer = parse_boxes(config, reply.text, image_wh)
    # Florence-2 gives boxes to every phrase of the sentence; the target's come first.
    if target is not None and config.box_format == "loc_tokens_xyxy1000":
        answer = answer.chosen(target_first(reply.text, [start for start, _ in answer.spans], target))
    scores = box_confidences(reply, answer.spans, confidence)
    known = tuple(score for score in scores if score is not None)
    # If one box has no score, none gets one: they could not be ranked together.
    if not answer.boxes or len(known) < len(answer.boxes):
        return answer
    return replace(answer, scores=known, score_kind=CONFIDENCES[confidence])
