"""Cold starts, and what a light install weighs."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

from material import BIN, ROOT, WORK, run

from urban_segmentor.synthetic import Street

ROUNDS = 7


def seconds_of(command: list[object]) -> float:
    """Return the median duration of a fresh process, seconds, after one run that fills caches."""
    times: list[float] = []
    for _ in range(ROUNDS + 1):
        started_s = time.perf_counter()
        run(command)
        times.append(time.perf_counter() - started_s)
    return statistics.median(times[1:])


def light_install() -> tuple[float, list[str]]:
    """Return megabytes and names of what a plain `pip install` brings."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder, "bin", "python")
        before = megabytes(Path(folder))
        pip = [python, "-m", "pip", "--disable-pip-version-check"]
        run([*pip, "install", "--quiet", ROOT])
        names = run([*pip, "list", "--format=freeze"]).split()
        return megabytes(Path(folder)) - before, [name.split("==")[0] for name in names]


def megabytes(folder: Path) -> float:
    """Return the size of all files below a folder, megabytes."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files) / 1e6


def main() -> None:
    """Print a table of seconds and megabytes."""
    import cv2

    WORK.mkdir(parents=True, exist_ok=True)
    image = WORK / "street.png"
    shot = next(Street().shots(seconds=0.1))
    cv2.imwrite(str(image), shot.frame.image[..., ::-1])
    command = BIN / "urban-segmentor"
    python = [sys.executable, "-c"]
    rows = {
        "python -c pass": seconds_of([*python, "pass"]),
        "import urban_segmentor": seconds_of([*python, "import urban_segmentor"]),
        "urban-segmentor --help": seconds_of([command, "--help"]),
        "first picture of a cold process": seconds_of(
            [command, "predict", image, "-o", WORK / "cold", "--overwrite"]
        ),
    }
    print("\n| | s, median |\n|---|---|")
    for name, seconds in rows.items():
        print(f"| {name} | {seconds:.2f} |")
    size_mb, names = light_install()
    torch = "with torch" if "torch" in names else "without torch"
    print(f"| light install | {size_mb:.0f} MB, {torch}, {len(names)} packages |")


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error.cmd} failed")
