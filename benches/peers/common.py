"""What the peers share: arguments, frames of a clip, the vote, and the object that each prints."""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

# Frames that must agree on a name before the person counts as decided; muster's own default.
VOTES = 3

PICTURES = (".jpg", ".jpeg", ".png")


def arguments(description: str) -> argparse.ArgumentParser:
    """The arguments that every peer of the clips takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--video", type=Path, help="the clip")
    parser.add_argument("--people", type=Path, help="a folder with NAME.jpg, one photograph a person")
    parser.add_argument("--seconds", type=float, help="stop after so many seconds of the clip")
    parser.add_argument("--patience", type=float, help="stop after so many seconds by the clock")
    parser.add_argument("--threads", type=int, help="threads of nets and OpenCV; left out, as they choose")
    return parser


def photographs(folder: Path | None) -> list[tuple[str, Path]]:
    """Names and photographs of the people to enrol, by name."""
    if folder is None:
        return []
    found = [(path.stem, path) for path in folder.iterdir() if path.suffix.lower() in PICTURES]
    return sorted(found)


def read_picture(path: Path) -> np.ndarray:
    """A picture as OpenCV has it: rows, columns, and blue, green, red."""
    picture = cv2.imread(str(path))
    if picture is None:
        sys.exit(f"{path} is no picture that OpenCV can read")
    return picture


@dataclass
class Clip:
    """A clip that is read from beginning to end, and how much of it was."""

    path: Path
    seconds: float | None = None
    patience: float | None = None
    width: int = 0
    height: int = 0
    frames: int = 0
    # Whether patience came to an end before the clip did.
    cut: bool = False

    def pictures(self) -> Iterator[np.ndarray]:
        """Every frame, as OpenCV has it."""
        capture = cv2.VideoCapture(str(self.path))
        if not capture.isOpened():
            sys.exit(f"{self.path} is no clip that OpenCV can read")
        self.width = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        self.height = int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        rate = capture.get(cv2.CAP_PROP_FPS) or 25.0
        most = None if self.seconds is None else round(self.seconds * rate)
        started = time.perf_counter()
        while most is None or self.frames < most:
            there, picture = capture.read()
            if not there:
                break
            if self.patience is not None and time.perf_counter() - started > self.patience:
                self.cut = True
                break
            self.frames += 1
            yield picture
        capture.release()


@dataclass
class Tally:
    """What was seen in a clip."""

    faces: int = 0
    # Whether the peer says who somebody is at all.
    names: bool = True
    named: Counter[str] = field(default_factory=Counter)

    def decided(self) -> list[str]:
        """Who was named in enough frames."""
        return sorted(name for name, count in self.named.items() if count >= VOTES)


@dataclass
class Start:
    """When the first frame was asked for: by the clock, and in processor time of this process."""

    clock: float = field(default_factory=time.perf_counter)
    cpu: float = field(default_factory=time.process_time)


def report(peer: str, version: str, clip: Clip, tally: Tally, begun: Start, **more: object) -> None:
    """Prints the object of a peer that read `clip` from `begun` until now."""
    seconds, cpu_s = time.perf_counter() - begun.clock, time.process_time() - begun.cpu
    if not clip.frames:
        sys.exit(f"{clip.path} has no frame")
    print(
        json.dumps(
            {
                "kind": "peer",
                "peer": peer,
                "version": version,
                "clip": str(clip.path),
                "width": clip.width,
                "height": clip.height,
                "frames": clip.frames,
                "seconds": round(seconds, 3),
                "fps": round(clip.frames / seconds, 3),
                "faces": tally.faces,
                "faces_per_frame": round(tally.faces / clip.frames, 3),
                **({"people": tally.decided(), "named_frames": dict(sorted(tally.named.items()))} if tally.names else {}),
                "cpu_s": round(cpu_s, 3),
                "cut": clip.cut,
                "peak_memory_mb": peak_memory_mb(),
                **more,
            }
        )
    )


def peak_memory_mb() -> float:
    """The most memory this process ever had resident."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, 1)
