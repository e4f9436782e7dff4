"""muster's own nets, driven from Python with ONNX Runtime and OpenCV: all of them on every face of
every frame. Its numbers are those of models/cards/.

With --compare A B it prints the cosine of the largest faces of two pictures, as `muster compare` does."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnxruntime

import common

MODELS = Path(__file__).resolve().parents[2] / "models"
DETECT_WIDTH, DETECT_HEIGHT = 320, 240
LEAST_SCORE, SURE_SCORE, JUDGED_SCORE, NMS_IOU = 0.3, 0.92, 0.7, 0.3
LANDMARK_CROP, LIVENESS_CROP = 1.1, 2.7
THRESHOLD = 0.45
TEMPLATE_SIDE = 112
TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)


class Net:
    """One ONNX file with one input."""

    def __init__(self, path: Path, threads: int | None) -> None:
        options = onnxruntime.SessionOptions()
        if threads is not None:
            options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0].name

    def run(self, values: np.ndarray) -> list[np.ndarray]:
        return self.session.run(None, {self.input: values})


def suppress(boxes: np.ndarray, scores: np.ndarray) -> list[int]:
    """Which boxes are left of those that overlap, the best first."""
    corners, sides = boxes[:, :2], boxes[:, 2:] - boxes[:, :2]
    return list(cv2.dnn.NMSBoxes(np.hstack([corners, sides]).tolist(), scores.tolist(), 0.0, NMS_IOU))


def cut(picture: np.ndarray, box: np.ndarray, side: int, border: int) -> np.ndarray:
    """The part of the picture in `box`, made `side` pixels square; `border` fills what lies outside."""
    height, width = picture.shape[:2]
    x1, y1 = np.floor(box[:2]).astype(int)
    x2, y2 = np.ceil(box[2:]).astype(int)
    part = picture[max(y1, 0) : max(y2, 0), max(x1, 0) : max(x2, 0)]
    outside = (max(-y1, 0), max(y2 - height, 0), max(-x1, 0), max(x2 - width, 0))
    if any(outside):
        part = cv2.copyMakeBorder(part, *outside, border)
    shrinks = part.shape[0] > side
    return cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def square(box: np.ndarray, factor: float) -> np.ndarray:
    """A square about the middle of `box`, with `factor` times its longer side."""
    middle, half = (box[:2] + box[2:]) / 2, factor * (box[2:] - box[:2]).max() / 2
    return np.concatenate([middle - half, middle + half])


def umeyama(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The similarity transform (2x3) that brings `source` nearest to `target` (Umeyama, 1991)."""
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    source, target = source - source_mean, target - target_mean
    u, sizes, v = np.linalg.svd(target.T @ source / len(source))
    signs = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(v))])
    rotation = u @ np.diag(signs) @ v
    scale = (sizes * signs).sum() / source.var(axis=0).sum()
    return np.column_stack([scale * rotation, target_mean - scale * rotation @ source_mean])


