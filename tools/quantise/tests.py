"""Tests of the tool itself, on a small net: tools/quantise/run test."""

from __future__ import annotations

import copy
import unittest

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import faces
import slim

CHANNELS, DEAD, SIDE = 40, 21, 12


def block(with_dead: bool) -> onnx.ModelProto:
    """Conv, PRelu, depthwise Conv, PRelu, Conv of 1x1; slopes below 0, between 0 and 1, and above 1."""
    random = np.random.default_rng(3)
    weights = {
        "w1": random.normal(size=(CHANNELS, 3, 3, 3)),
        "b1": random.normal(size=CHANNELS),
        "a1": random.uniform(-0.5, 1.5, (CHANNELS, 1, 1)),
        "w2": random.normal(size=(CHANNELS, 1, 3, 3)),
        "b2": random.normal(size=CHANNELS),
        "a2": random.uniform(-0.5, 1.5, (CHANNELS, 1, 1)),
        "w3": random.normal(size=(5, CHANNELS, 1, 1)),
        "b3": random.normal(size=5),
    }
    if with_dead:
        for name in ("w1", "b1", "w2", "b2"):
            weights[name][:DEAD] *= 1e-9
        weights["w3"][:, :DEAD] *= 1e-6
    nodes = [
        helper.make_node("Conv", ["input", "w1", "b1"], ["x1"], name="c1", group=1, kernel_shape=[3, 3]),
        helper.make_node("PRelu", ["x1", "a1"], ["y1"], name="p1"),
        helper.make_node("Conv", ["y1", "w2", "b2"], ["x2"], name="c2", group=CHANNELS, kernel_shape=[3, 3]),
        helper.make_node("PRelu", ["x2", "a2"], ["y2"], name="p2"),
        helper.make_node("Conv", ["y2", "w3", "b3"], ["output"], name="c3", group=1, kernel_shape=[1, 1]),
    ]
    constants = [numpy_helper.from_array(values.astype(np.float32), name) for name, values in weights.items()]
    inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, SIDE, SIDE])]
    outputs = [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 5, SIDE - 4, SIDE - 4])]
    # Weights among the inputs, as old exporters wrote them.
    inputs += [helper.make_tensor_value_info(c.name, TensorProto.FLOAT, list(c.dims)) for c in constants]
    graph = helper.make_graph(nodes, "block", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 9)])
    model.ir_version = 7
    return model


def run(model: onnx.ModelProto) -> np.ndarray:
    values = np.random.default_rng(5).normal(size=(1, 3, SIDE, SIDE)).astype(np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"input": values})[0]


class Slim(unittest.TestCase):
    def test_dead_channels_go_and_the_result_stays(self) -> None:
        before = slim.modern(block(with_dead=True))
        after, left, all_of_them = slim.without_dead_channels(copy.deepcopy(before))
        # 19 live ones, and the rest up to a multiple of 8.
        self.assertEqual((left, all_of_them), (24, CHANNELS))
        np.testing.assert_allclose(run(after), run(before), atol=1e-5)

    def test_living_channels_stay(self) -> None:
        _, left, all_of_them = slim.without_dead_channels(slim.modern(block(with_dead=False)))
        self.assertEqual(left, all_of_them)

    def test_convolutions_do_what_prelu_does(self) -> None:
        before = slim.modern(block(with_dead=False))
        after = slim.without_prelu(copy.deepcopy(before))
        self.assertNotIn("PRelu", {node.op_type for node in after.graph.node})
        np.testing.assert_allclose(run(after), run(before), atol=1e-4)


class Aligned(unittest.TestCase):
    def test_a_face_that_lies_on_the_template_is_the_picture_itself(self) -> None:
        picture = np.random.default_rng(1).integers(0, 256, (faces.SIDE, faces.SIDE, 3), np.uint8)
        np.testing.assert_array_equal(faces.aligned(picture, faces.TEMPLATE), picture)

    def test_a_larger_face_is_the_mean_of_its_pixels_and_black_beyond_the_border(self) -> None:
        picture = np.full((2 * faces.SIDE, 2 * faces.SIDE, 3), 200, np.uint8)
        picture[:, ::2] = 100
        face = faces.aligned(picture, faces.TEMPLATE * np.float32(2) + np.float32(20))
        self.assertTrue((abs(face[:100, :100].astype(int) - 150) <= 1).all())
        self.assertTrue((face[104:] == 0).all())


if __name__ == "__main__":
    unittest.main()
