"""The network of inference.py, all its inputs at once: NumPy multiplies the matrices."""

import numpy

import inference
from seeded import Seeded


def handler(event, context=None):
    random = Seeded(event["seed"])
    inputs, inner, outputs = inference.LAYERS
    first = numpy.array(inference.layer(random, inputs, inner))
    second = numpy.array(inference.layer(random, inner, outputs))
    values = numpy.array([[random.next(16) for _ in range(inputs)] for _ in range(event["size"])])
    hidden = numpy.maximum(values @ first.T, 0) // 8
    best = (hidden @ second.T).argmax(axis=1)
    return {"classes": numpy.bincount(best, minlength=outputs).tolist()}
