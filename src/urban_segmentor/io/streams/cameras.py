"""The cameras of this machine, and who uses them."""

from __future__ import annotations

from pathlib import Path

_LISTED = Path("/sys/class/video4linux")
_PROCESSES = Path("/proc")


def cameras(listed: Path = _LISTED) -> dict[str, str]:
    """Return the name of each camera, by its path; second devices, for metadata, are left out."""
    found: dict[str, str] = {}
    for entry in sorted(listed.glob("video*"), key=lambda path: (len(path.name), path.name)):
        if _read(entry / "index") in {"", "0"}:
            found[f"/dev/{entry.name}"] = _read(entry / "name") or "no name"
    return found


def cameras_hint(listed: Path = _LISTED) -> str:
    """Return what to try instead of a camera that is not there."""
    found = cameras(listed)
    if not found:
        return "no camera is plugged in here; a video will do: urban-segmentor live clip.mp4"
    return "there are: " + ", ".join(f"{path} ({name})" for path, name in found.items())


def holders(device: str, processes: Path = _PROCESSES) -> list[str]:
    """Return the programs that have a device open, as far as one may see: `cheese (pid 12)`."""
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
