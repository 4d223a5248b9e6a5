"""`finecops demo`: a page on this machine to try pictures and sentences."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated, NoReturn, TypeAlias

import typer

from finecops.cli import options as o
from finecops.cli import server_options as s
from finecops.cli.ground import Focus
from finecops.cli.thread_option import Threads

_PAGE = "Page"

Port: TypeAlias = Annotated[
    int,
    typer.Option(
        min=0,
        max=65535,
        help="The port; if it is taken, the next free one is used. 0: any free one.",
        rich_help_panel=_PAGE,
    ),
]
Host: TypeAlias = Annotated[
    str,
    typer.Option(
        help="Where to listen. Only with another address than 127.0.0.1 can other machines reach the page.",
        rich_help_panel=_PAGE,
    ),
]
Open: TypeAlias = Annotated[bool, typer.Option("--open", help="Open the page in your browser.", rich_help_panel=_PAGE)]


def demo_command(
    port: Port = 7860,
    host: Host = "127.0.0.1",
    open_: Open = False,
    preset: o.Preset = None,
    extractor: o.Extractor = None,
    article: o.Article = None,
    router: o.Router = None,
    specialist: o.Specialist = None,
    mllm: o.Mllm = None,
    base_url: s.BaseUrl = None,
    api_model: s.ApiModel = None,
    servers: s.Servers = None,
    serve: s.Serve = None,
    adapter: o.Adapter = None,
    visual_tokens: o.VisualTokens = None,
    focus: Focus = None,
    confidence: o.Confidence = "mean_prob",
    score_threshold: o.ScoreThreshold = None,
    router_nms_iou: o.RouterNmsIou = None,
    zero_is: o.ZeroIs = None,
    doubtful: o.Doubtful = "route",
    topk: o.TopK = 5,
    none: o.NoneOption = False,
    order: o.OptionOrder = "rank",
    show: o.Show = "text",
    device: o.Device = None,
    threads: Threads = None,
    trust_remote_code: o.TrustRemoteCode = False,
    allow_pickle: o.AllowPickle = False,
) -> None:
    """Try pictures and sentences in your browser, on a page of this machine.

    The page shows the target phrase, the router's boxes, both pathways' answers, the question of CRS with its letters,
    and the final box with its reason. Models are loaded once, before the page opens. The page sends nothing to any
    network, except to a server that you name. Uploaded pictures are deleted when you stop it with Ctrl-C.
    """
    given = locals()
    from finecops.demo.server import is_local, listen, open_browser, require_gradio, serving
    from finecops.grounding.grounder import Grounder
    from finecops.strategies.options import Options

    options = Options(**{key: given[key] for key in Options.model_fields if given.get(key) is not None})
    grounder = Grounder("all", options, focus_crs=bool(focus))
    require_gradio()
    with _ended_in_a_line():
        listening = listen(host, port)
        if not is_local(listening):
            typer.echo(
                f"--host {host}: everyone who reaches port {listening.getsockname()[1]} of this machine can ask your "
                "models and upload pictures. There is no password.",
                err=True,
            )
        with serving(grounder, options, listening) as address:
            typer.echo(f"The page is at {address}  (Ctrl-C stops it)")
            if open_:
                open_browser(address)
            while True:
                time.sleep(3600)


@contextmanager
def _ended_in_a_line() -> Iterator[None]:
    """Turn Ctrl-C and SIGTERM into one line and their exit codes."""
    code = 128 + signal.SIGINT

    def terminated(number: int, frame: FrameType | None) -> NoReturn:
        nonlocal code
        code = 128 + number
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, terminated)
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("stopped; all uploaded pictures are deleted", err=True)
        raise typer.Exit(code) from None
    finally:
        signal.signal(signal.SIGTERM, before)
