"""Video4Linux cameras, and the processes that use them."""

from __future__ import annotations

from pathlib import Path

_SYSFS = Path("/sys/class/video4linux")
_PROC = Path("/proc")


def list_cameras(sysfs: Path = _SYSFS) -> dict[str, str]:
    """Return the name of each camera by its device path, without metadata devices."""
    found: dict[str, str] = {}
    for entry in sorted(sysfs.glob("video*"), key=lambda path: (len(path.name), path.name)):
        if _read(entry / "index") in {"", "0"}:
            found[f"/dev/{entry.name}"] = _read(entry / "name") or "no name"
    return found


def cameras_hint(sysfs: Path = _SYSFS) -> str:
    """Return the hint for a missing camera: the cameras that there are."""
    found = list_cameras(sysfs)
    if not found:
        return "no camera is plugged in here; a video will do: urban-segmentor live clip.mp4"
    return "there are: " + ", ".join(f"{path} ({name})" for path, name in found.items())


def processes_using(device: str, processes: Path = _PROC) -> list[str]:
    """Return the visible processes that have a device open, such as `cheese (pid 12)`."""
    target = str(Path(device).resolve())
    found: list[str] = []
    for process in sorted(processes.glob("[0-9]*"), key=lambda path: int(path.name)):
        try:
            if any(str(link.readlink()) == target for link in (process / "fd").iterdir()):
                found.append(f"{_read(process / 'comm') or 'a program'} (pid {process.name})")
        except OSError:
            continue  # it has ended, or belongs to somebody else
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
