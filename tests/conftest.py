"""What every test may ask for."""

import os
import shutil
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

os.environ.setdefault("OMP_NUM_THREADS", "1")  # of the processes that tests start: busy threads of two slow each other
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a background job, whose children would ignore Ctrl-C too
    signal.signal(signal.SIGINT, signal.default_int_handler)
CHROMIUM = "IMG_REPR_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Folder of the public data sets, laid out as their publishers lay them out; skips where there is none."""
    folder = os.environ.get("IMG_REPR_DATA")
    if not folder:
        pytest.skip("IMG_REPR_DATA names no folder of public data sets")
    return Path(folder)


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def walks(random: np.random.Generator) -> np.ndarray:
    """Forty random walks of 97 steps."""
    return random.normal(size=(40, 97)).cumsum(axis=1)


class Opened:
    """A page that was opened, with all that it asked for and complained of."""

    def __init__(self, browser, path: Path, **how) -> None:
        self.context = browser.new_context(**how)
        self.page = self.context.new_page()
        self.tools = self.context.new_cdp_session(self.page)
        self.asked: list[str] = []
        self.said: list[str] = []
        for domain in ("Network", "Runtime", "Log", "Accessibility"):
            self.tools.send(f"{domain}.enable")
        self.tools.on("Network.requestWillBeSent", lambda event: self.asked.append(event["request"]["url"]))
        self.tools.on("Network.webSocketCreated", lambda event: self.asked.append(event["url"]))
        self.tools.on("Runtime.consoleAPICalled", lambda event: self.said.append(str(event["args"])))
        self.tools.on("Runtime.exceptionThrown", lambda event: self.said.append(str(event["exceptionDetails"])))
        self.tools.on("Log.entryAdded", lambda event: self.said.append(event["entry"]["text"]))
        self.page.goto(path.as_uri(), wait_until="networkidle")

    def __enter__(self) -> "Opened":
        return self

    def __exit__(self, *_) -> None:
        self.context.close()

    def told(self) -> list[dict]:
        """What the accessibility tree holds for a reader, once Chromium is done with building it."""
        nodes: list[dict] = []
        for _ in range(50):
            before = len(nodes)
            nodes = self.tools.send("Accessibility.getFullAXTree")["nodes"]
            if len(nodes) == before:
                break
            self.page.wait_for_timeout(200)
        return [node for node in nodes if not node["ignored"]]

    def __call__(self, script: str):
        return self.page.evaluate(script)

    def is_whole(self) -> None:
        """Check that it asked nobody and complained of nothing, and that every image in it is there."""
        self("() => document.querySelectorAll('details').forEach(one => { one.open = true; })")
        self("() => window.scrollTo(0, document.body.scrollHeight)")
        self.page.wait_for_timeout(200)
        assert self.said == []
        assert [address for address in self.asked if not address.startswith("data:image/png")] == [self.page.url]
        shown = self("() => Array.from(document.images).map(one => [one.complete, one.naturalWidth, one.alt])")
        assert all(complete and width > 0 and words for complete, width, words in shown)


@pytest.fixture(scope="session")
def browser():
    found = os.environ.get(CHROMIUM) or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"no Chromium: none of {', '.join(NAMES)} is installed and {CHROMIUM} names none; "
                    "the page was NOT looked at in a browser")  # fmt: skip
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install '.[dev]'")
    with driver.sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=found)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Any) -> Callable[..., Opened]:
    """What opens a page from disk in headless Chromium: ``with open_page(path) as opened``."""
    return partial(Opened, browser)
