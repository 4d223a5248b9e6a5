"""Chromium without a window, steered through pipes: for timing pages, for pictures of them, and for tests.

It speaks the DevTools protocol (https://chromedevtools.github.io/devtools-protocol/), and needs no further package.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TypeAlias

from finecops.errors import ConfigError, RunError

PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
Message: TypeAlias = dict[str, Any]
SECONDS: Final = 60.0
"""How long an answer may take."""
_KEYS: Final = {"Enter": 13, "Escape": 27, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Tab": 9}


def find_chromium() -> str | None:
    """The browser's program; None: there is none here."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


class Chromium:
    """One browser with one page. Use it with `with`.

    Args:
        width, height: of the page, in CSS pixels.
        dark: whether the user prefers dark colours.

    Raises:
        ConfigError: there is no Chromium.
    """

    def __init__(self, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        self.requests: list[str] = []
        """URLs that the page asked for, of every kind; `data:` ones are left out."""
        self.complaints: list[str] = []
        """What the console was told of faults, the security policy's among them."""
        program = find_chromium()
        if program is None:
            raise ConfigError("there is no Chromium here: install it (Debian: apt install chromium)")
        self._profile = tempfile.mkdtemp(prefix="finecops-chromium-")
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()
        options = [
            "--headless=new",
            "--no-sandbox" if hasattr(os, "geteuid") and os.geteuid() == 0 else "--disable-crash-reporter",
            "--disable-gpu",
            "--hide-scrollbars",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--remote-debugging-pipe",
            f"--user-data-dir={self._profile}",
            "about:blank",
        ]
        # The protocol's pipes are the descriptors 3 and 4.
        line = f"exec {shlex.join([program, *options])} 3<&{to_read} 4>&{to_write}"
        self._process = subprocess.Popen(
            ["sh", "-c", line],
            pass_fds=(to_read, to_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(to_read)
        os.close(to_write)
        self._left, self._number, self._session = b"", 0, None
        self._events: list[Message] = []
        target = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.resize(width, height)
        self.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}],
        )

    def __enter__(self) -> Chromium:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the browser, and remove its profile."""
        if self._process.poll() is None:
            # With its children: it was started as the first of a group of its own.
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for descriptor in (self._to, self._from):
            os.close(descriptor)
        shutil.rmtree(self._profile, ignore_errors=True)

    def call(self, method: str, **parameters: Any) -> Message:
        """Call a method of the protocol.

        Raises:
            RunError: the browser refuses, ends, or does not answer in time.
        """
        self._number += 1
        message: Message = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        self._write(json.dumps(message).encode() + b"\0")
        number, ends = self._number, time.monotonic() + SECONDS
        while True:
            found = self._next(ends, method)
            if found.get("id") == number:
                if "error" in found:
                    raise RunError(f"Chromium refuses {method}: {found['error'].get('message')}")
                result: Message = found["result"]
                return result

    def open(self, url: str) -> None:
        """Go to a page and wait until it and what it needs are loaded.

        Raises:
            RunError: it cannot be loaded.
        """
        self._events.clear()
        answer = self.call("Page.navigate", url=url)
        if answer.get("errorText"):
            raise RunError(f"Chromium cannot open {url}: {answer['errorText']}")
        self.wait_for_event("Page.loadEventFired")

    def wait_for_event(self, name: str) -> Message:
        """Wait until the browser tells of an event, and give what it says of it."""
        ends = time.monotonic() + SECONDS
        while True:
            for event in self._events:
                if event["method"] == name:
                    found: Message = event["params"]
                    return found
            self._next(ends, name)

    def evaluate(self, script: str) -> Any:
        """The value of an expression in the page; of a promise, what it becomes.

        Raises:
            RunError: it throws.
        """
        found = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in found:
            details = found["exceptionDetails"]
            said = details.get("exception", {}).get("description") or details.get("text")
            raise RunError(f"the page throws: {said}")
        return found["result"].get("value")

    def wait_until(self, script: str) -> None:
        """Wait until an expression in the page is true.

        Raises:
            RunError: it does not become true in time.
        """
        ends = time.monotonic() + SECONDS
        while not self.evaluate(script):
            if time.monotonic() > ends:
                raise RunError(f"the page does not come to {script}")
            time.sleep(0.02)

    def click(self, selector: str) -> None:
        """Press and release the mouse in the middle of an element, which is scrolled into view.

        Raises:
            RunError: there is no such element.
        """
        named = json.dumps(selector)
        found = self.evaluate(
            f"(() => {{ const e = document.querySelector({named}); if (!e) return null;"
            " e.scrollIntoView({block: 'center', behavior: 'instant'}); const r = e.getBoundingClientRect();"
            " return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        if found is None:
            raise RunError(f"the page has no {selector}")
        x, y = found
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key: str) -> None:
        """Press and release a key: a character, or a name such as `ArrowRight`."""
        named: Message = {"key": key}
        if key in _KEYS:
            named |= {"windowsVirtualKeyCode": _KEYS[key], "code": key}
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else None)
        self.call("Input.dispatchKeyEvent", type="keyDown", **named, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **named)

    def type(self, text: str) -> None:
        """Type a text into what has the focus."""
        self.call("Input.insertText", text=text)

    def resize(self, width: int, height: int) -> None:
        """Give the page another size, in CSS pixels."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def screenshot(self, path: Path, whole: bool = False) -> None:
        """Write a PNG of what is seen, or of the whole page."""
        found = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))

    def _next(self, ends: float, waiting_for: str) -> Message:
        """The next message; events are noted."""
        while b"\0" not in self._left:
            ready, _, _ = select.select([self._from], [], [], max(ends - time.monotonic(), 0))
            if not ready:
                raise RunError(f"Chromium does not answer to {waiting_for} in {SECONDS:g} seconds")
            part = os.read(self._from, 1 << 16)
            if not part:
                raise RunError(f"Chromium ended before it answered to {waiting_for}")
            self._left += part
        line, _, self._left = self._left.partition(b"\0")
        message: Message = json.loads(line)
        if "method" in message:
            self._note(message)
        return message

    def _note(self, event: Message) -> None:
        name, about = event["method"], event["params"]
        self._events.append(event)
        if name == "Network.requestWillBeSent":
            url = about["request"]["url"]
            if not url.startswith("data:"):
                self.requests.append(url)
        elif name == "Runtime.exceptionThrown":
            details = about["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description") or details["text"])
        elif name == "Log.entryAdded" and about["entry"]["level"] == "error":
            self.complaints.append(f"{about['entry']['text']} {about['entry'].get('url', '')}".strip())
        elif name == "Runtime.consoleAPICalled" and about["type"] == "error":
            self.complaints.append(" ".join(str(part.get("value", "")) for part in about["args"]))

    def _write(self, content: bytes) -> None:
        while content:
            content = content[os.write(self._to, content) :]
