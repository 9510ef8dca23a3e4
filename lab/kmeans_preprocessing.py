"""Turns MNIST into what SageMaker's K-Means reads.

A SageMaker processing job runs this script. Beneath the processing folder (/opt/ml/processing: the parent of the
folder the script stands in, or the first argument) it reads

    input/mnist.pkl.gz            gzip pickle of three sets (train, validation, test), each a pair of
                                  float32 images (n, 784) in [0, 1] and integer labels (n,)
and writes
    output_train/train_data       RecordIO-protobuf, one float32 record an image, with its label
    output_test/test_data         the same for the test set
    output_valid/valid_data.csv   the validation images, one line an image, no labels

A record is the AIAlgs `Record` message (features and label under the key "values") in a RecordIO frame:
magic, length, payload, padding to four bytes. Every record here has the same length, so the frame is built once and
the numbers are filled in for a block of images at a time.
"""

import gzip
import os
import pickle
import struct
import sys

import numpy

PIXELS = 784
MAGIC = 0xCED7230A
BLOCK = 512  # images written at a time: 1.6 MB, which stays in the processor's cache
SETS = ("train", "validation", "test")


class BadInput(Exception):
    """The data is not what the job needs; the text says why, for a person."""


class ArrayUnpickler(pickle.Unpickler):
    """A pickle can name any function to call; this one may only build numpy arrays."""

    ALLOWED = {
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("_codecs", "encode"),
    }

    def find_class(self, module, name):
        if (module, name) not in self.ALLOWED:
            raise BadInput("it asks for %s.%s, and only numpy arrays are accepted" % (module, name))
        if name == "_reconstruct":  # numpy 2 moved the module; its old name still works, with a warning
            return numpy.ndarray.__reduce__(numpy.empty(0))[0]
        return super().find_class(module, name)


def read_sets(path):
    """The three (images, labels) pairs of the pickle, checked."""
    try:
        with gzip.open(path, "rb") as file:
            sets = ArrayUnpickler(file, encoding="latin1").load()
    except FileNotFoundError:
        raise BadInput("there is no %s; the job's input must place mnist.pkl.gz there" % path)
    except BadInput as error:
        raise BadInput("%s cannot be read: %s" % (path, error))
    except (OSError, EOFError, pickle.UnpicklingError, ValueError, TypeError, IndexError, AttributeError) as error:
        raise BadInput("%s is not a gzip-compressed pickle of MNIST: %s" % (path, error))

    if not isinstance(sets, (tuple, list)) or len(sets) != len(SETS):
        raise BadInput("%s must hold three sets: train, validation and test" % path)
    checked = []
    for name, pair in zip(SETS, sets):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise BadInput("the %s set must be a pair of images and labels" % name)
        images, labels = (numpy.asarray(part) for part in pair)
        if images.ndim != 2 or images.shape[1] != PIXELS or images.shape[0] == 0 or images.dtype.kind != "f":
            raise BadInput("the %s images must be floats of shape (n, %d), not %s of shape %s"
                           % (name, PIXELS, images.dtype, images.shape))
        if labels.shape != (len(images),) or labels.dtype.kind not in "iu":
            raise BadInput("the %s labels must be %d integers, not %s of shape %s"
                           % (name, len(images), labels.dtype, labels.shape))
        images = numpy.ascontiguousarray(images, dtype="<f4")
        if not (images.min() >= 0 and images.max() <= 1):
            raise BadInput("the %s images must lie between 0 and 1" % name)
        checked.append((images, labels))
    return checked


def varint(number):
    """A protobuf base-128 integer."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, payload):
    """A length-delimited protobuf field."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def tensor_entry(number, count):
    """Map entry `number` of a Record: "values" -> Value{float32_tensor{values: count zeros}}.

    The zeros end the entry, so the numbers stand in the last 4 * count bytes.
    """
    return field(number, field(1, b"values") + field(2, field(2, field(1, bytes(4 * count)))))


def write_records(path, images, labels):
    """RecordIO-protobuf; returns the number of bytes."""
    features, label = tensor_entry(1, PIXELS), tensor_entry(2, 1)
    payload = features + label
    template = struct.pack("<II", MAGIC, len(payload)) + payload + bytes(-len(payload) % 4)
    features_end = 8 + len(features)
    label_end = features_end + len(label)

    block = numpy.empty((BLOCK, len(template)), dtype=numpy.uint8)
    block[:] = numpy.frombuffer(template, dtype=numpy.uint8)
    label_bytes = labels.astype("<f4").view(numpy.uint8).reshape(-1, 4)
    with open(path, "wb") as file:
        for start in range(0, len(images), BLOCK):
            part = images[start:start + BLOCK]
            block[:len(part), features_end - 4 * PIXELS:features_end] = part.view(numpy.uint8)
            block[:len(part), label_end - 4:label_end] = label_bytes[start:start + BLOCK]
            file.write(block[:len(part)])
    return len(images) * len(template)


def number_text(value):
    """The shortest decimal that reads back as the same float32: 0, 1, 0.5019608."""
    return numpy.format_float_positional(numpy.float32(value), unique=True, trim="-").encode()


def write_csv(path, images):
    """One line an image. Pixels are grey levels, a few hundred distinct values at most: each is printed once, and the
    lines are put together from those texts."""
    levels = numpy.zeros(256, dtype=numpy.float32)
    index = numpy.rint(images * 255).astype(numpy.uint8)
    levels[index.ravel()] = images.ravel()
    quantised = bool((levels[index] == images).all())

    with open(path, "wb") as file:
        if not quantised:  # arbitrary floats: slower, the same text
            for row in images:
                file.write(b",".join(map(number_text, row)) + b"\n")
            return
        # Texts of fixed width, NUL where shorter; deleting the NULs of a block leaves the lines.
        texts = numpy.array([number_text(level) + b"," for level in levels])
        last = numpy.array([number_text(level) + b"\n" for level in levels], dtype=texts.dtype)
        for start in range(0, len(index), BLOCK):
            part = index[start:start + BLOCK]
            cells = texts[part]
            cells[:, -1] = last[part[:, -1]]
            file.write(cells.tobytes().translate(None, b"\0"))


def main(arguments):
    here = os.path.dirname(os.path.abspath(__file__))
    folder = arguments[0] if arguments else os.path.dirname(here)
    try:
        train, validation, test = read_sets(os.path.join(folder, "input", "mnist.pkl.gz"))
        for name in ("output_train", "output_test", "output_valid"):
            os.makedirs(os.path.join(folder, name), exist_ok=True)
        for name, (images, labels) in (("train", train), ("test", test)):
            path = os.path.join(folder, "output_" + name, name + "_data")
            size = write_records(path, images, labels)
            print("%s: %d records, %d bytes" % (path, len(images), size), flush=True)
        path = os.path.join(folder, "output_valid", "valid_data.csv")
        write_csv(path, validation[0])
        print("%s: %d lines" % (path, len(validation[0])), flush=True)
    except BadInput as error:
        print("kmeans_preprocessing: %s" % error, file=sys.stderr)
        return 1
    except OSError as error:
        print("kmeans_preprocessing: cannot write the results: %s" % error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
