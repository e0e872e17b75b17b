"""A copy of a `.tflite` file without sparse constants, for files whose sparse form LiteRT refuses or gets wrong."""

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

TYPES = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.FLOAT16: np.float16,
    schema.TensorType.INT8: np.int8,
}


def densify(stored, sparsity, shape):
    """Elements of a sparse constant: a walk over the levels of storage, each dense or a list of indices (CSR)."""
    blocks = [] if sparsity.blockMap is None else list(sparsity.blockMap)
    sizes = list(shape)
    for i, dim in enumerate(blocks):
        sizes[dim] //= sparsity.dimMetadata[len(shape) + i].denseSize
    values, dense = iter(stored), np.zeros(shape, stored.dtype)

    def walk(level, position, at):
        if level == len(sparsity.traversalOrder):
            index = list(at[: len(shape)])
            for i, dim in enumerate(blocks):
                block = sparsity.dimMetadata[len(shape) + i].denseSize
                index[dim] = index[dim] * block + at[len(shape) + i]
            dense[tuple(index)] = next(values)
            return
        meta, dim = sparsity.dimMetadata[level], sparsity.traversalOrder[level]
        if meta.format == schema.DimensionType.DENSE:
            steps = [(position * meta.denseSize + i, i) for i in range(meta.denseSize)]
        else:
            segments, indices = meta.arraySegments.values, meta.arrayIndices.values
            steps = [(i, int(indices[i])) for i in range(segments[position], segments[position + 1])]
        for child, index in steps:
            walk(level + 1, child, at[:dim] + (index,) + at[dim + 1 :])

    walk(0, 0, (0,) * len(sparsity.traversalOrder))
    return dense


def has_sparse(content):
    """Whether a file has sparse constants."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(bytearray(content), 0))
    return any(t.sparsity is not None for g in model.subgraphs for t in g.tensors)


def dense_copy(content):
    """The same model, its sparse constants dense and the DENSIFY operators gone."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(bytearray(content), 0))
    codes = [max(c.builtinCode, c.deprecatedBuiltinCode) for c in model.operatorCodes]
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            if tensor.sparsity is None:
                continue
            buffer = model.buffers[tensor.buffer]
            stored = np.frombuffer(np.asarray(buffer.data, np.uint8).tobytes(), TYPES[tensor.type])
            dense = densify(stored, tensor.sparsity, [int(n) for n in tensor.shape])
            buffer.data, tensor.sparsity = np.frombuffer(dense.tobytes(), np.uint8), None
        renamed = {}
        for operator in graph.operators:
            if codes[operator.opcodeIndex] == schema.BuiltinOperator.DENSIFY:
                renamed[int(operator.outputs[0])] = int(operator.inputs[0])
        graph.operators = [o for o in graph.operators if codes[o.opcodeIndex] != schema.BuiltinOperator.DENSIFY]
        for operator in graph.operators:
            operator.inputs = np.array([renamed.get(int(i), int(i)) for i in operator.inputs], np.int32)
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
