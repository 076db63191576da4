"""Makes the picture of the app's page in `docs/`, with one of its own drawn streets.

    python tools/app_image.py

Needs the extras `app` and `test`, and Chromium.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import cv2
import numpy as np
from docs_images import save
from playwright.sync_api import sync_playwright

WIDTH, HEIGHT = 1280, 940


def main() -> None:
    """Start the app, click on its first example, and keep what is seen then."""
    command = [sys.executable, "-m", "urban_segmentor.cli.main", "app", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as app:  # noqa: S603
        try:
            shot = photograph(address_of(app))
        finally:
            app.terminate()
    save("app", np.asarray(cv2.imdecode(np.frombuffer(shot, np.uint8), cv2.IMREAD_COLOR)))


def address_of(app: subprocess.Popen[str]) -> str:
    """Return the address that the app prints when it can be opened."""
    for line in app.stderr or ():
        found = re.search(r"open (http://\S+)", line)
        if found is not None:
            return found[1]
    raise SystemExit("the app did not start")


def photograph(address: str) -> bytes:
    """Return the page with the result of the first example, PNG."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(address)
        page.wait_for_selector("#picture-examples button >> nth=1", timeout=120_000)
        page.click("#picture-examples button >> nth=0")
        page.wait_for_selector("#picture-result [data-title]", state="attached")
        page.wait_for_timeout(2000)
        return page.screenshot()


if __name__ == "__main__":
    main()
