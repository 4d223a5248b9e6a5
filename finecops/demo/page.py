"""The page itself, in Gradio: inputs, examples and the place of the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Final

from finecops.config.find import load_dataset
from finecops.datasets.choose import choose_samples
from finecops.datasets.dataset import load_dataset_split
from finecops.demo.asking import intro, notice
from finecops.errors import FinecopsError
from finecops.grounding.grounder import Grounder
from finecops.grounding.ready import remarks_on_models

MAX_UPLOAD: Final = "50mb"
"""Larger files are refused."""
EXAMPLES: Final = 4
MOST_CHARACTERS: Final = 1000
"""Of a sentence."""
_MINI: Final = "finecops-mini"
_FONTS: Final = ("system-ui", "sans-serif")
_WELCOME: Final = "Drop a picture, type a sentence, and press Find."


def build_page(grounder: Grounder, ask: Callable[[str | None, str | None], str], folder: Path) -> Any:
    """The Gradio page.

    Args:
        grounder: whose models are named at its head.
        ask: from an uploaded file and a sentence to markup (`finecops.demo.asking.Asker`).
        folder: where uploaded files are.
    """
    import gradio as gr

    with gr.Blocks(title="finecops demo", analytics_enabled=False) as page:
        gr.HTML(intro(models_of(grounder), remarks_on_models(grounder), folder))
        with gr.Row():
            with gr.Column(scale=1, min_width=280):
                picture = _picture_input()
                sentence = gr.Textbox(
                    label="Sentence", placeholder="the red car on the left", max_length=MOST_CHARACTERS
                )
                find = gr.Button("Find", variant="primary")
                examples = examples_for(grounder)
                if examples:
                    gr.Examples(
                        [list(example) for example in examples],
                        inputs=[picture, sentence],
                        label="Examples",
                        examples_per_page=EXAMPLES,
                    )
            with gr.Column(scale=2, min_width=280):
                answer = gr.HTML(notice(_WELCOME), elem_id="fd-result", apply_default_css=False)
        # One at a time: the models are there once.
        gr.on(
            [find.click, sentence.submit],
            ask,
            inputs=[picture, sentence],
            outputs=answer,
            concurrency_limit=1,
            scroll_to_output=True,
            api_visibility="private",
        )
    page.queue(default_concurrency_limit=1, max_size=32)
    return page


def styles() -> str:
    """The style sheet of the page."""
    return (resources.files("finecops.demo") / "templates" / "page.css").read_text(encoding="utf-8")


def theme() -> Any:
    """Colours and fonts of the page; the fonts are the reader's own."""
    import gradio as gr

    return gr.themes.Default(primary_hue="blue", font=list(_FONTS), font_mono=["ui-monospace", "monospace"])


def models_of(grounder: Grounder) -> list[str]:
    """Role and name of the models, each once."""
    roles = {"router": "router", "specialist": "specialist", "mllm": "MLLM", "selector": "CRS"}
    found: dict[str, str] = {}
    for parts in grounder.parts:
        for attribute, role in roles.items():
            # What no strategy asked for was not looked up.
            config = parts.__dict__.get(attribute)
            if config is not None:
                found.setdefault(role, config.name)
    return [f"{role}: {name}" for role, name in found.items()]


def examples_for(grounder: Grounder) -> Sequence[tuple[str, str]]:
    """Pictures and sentences that the models know: of finecops-mini for the models of its world, else none."""
    domains = {config.domain for parts in grounder.parts for config in parts.models}
    try:
        config = load_dataset(_MINI)
        if domains != {config.domain}:
            return []
        dataset = load_dataset_split(config)
        # Of a negative and its positive, which share picture or expression, one.
        chosen = {sample.image: sample for sample in reversed(choose_samples(dataset.samples, 3 * EXAMPLES))}
        chosen = {sample.expression: sample for sample in chosen.values()}
        samples = sorted(chosen.values(), key=lambda sample: len(sample.expression))[:EXAMPLES]
        return [(str(dataset.image_path(sample)), sample.expression) for sample in samples]
    except FinecopsError:
        # Installed without the benchmark: the page works without examples.
        return []


def _picture_input() -> Any:
    """The place for a picture: an uploaded file is handed on as it is, and finecops reads it with its own limits.

    Not a subclass: Gradio writes a file beside the module of each subclass of its components.
    """
    import gradio as gr

    found = gr.Image(
        type="filepath", sources=["upload", "clipboard"], label="Picture", height=320, buttons=[], elem_id="fd-picture"
    )
    move, move_later = found.move_resource_to_block_cache, found.async_move_resource_to_block_cache

    def moved(place: Any) -> Any:
        _refuse_addresses(place)
        return move(place)

    async def moved_later(place: Any) -> Any:
        _refuse_addresses(place)
        return await move_later(place)

    found.preprocess = lambda payload: None if payload is None else payload.path
    found.move_resource_to_block_cache = moved
    found.async_move_resource_to_block_cache = moved_later
    return found


def _refuse_addresses(place: object) -> None:
    """
    Raises:
        ValueError: it is an address: this program asks no network.
    """
    if "://" in str(place):
        raise ValueError("a picture is uploaded, and not fetched from an address")
