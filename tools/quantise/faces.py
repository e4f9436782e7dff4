"""Faces laid on the embedding net's template as muster lays them: muster says where the points of a face
are, and what follows is what src/face/geometry.rs and src/inference/resample.rs do, in numbers of 32 bits."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

SIDE = 112
TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], np.float32
)
PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".webp")
F = np.float32


def pictures_in(folder: Path) -> list[Path]:
    """Every picture below `folder`, in an order that does not change."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)


def points_in(muster: Path, models: Path, pictures: list[Path]) -> Iterator[tuple[Path, list[np.ndarray]]]:
    """The five points of every face of every picture, as `muster identify` prints them; nobody is enrolled."""
    with tempfile.TemporaryDirectory() as store:
        command = [muster, "--data-dir", store, "--models-dir", models, "--device", "cpu", "identify", "--json"]
        try:
            done = subprocess.run([*command, *pictures], capture_output=True, text=True, check=False)
        except OSError as error:
            sys.exit(f"{muster} cannot be run ({error.strerror}): run make build, or name it with --muster")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    found = {line["image"]: line.get("faces", []) for line in lines if "image" in line}
    # 0 and 1 say whether somebody was identified.
    if done.returncode not in (0, 1) or not found:
        sys.exit(f"muster identify found no faces:\n{done.stderr.strip()}")
    for picture in pictures:
        yield picture, [np.array(face["landmarks"], F) for face in found.get(str(picture), [])]


def source_from_template(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows x and y of the inverse of the similarity transform that brings `points` nearest to the template."""
    from_mean, to_mean = points.mean(axis=0, dtype=F), TEMPLATE.mean(axis=0, dtype=F)
    p, q = (points - from_mean).astype(np.float64), (TEMPLATE - to_mean).astype(np.float64)
    spread = (p * p).sum()
    a = F((p * q).sum() / spread)
    b = F((p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]).sum() / spread)
    tx = to_mean[0] - (a * from_mean[0] - b * from_mean[1])
    ty = to_mean[1] - (b * from_mean[0] + a * from_mean[1])
    square = a * a + b * b
    a, b = a / square, -b / square
    return np.array([a, -b, -(a * tx - b * ty)], F), np.array([b, a, -(b * tx + a * ty)], F)


def aligned(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The face with these points, SIDE pixels square, channels as in `picture`; black beyond its border."""
    x_row, y_row = source_from_template(points)
    # A pixel that covers more than one and a half of the picture's is the mean of two by two samples.
    samples = int(np.clip(np.round(np.hypot(x_row[0], x_row[1])), 1, 2))
    offsets = (np.arange(samples, dtype=F) + F(0.5)) / F(samples)
    places = (np.arange(SIDE, dtype=F)[:, None] + offsets).reshape(-1)
    u, v = np.meshgrid(places, places)
    x = x_row[0] * u + x_row[1] * v + x_row[2] - F(0.5)
    y = y_row[0] * u + y_row[1] * v + y_row[2] - F(0.5)
    left, top = np.floor(x), np.floor(y)
    fx, fy = x - left, y - top
    height, width = picture.shape[:2]
    sums = np.zeros((*x.shape, 3), F)
    for across, down, weight in [
        (0, 0, (1 - fx) * (1 - fy)),
        (1, 0, fx * (1 - fy)),
        (0, 1, (1 - fx) * fy),
        (1, 1, fx * fy),
    ]:
        column, row = left.astype(int) + across, top.astype(int) + down
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        colours = picture[row.clip(0, height - 1), column.clip(0, width - 1)].astype(F)
        sums += (weight * inside)[..., None] * colours
    means = sums.reshape(SIDE, samples, SIDE, samples, 3).mean(axis=(1, 3), dtype=F)
    return (means + F(0.5)).astype(np.uint8)


def tensor(face: np.ndarray) -> np.ndarray:
    """The net's input for an aligned face, as its card says: blue first, (v - 127.5) / 127.5."""
    return ((face.astype(F) - F(127.5)) * F(1 / 127.5)).transpose(2, 0, 1)[None]


def read(path: Path) -> np.ndarray:
    """A picture as OpenCV has it: rows, columns, and blue, green, red."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        sys.exit(f"{path} is no picture that OpenCV can read")
    return picture
