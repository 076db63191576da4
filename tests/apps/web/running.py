"""The app in a process of its own, as users start it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

_CODE = "import sys; from urban_segmentor.cli.main import main; sys.exit(main())"


class Answer(NamedTuple):
    """What the server said."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def value(self) -> Any:  # noqa: ANN401 - JSON
        """The body, read as JSON."""
        return json.loads(self.body)


class RunningApp:
    """`urban-segmentor app` on a free port.

    Args:
        words: Options of the command line.
        folder: For its temporary files and its prepared examples.
    """

    def __init__(self, *words: str, folder: Path) -> None:
        self.temp = folder / "temp"
        self.temp.mkdir(parents=True, exist_ok=True)
        self.log = folder / "log.txt"
        environment = os.environ | {
            "TMPDIR": str(self.temp),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "COLUMNS": "200",
        }
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _CODE, "app", "--port", "0", *words],
                stdout=subprocess.DEVNULL,
                stderr=log,
                env=environment,
            )
        self.url = self._address()

    def _address(self) -> str:
        def address() -> re.Match[str] | None:
            return re.search(r"open (http://\S+)", self.log.read_text())

        wait_until(lambda: address() or self.process.poll() is not None, every_s=0.05)
        found = address()
        assert found is not None, f"the app did not start: {self.log.read_text()}"
        return found[1]

    def is_at_rest(self) -> bool:
        """Return whether it hardly works, looked at for a second."""
        import psutil

        process = psutil.Process(self.process.pid)
        before = process.cpu_times()
        time.sleep(1.0)
        after = process.cpu_times()
        return after.user + after.system - before.user - before.system < 0.3

    @property
    def visitors(self) -> Path:
        """The folder in which it keeps what visitors leave."""
        return next(self.temp.glob("visitors-*"))

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        body: bytes | None = None,
        **headers: str,
    ) -> Answer:
        """Return the answer to a request; names of headers have `_` for `-`."""
        request = urllib.request.Request(  # noqa: S310 - our own server
            self.url + path,
            data=body,
            method=method,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as reply:  # noqa: S310
                return Answer(reply.status, dict(reply.headers), reply.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers), error.read())

    def wait_for_examples(self) -> list[dict[str, str]]:
        """Return the examples when all are ready."""
        wait_until(lambda: self.ask("/examples").value["complete"], every_s=0.2)
        told = self.ask("/examples").value
        assert not told["problem"]
        return told["examples"]

    def close(self) -> str:
        """End it as Ctrl-C does; return what it wrote."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(timeout=300)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        return self.log.read_text()
