"""A browser window of one person, and how a workbench is served to it."""

from __future__ import annotations

import io
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scene
import uvicorn
from PIL import Image

CHROMIUM = Path("/usr/bin/chromium")
SHOTS = Path(__file__).parents[2] / "docs" / "screenshots"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
]
MARKS = [
    pytest.mark.peer,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed"),
    # Playwright's loop and Chromium's pipes are closed by its own garbage collection.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
WAIT_MS = 240_000


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve an application on a free port and yield its address."""
    bound = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    while not server.started:
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        bound.close()


class Desk:
    """One browser window of one person; collects what the browser complains about."""

    def __init__(
        self, browser: Any, base: str, language: str = "en", size: str = "desktop"
    ) -> None:
        width, height = SIZES[size]
        self.base, self.language, self.size = base, language, size
        self.context = browser.new_context(viewport={"width": width, "height": height})
        self.context.add_cookies([{"name": "suwen_language", "value": language, "url": base}])
        self.page = self.context.new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.complaints: list[str] = []
        self.clicks = 0
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._console)

    def _console(self, said: Any) -> None:
        if said.type == "error":
            self.complaints.append(said.text)

    def sign_in(self, name: str = scene.CLINICIAN.id, password: str = scene.PASSWORD) -> None:
        self.page.goto(f"{self.base}/sign-in")
        self.page.fill("#name", name)
        self.page.fill("#password", password)
        self.page.click("main button.primary")
        self.page.wait_for_selector("header .who")

    def click(self, selector: str) -> None:
        """Click as a person does, and count it."""
        self.clicks += 1
        self.page.click(selector)

    def open_case(self) -> None:
        self.click(".worklist td.patient a >> nth=0")
        self.page.wait_for_selector("[data-viewer][data-state=ready]")

    def overlays(self, count: int) -> None:
        """Wait until `count` overlays are drawn."""
        self.page.wait_for_selector(f"[data-viewer][data-overlays='{count}']")

    def pixels(self) -> np.ndarray:
        """Return what is really drawn in the image area, (rows, columns, RGB)."""
        self.page.wait_for_timeout(400)
        shot = self.page.locator(".stage canvas").screenshot()
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)

    def scrolls_sideways(self) -> int:
        """Return by how many pixels the page is wider than the window."""
        wide: int = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        return max(0, wide)

    def picture(self, name: str) -> None:
        """Keep a picture of the page where `SUWEN_SCREENSHOTS` names a folder."""
        if folder := os.environ.get("SUWEN_SCREENSHOTS"):
            place = SHOTS if folder == "1" else Path(folder)
            path = place / f"{name}-{self.language}-{self.size}.png"
            self.page.screenshot(path=path, full_page=True)

    def close(self) -> None:
        self.context.close()


def green(pixels: np.ndarray) -> np.ndarray:
    """Return which pixels are coloured by the mask: grey CT has equal channels."""
    found: np.ndarray = (pixels[..., 1] - pixels[..., 0] > 40) & (
        pixels[..., 1] > pixels[..., 2] + 20
    )
    return found


def hot(pixels: np.ndarray) -> np.ndarray:
    """Return which pixels are coloured by the saliency map."""
    found: np.ndarray = (pixels[..., 0] - pixels[..., 2] > 60) & (pixels[..., 0] > pixels[..., 1])
    return found
