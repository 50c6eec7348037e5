"""A Chromium without a window, for the pages: Debian's, for the registries that this may be installed from have no other."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
]  # fmt: skip
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: install Debian's package chromium")


@contextmanager
def launched(patience: int) -> Iterator[Browser]:
    """`patience` is how many milliseconds what is expected may take to come."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        expect.set_options(timeout=patience)
        yield chromium
        chromium.close()