class Pipeline:
    """The nets of the default pack, one after the other."""

    def __init__(self, threads: int | None) -> None:
        self.detector = Net(MODELS / "fr_detect.onnx", threads)
        self.judge = Net(MODELS / "onet.onnx", threads)
        self.landmarker = Net(MODELS / "fr_landmark.onnx", threads)
        self.embedder = Net(MODELS / "fr_feature.onnx", threads)
        self.liveness_net = Net(MODELS / "fr_liveness.onnx", threads)

    def detect(self, picture: np.ndarray) -> list[np.ndarray]:
        """Boxes x1 y1 x2 y2 in pixels: RFB-320 on the letterboxed picture, doubtful ones judged by O-Net."""
        height, width = picture.shape[:2]
        scale = min(DETECT_WIDTH / width, DETECT_HEIGHT / height)
        size = (round(width * scale), round(height * scale))
        canvas = np.zeros((DETECT_HEIGHT, DETECT_WIDTH, 3), np.uint8)
        canvas[: size[1], : size[0]] = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        blob = cv2.dnn.blobFromImage(canvas, 1 / 128, mean=(127, 127, 127), swapRB=True)
        scores, boxes = self.detector.run(blob)
        chosen = scores[0, :, 1] >= LEAST_SCORE
        scores, boxes = scores[0, chosen, 1], boxes[0, chosen]
        if not len(boxes):
            return []
        boxes = boxes * (np.array([DETECT_WIDTH, DETECT_HEIGHT] * 2) / scale)
        return [
            boxes[i] for i in suppress(boxes, scores) if scores[i] >= SURE_SCORE or self.is_face(picture, boxes[i])
        ]

    def is_face(self, picture: np.ndarray, box: np.ndarray) -> bool:
        face = cut(picture, square(box, 1.0), 48, cv2.BORDER_CONSTANT)
        values = (cv2.cvtColor(face, cv2.COLOR_BGR2RGB).astype(np.float32) - 127.5) / 128
        # The net was trained on pictures whose rows were its columns.
        return self.judge.run(values.transpose(1, 0, 2)[None])[2][0, 1] >= JUDGED_SCORE

    def five_points(self, picture: np.ndarray, box: np.ndarray) -> np.ndarray:
        """Eyes, nose and mouth corners in pixels."""
        area = square(box, LANDMARK_CROP)
        grey = cv2.cvtColor(cut(picture, area, 64, cv2.BORDER_REPLICATE), cv2.COLOR_BGR2GRAY)
        points = self.landmarker.run((grey.astype(np.float32) / 256)[None, None])[0].reshape(68, 2)
        points = points * (area[2:] - area[:2]) + area[:2]
        parts = ([37, 38, 40, 41], [43, 44, 46, 47], [30], [48, 60], [54, 64])
        return np.array([points[part].mean(axis=0) for part in parts])

    def embed(self, picture: np.ndarray, points: np.ndarray) -> np.ndarray:
        """The embedding of the face with these points, of length 1."""
        face = cv2.warpAffine(picture, umeyama(points, TEMPLATE), (TEMPLATE_SIDE, TEMPLATE_SIDE))
        blob = cv2.dnn.blobFromImage(face, 1 / 127.5, mean=(127.5, 127.5, 127.5))
        embedding = self.embedder.run(blob)[0][0]
        return embedding / np.linalg.norm(embedding)

    def liveness(self, picture: np.ndarray, box: np.ndarray) -> float:
        """The probability that the face is no presentation attack."""
        limit = np.array([picture.shape[1], picture.shape[0]])
        sides = box[2:] - box[:2]
        sides = sides * min(LIVENESS_CROP, *(limit / sides))
        corner = np.clip((box[:2] + box[2:] - sides) / 2, 0, limit - sides)
        blob = cv2.dnn.blobFromImage(cut(picture, np.concatenate([corner, corner + sides]), 128, cv2.BORDER_REPLICATE))
        classes = np.exp(self.liveness_net.run(blob)[0][0])
        return float(classes[0] / classes.sum())

    def template(self, path: Path) -> np.ndarray:
        """The embedding of the largest face of a photograph."""
        picture = common.read_picture(path)
        boxes = self.detect(picture)
        if not boxes:
            raise SystemExit(f"{path} shows no face")
        largest = max(boxes, key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))
        return self.embed(picture, self.five_points(picture, largest))


def main() -> None:
    parser = common.arguments(__doc__.splitlines()[0])
    parser.add_argument("--compare", type=Path, nargs=2, metavar=("A", "B"))
    given = parser.parse_args()
    if given.threads is not None:
        cv2.setNumThreads(given.threads)
    pipeline = Pipeline(given.threads)
    if given.compare:
        print(round(float(pipeline.template(given.compare[0]) @ pipeline.template(given.compare[1])), 4))
        return
    people = common.photographs(given.people)
    names = [name for name, _ in people]
    gallery = np.array([pipeline.template(path) for _, path in people])

    clip, tally, live = common.Clip(given.video, given.seconds, given.patience), common.Tally(), 0.0
    begun = common.Start()
    for picture in clip.pictures():
        for box in pipeline.detect(picture):
            tally.faces += 1
            embedding = pipeline.embed(picture, pipeline.five_points(picture, box))
            live += pipeline.liveness(picture, box)
            if names:
                cosines = gallery @ embedding
                if cosines.max() >= THRESHOLD:
                    tally.named[names[int(cosines.argmax())]] += 1
    common.report(
        "onnxruntime-python",
        onnxruntime.__version__,
        clip,
        tally,
        begun,
        threads=given.threads,
        live=round(live / max(tally.faces, 1), 3),
    )


if __name__ == "__main__":
    main()
