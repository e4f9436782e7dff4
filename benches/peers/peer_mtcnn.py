"""MTCNN as the PyPI package mtcnn has it, on TensorFlow: the faces of every frame, and nothing more."""

from __future__ import annotations

import os
from importlib.metadata import version

# It says much on standard error otherwise.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2  # noqa: E402
import tensorflow  # noqa: E402
from mtcnn import MTCNN  # noqa: E402

import common  # noqa: E402


def main() -> None:
    given = common.arguments(__doc__.splitlines()[0]).parse_args()
    if given.threads is not None:
        cv2.setNumThreads(given.threads)
        tensorflow.config.threading.set_intra_op_parallelism_threads(given.threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(given.threads)
    detector = MTCNN()
    clip, tally = common.Clip(given.video, given.seconds, given.patience), common.Tally(names=False)
    begun = common.Start()
    for picture in clip.pictures():
        tally.faces += len(detector.detect_faces(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)))
    common.report("mtcnn", version("mtcnn"), clip, tally, begun, tensorflow=tensorflow.__version__)


if __name__ == "__main__":
    main()
