"""face_recognition (dlib), end to end, as the examples of its own README have it: HOG detector, 128-D
encodings, tolerance 0.6, the nearest of those that match."""

from __future__ import annotations

from importlib.metadata import version

import cv2
import dlib
import face_recognition
import numpy as np

import common

TOLERANCE = 0.6


def main() -> None:
    given = common.arguments(__doc__.splitlines()[0]).parse_args()
    if given.threads is not None:
        cv2.setNumThreads(given.threads)
    names, known, without = [], [], []
    for name, path in common.photographs(given.people):
        picture = face_recognition.load_image_file(path)
        encodings = face_recognition.face_encodings(picture)
        if not encodings:
            without.append(name)
            continue
        names.append(name)
        known.append(encodings[0])

    clip, tally = common.Clip(given.video, given.seconds, given.patience), common.Tally()
    begun = common.Start()
    for picture in clip.pictures():
        # From OpenCV's order of colours to that of face_recognition, which dlib wants in one piece.
        picture = np.ascontiguousarray(picture[:, :, ::-1])
        places = face_recognition.face_locations(picture)
        tally.faces += len(places)
        for encoding in face_recognition.face_encodings(picture, places):
            matches = face_recognition.compare_faces(known, encoding, TOLERANCE)
            if not any(matches):
                continue
            nearest = int(np.argmin(face_recognition.face_distance(known, encoding)))
            if matches[nearest]:
                tally.named[names[nearest]] += 1
    common.report(
        "face_recognition",
        version("face_recognition"),
        clip,
        tally,
        begun,
        not_enrolled=without,
        dlib=dlib.__version__,
        avx=dlib.USE_AVX_INSTRUCTIONS,
        blas=dlib.DLIB_USE_BLAS,
    )


if __name__ == "__main__":
    main()
