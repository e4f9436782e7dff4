"""Makes other nets from muster's, each with its card: `slim`, the embedding and the liveness net with less to do and
the same result, and `int8`, the embedding net in 8 bits.

The latter takes the ranges of its values from faces that are laid on the template as muster lays them: of the
demo's pictures, or of yours. The same net, pictures, packages and muster make the same bytes."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import logging
import re
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

import faces
import slim

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "models" / "examples" / "cards"
FEWEST_FACES = 20
METHODS = {"percentile": CalibrationMethod.Percentile, "min-max": CalibrationMethod.MinMax}
PERCENTILE = 99.999
# By the card that each gets, what slim nets are made from.
SLIM = {"mobilefacenet-512-slim": "fr_feature.onnx", "minifasnet-3-slim": "fr_liveness.onnx"}


class Faces(CalibrationDataReader):
    """Hands the calibration one face after the other."""

    def __init__(self, name: str, crops: list[np.ndarray]) -> None:
        self.name, self.rest = name, iter(crops)

    def get_next(self) -> dict[str, np.ndarray] | None:
        crop = next(self.rest, None)
        return None if crop is None else {self.name: faces.tensor(crop)}


def crops_of(muster: Path, models: Path, folders: list[Path]) -> list[np.ndarray]:
    """Each face of each picture, and its mirror image, in the order of the pictures' digests. Pictures of the same
    bytes count once."""
    found = [path for folder in folders for path in faces.pictures_in(folder)]
    if not found:
        sys.exit(f"no pictures in {', '.join(map(str, folders))}: run make setup, or name folders with --pictures")
    once = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in found}
    pictures = [once[digest] for digest in sorted(once)]
    crops = []
    for path, all_points in faces.points_in(muster, models, pictures):
        picture = faces.read(path)
        crops += [faces.aligned(picture, points) for points in all_points]
    print(f"{len(crops)} faces in {len(pictures)} pictures, and their mirror images", file=sys.stderr)
    if len(crops) < FEWEST_FACES:
        sys.exit(f"{len(crops)} faces are too few to say how large the net's values become: {FEWEST_FACES} are needed")
    return [either for crop in crops for either in (crop, cv2.flip(crop, 1))]


def quantise(model: onnx.ModelProto, crops: list[np.ndarray], target: Path, method: str) -> None:
    """Writes the net in 8 bits: static, values unsigned and weights signed, those per channel and in 7 bits.
    Without VNNI two products of 8 bits are added in 16 bits, and in full range that overflows."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        source = Path(folder) / "source.onnx"
        onnx.save(model, source)
        quantize_static(
            str(source),
            str(target),
            Faces(model.graph.input[0].name, crops),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=METHODS[method],
            calibration_providers=["CPUExecutionProvider"],
            extra_options={"CalibPercentile": PERCENTILE},
        )


def living(source: Path) -> onnx.ModelProto:
    """The net without its dead channels."""
    if not source.is_file():
        sys.exit(f"{source} is missing: run make setup")
    model, left, before = slim.without_dead_channels(slim.modern(onnx.load(source)))
    print(f"{source.name}: {left} of {before} channels of its blocks are left", file=sys.stderr)
    return model


def write_card(net: Path) -> None:
    """Puts the card beside the net: the example, with the net's digest and size."""
    card = f"{net.stem}.toml"
    text, content = (EXAMPLES / card).read_text(), net.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest not in text:
        warning = "The figures below were measured with another file: measure this one before anybody relies on it."
        print(f"{net.name}: {warning}", file=sys.stderr)
        text = f"# {warning}\n{text}"
    facts = f'sha256 = "{digest}"\nsize_bytes = {len(content)}\n'
    net.with_name(card).write_text(re.sub(r'(?m)^name = "[^"]*\.onnx"\n', lambda line: line[0] + facts, text))
    print(net, digest, len(content))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nets", nargs="*", metavar="NET", help="slim or int8; both where it is left out")
    demo = ROOT / "data" / "demo"
    parser.add_argument("--pictures", type=Path, nargs="+", default=[demo], metavar="DIR", help="folders of pictures")
    parser.add_argument("--method", choices=METHODS, default="percentile", help="how ranges are chosen")
    parser.add_argument("--models", type=Path, default=ROOT / "models", help="the models folder")
    parser.add_argument("--muster", type=Path, default=ROOT / "target" / "release" / "muster", help="the program")
    made = ROOT / "target" / "quantise" / "made"
    parser.add_argument("--out", type=Path, default=made, help="the folder to write to")
    given = parser.parse_args()
    nets = given.nets or ["slim", "int8"]
    if set(nets) - {"slim", "int8"}:
        parser.error("NET is slim or int8")
    logging.disable(logging.WARNING)
    given.out.mkdir(parents=True, exist_ok=True)
    if "slim" in nets:
        for card, source in SLIM.items():
            net = given.out / f"{card}.onnx"
            onnx.save(slim.without_prelu(living(given.models / source)), net)
            write_card(net)
    if "int8" in nets:
        model, net = living(given.models / "fr_feature.onnx"), given.out / "mobilefacenet-512-int8.onnx"
        quantise(model, crops_of(given.muster, given.models, given.pictures), net, given.method)
        write_card(net)


if __name__ == "__main__":
    main()
