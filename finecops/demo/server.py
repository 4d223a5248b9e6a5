"""The server of the page: where it listens, what it keeps, and how it ends."""

from __future__ import annotations

import ipaddress
import logging
import os
import shutil
import socket
import tempfile
import threading
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from finecops.demo.asking import Asker
from finecops.demo.gate import Gate
from finecops.demo.page import MAX_UPLOAD, build_page, styles, theme
from finecops.errors import ConfigError, FinecopsError
from finecops.grounding.grounder import Grounder
from finecops.grounding.ready import check_models
from finecops.install import install_line
from finecops.strategies.options import Options

log = logging.getLogger(__name__)

HOST: Final = "127.0.0.1"
_TRIES: Final = 100
"""How many ports are tried after the wanted one."""
_START_S: Final = 60


def require_gradio() -> None:
    """
    Raises:
        ConfigError: the extra is not installed.
    """
    try:
        import gradio  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise ConfigError(f"the page needs Gradio ({error}): {install_line('demo')}") from error


@contextmanager
def serving(grounder: Grounder, options: Options, listening: socket.socket) -> Iterator[str]:
    """The page while it is served, at the address that is given. Models are loaded first; at the end all that was
    uploaded is deleted.

    Args:
        grounder: of all strategies.
        options: as the command was given them.
        listening: from `listen`; it is closed at the end.

    Raises:
        ConfigError: Gradio is not installed.
        FinecopsError: a model cannot be loaded, or the server does not start.
    """
    with listening, quiet_gradio() as folder:
        require_gradio()
        check_models(grounder)
        log.info("loading the models")
        grounder.pipeline.load()
        server = _server(grounder, options, folder, listening)
        # In a thread: in the main one uvicorn would take the signals.
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            _wait_until_started(server, thread)
            yield address_of(listening)
        finally:
            server.should_exit = True
            thread.join(timeout=10)


def _server(grounder: Grounder, options: Options, folder: Path, listening: socket.socket) -> Any:
    import gradio as gr
    import uvicorn
    from fastapi import FastAPI

    # Its own documentation pages load scripts from a network.
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    gr.mount_gradio_app(
        app,
        build_page(grounder, Asker(grounder, options), folder),
        path="/",
        footer_links=[],
        run_history=False,
        max_file_size=MAX_UPLOAD,
        show_error=True,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        enable_monitoring=False,
        theme=theme(),
        css=styles(),
    )
    gate = Gate(app, names_of(listening))
    config = uvicorn.Config(gate, log_config=None, log_level="error", access_log=False, timeout_graceful_shutdown=1)
    return uvicorn.Server(config)


def _wait_until_started(server: Any, thread: threading.Thread) -> None:
    """
    Raises:
        FinecopsError: it does not start.
    """
    end = time.monotonic() + _START_S
    while not server.started:
        if not thread.is_alive() or time.monotonic() > end:
            raise FinecopsError("the page's server does not start; finecops -v demo says more")
        time.sleep(0.02)


@contextmanager
def quiet_gradio() -> Iterator[Path]:
    """A folder for what Gradio keeps, deleted at the end; meanwhile Gradio sends nothing to anybody."""
    folder = Path(tempfile.mkdtemp(prefix="finecops-demo-"))
    meant = {
        "GRADIO_TEMP_DIR": str(folder),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        # Variables of the user's that would change what the page does.
        "GRADIO_VIBE_MODE": "",
        "GRADIO_WATCH_DIRS": "",
        "GRADIO_ROOT_PATH": "",
        "GRADIO_ALLOWED_PATHS": "",
    }
    before = {name: os.environ.get(name) for name in meant}
    os.environ.update(meant)
    try:
        yield folder
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        shutil.rmtree(folder, ignore_errors=True)


def listen(host: str, port: int) -> socket.socket:
    """A socket at a port that is free: the wanted one, or the next free one above it, which is said.

    Raises:
        ConfigError: this machine has no such host, or no port there is free.
    """
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise ConfigError(f"--host {host}: {error.strerror or error}") from error
    problem: OSError | None = None
    for tried in range(port, min(port + _TRIES, 65536)):
        found = socket.socket(family, kind, protocol)
        # A port whose last connection was closed a moment ago is free.
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((place[0], tried))
            found.listen(128)
        except OSError as error:
            found.close()
            problem = problem or error
            continue
        if tried != port and port:
            log.warning("port %d is not free (%s); using %d", port, problem and problem.strerror, tried)
        return found
    raise ConfigError(f"nothing can listen at {host}, port {port} and above: {problem and problem.strerror}")


def address_of(listening: socket.socket) -> str:
    """The address for a browser."""
    host, port = listening.getsockname()[:2]
    # "Everywhere" is no place that a browser can go to.
    host = {"0.0.0.0": HOST, "::": "::1"}.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def is_local(listening: socket.socket) -> bool:
    """Whether only programs of this machine reach it."""
    return ipaddress.ip_address(listening.getsockname()[0]).is_loopback


def names_of(listening: socket.socket) -> list[str]:
    """By which names a browser may ask; none: any, where other machines are let in."""
    return ["localhost", "127.0.0.1", "::1", listening.getsockname()[0]] if is_local(listening) else []


def open_browser(address: str) -> None:
    """Open the page in the user's browser, and say it where there is none."""
    if not webbrowser.open(address):
        log.warning("no browser was found: open %s yourself", address)
