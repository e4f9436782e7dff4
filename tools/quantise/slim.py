"""The embedding net, or the liveness net, with less to do and the same result.

Training left up to a third of the channels inside these nets' blocks with next to no weights, as weight decay does:
`without_dead_channels` takes them out. A PRelu between two convolutions makes ONNX Runtime turn the values
from its own order of channels to the plain one and back: `without_prelu` says the same with convolutions."""

from __future__ import annotations

import numpy as np
import onnx
import onnx.version_converter
from onnx import helper, numpy_helper

OPSET = 17
# The most that a dead channel can add to an output, where outputs are of the size of 1.
NOTHING = 1e-6
# More than any value before a depthwise convolution of a block: 2.8 was the largest in 86 faces.
LARGEST_VALUE = 100.0
# Kernels work on so many channels at once: counts are multiples of it, and a few dead channels stay for that.
LANES = 8


class Net:
    """A graph with its weights by name."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model
        self.weights = {weight.name: numpy_helper.to_array(weight) for weight in model.graph.initializer}
        self.maker = {output: node for node in model.graph.node for output in node.output}

    def before(self, node: onnx.NodeProto, kind: str) -> onnx.NodeProto | None:
        """The node that makes the first input of `node`, where it is of this kind."""
        maker = self.maker.get(node.input[0])
        return maker if maker is not None and maker.op_type == kind else None

    def finished(self) -> onnx.ModelProto:
        """The net with the weights as they are now, and no others."""
        used = {name for node in self.model.graph.node for name in node.input}
        del self.model.graph.initializer[:]
        del self.model.graph.value_info[:]
        self.model.graph.initializer.extend(
            numpy_helper.from_array(values, name) for name, values in self.weights.items() if name in used
        )
        onnx.checker.check_model(self.model)
        return self.model


def group(node: onnx.NodeProto) -> onnx.AttributeProto:
    return next(attribute for attribute in node.attribute if attribute.name == "group")


def modern(model: onnx.ModelProto) -> onnx.ModelProto:
    """The net in opset 17, with its weights out of the graph's inputs."""
    weights = {weight.name for weight in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    model.ir_version = 8
    return Net(onnx.version_converter.convert_version(model, OPSET)).finished()


def living(net: Net, depthwise: onnx.NodeProto, projection: onnx.NodeProto) -> np.ndarray:
    """The channels to keep, in their order."""
    weights, bias = net.weights[depthwise.input[1]], net.weights[depthwise.input[2]]
    reached = np.abs(weights).sum(axis=(1, 2, 3), dtype=np.float64) * LARGEST_VALUE + np.abs(bias)
    adds = reached * np.abs(net.weights[projection.input[1]]).max(axis=(0, 2, 3))
    count = max(int((adds >= NOTHING).sum()), 1)
    count = min(-(-count // LANES) * LANES, len(adds))
    return np.sort(np.argsort(-adds, kind="stable")[:count])


def without_dead_channels(model: onnx.ModelProto) -> tuple[onnx.ModelProto, int, int]:
    """The net without them, and how many of how many channels are left in its blocks.

    A block is Conv, PRelu, depthwise Conv, PRelu, Conv; its channels are those of the first four."""
    net, left, before = Net(model), 0, 0
    for projection in [node for node in model.graph.node if node.op_type == "Conv"]:
        second = net.before(projection, "PRelu")
        depthwise = second and net.before(second, "Conv")
        first = depthwise and group(depthwise).i > 1 and net.before(depthwise, "PRelu")
        expansion = first and net.before(first, "Conv")
        if not expansion or group(projection).i != 1 or group(expansion).i != 1:
            continue
        kept = living(net, depthwise, projection)
        left, before = left + len(kept), before + group(depthwise).i
        names = [name for node in (expansion, first, depthwise, second) for name in node.input[1:]]
        for name, axis in [*((name, 0) for name in names), (projection.input[1], 1)]:
            net.weights[name] = np.ascontiguousarray(np.take(net.weights[name], kept, axis))
        group(depthwise).i = len(kept)
    return net.finished(), left, before


def without_prelu(model: onnx.ModelProto) -> onnx.ModelProto:
    """The net with `a x + relu((1 - a) x)` for each PRelu of slope a: two depthwise convolutions of 1x1, which
    the runtime fuses with what follows. Where a is above 1 that is taken with the other sign, and so are
    the weights of the convolution after it."""
    net, nodes = Net(model), []
    readers = {name: node for node in model.graph.node for name in node.input}
    for node in list(model.graph.node):
        if node.op_type != "PRelu":
            nodes.append(node)
            continue
        slopes = net.weights[node.input[1]].reshape(-1).astype(np.float64)
        signs = np.where(slopes > 1, -1.0, 1.0)
        after = readers[node.output[0]]
        weights = net.weights[after.input[1]]
        facing = (-1, 1, 1, 1) if group(after).i > 1 else (1, -1, 1, 1)
        net.weights[after.input[1]] = (weights * signs.reshape(facing)).astype(np.float32)
        for end, values in (("slope", signs * slopes), ("rest", signs * (1 - slopes))):
            net.weights[f"{node.name}.{end}"] = values.astype(np.float32).reshape(-1, 1, 1, 1)
        nodes += split(node, len(slopes))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return net.finished()


def split(node: onnx.NodeProto, channels: int) -> list[onnx.NodeProto]:
    """The four nodes in place of a PRelu."""
    name, shape = node.name, {"group": channels, "kernel_shape": [1, 1]}
    parts = {end: f"{name}.{end}.values" for end in ("slope", "rest", "relu")}
    convolutions = [
        helper.make_node("Conv", [node.input[0], f"{name}.{end}"], [parts[end]], name=f"{name}.{end}.conv", **shape)
        for end in ("rest", "slope")
    ]
    relu = helper.make_node("Relu", [parts["rest"]], [parts["relu"]], name=f"{name}.relu")
    add = helper.make_node("Add", [parts["slope"], parts["relu"]], list(node.output), name=f"{name}.add")
    return [convolutions[0], relu, convolutions[1], add]
