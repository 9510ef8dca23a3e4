"""Trims the public AWS service models to the operations of models/operations.json, and only to what src/aws/model.h reads.

    python3 tools/trim_models.py BOTOCORE_DATA_DIRECTORY

BOTOCORE_DATA_DIRECTORY is the `data` folder of an installed botocore; a service that it does not have keeps its file
(botocore 1.40.30 is the last that has robomaker, whose service has ended). Documentation is dropped; patterns are rewritten
to RE2's syntax, and one that RE2 cannot take is left out with a line that says so. operations.json adds what the models
leave to each SDK: the endpoint, and the elements that S3's answers are wrapped in (API Reference, "Response Syntax";
a text output is the one member that the root element holds as its text).
"""

import gzip
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODELS = ROOT / "models"


def load(folder):
    for name in ("service-2.json", "service-2.json.gz"):
        path = folder / name
        if path.exists():
            data = path.read_bytes()
            return json.loads(gzip.decompress(data) if name.endswith(".gz") else data)
    raise SystemExit(f"{folder} holds no service model")


def to_re2(shape_name, pattern):
    """RE2 takes neither \\uXXXX nor look-arounds, and spells some classes otherwise."""
    # Characters beyond the first plane: as surrogate pairs in some models, with more than four digits in others.
    text = pattern.replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\x{10000}-\x{10FFFF}").replace(r"\u10000-\u10FFFF", r"\x{10000}-\x{10FFFF}")
    text = re.sub(r"\\u([0-9A-Fa-f]{4})", r"\\x{\1}", text)
    text = text.replace(r"\p{Print}", "[:print:]").replace(r"\p{Alnum}", "[:alnum:]").replace(r"\p{ASCII}", r"[\x00-\x7F]")
    if re.search(r"\(\?[=!<]", text) or r"\p{Graph}" in text or r"\p{Blank}" in text:
        print(f"left out: the pattern of {shape_name}: {pattern}")
        return None
    for repeat in re.findall(r"\{(?:\d+,)?(\d+)\}", text):
        if int(repeat) > 1000:  # RE2's limit; the length is checked by min and max as well
            print(f"left out: the pattern of {shape_name}: {pattern}")
            return None
    return text


def member_fields(member):
    fields = {"shape": member["shape"]}
    for key in ("location", "locationName", "flattened", "xmlAttribute", "streaming"):
        if member.get(key):
            fields[key] = member[key]
    if member.get("timestampFormat"):
        fields["timestampFormat"] = member["timestampFormat"]
    return fields


def trim_shape(name, shape):
    out = {"type": shape["type"]}
    for key in ("required", "payload", "enum", "min", "max", "timestampFormat", "sensitive", "flattened", "document", "streaming", "locationName"):
        if key in shape and shape[key] not in (None, False, []):
            out[key] = shape[key]
    if "pattern" in shape:
        pattern = to_re2(name, shape["pattern"])
        if pattern is not None:
            out["pattern"] = pattern
    if "members" in shape:
        out["members"] = {key: member_fields(member) for key, member in shape["members"].items()}
    for key in ("member", "key", "value"):
        if key in shape:
            out[key] = member_fields(shape[key])
    return out


def reached(shapes, roots):
    found, todo = set(), list(roots)
    while todo:
        name = todo.pop()
        if name in found:
            continue
        found.add(name)
        shape = shapes[name]
        children = list(shape.get("members", {}).values()) + [shape[key] for key in ("member", "key", "value") if key in shape]
        todo.extend(child["shape"] for child in children)
    return found


def xml_namespace(meta):
    namespace = meta.get("xmlNamespace", "")
    return namespace.get("uri", "") if isinstance(namespace, dict) else namespace


def sub_resources(model):
    """"acl" of "/{Bucket}?acl"."""
    constants = (part.partition("=") for operation in model["operations"].values()
                 for part in operation["http"]["requestUri"].partition("?")[2].split("&"))
    return sorted({name for name, equals, _ in constants if name and not equals})


def trim(service, entry, data):
    model = load(data / entry["model"])
    meta = model["metadata"]
    operations, roots = {}, set()
    for name in entry["operations"]:
        source = model["operations"].get(name)
        if source is None:
            raise SystemExit(f"{service} has no operation {name}")
        operation = {"method": source["http"]["method"], "uri": source["http"]["requestUri"]}
        if source["http"].get("responseCode", 200) != 200:
            operation["code"] = source["http"]["responseCode"]
        for side in ("input", "output"):
            if side in source:
                operation[side] = source[side]["shape"]
                roots.add(source[side]["shape"])
                if side == "output" and "resultWrapper" in source[side]:
                    operation["wrapper"] = source[side]["resultWrapper"]
                if side == "input" and "locationName" in source[side]:
                    operation["root"] = source[side]["locationName"]
        if name in entry.get("output_roots", {}):
            operation["output_root"] = entry["output_roots"][name]
        if name in entry.get("text_outputs", {}):
            operation["text_output"] = entry["text_outputs"][name]
        operations[name] = operation
    out = {
        "service": service,
        "signing_name": entry["signing_name"],
        "api_version": meta["apiVersion"],
        "protocol": meta["protocol"],
        "target_prefix": meta.get("targetPrefix", ""),
        "json_version": meta.get("jsonVersion", ""),
        "endpoint": entry["endpoint"],
        "signing": "verbatim" if meta["signatureVersion"] == "s3" else "common",
        "xml_namespace": entry.get("xml_namespace") or xml_namespace(meta),
        # Every operation of the real service, so that one that is not here can be refused by its name.
        "known_operations": sorted(model["operations"]),
        # Bare query parameters that make a request another operation's.
        "sub_resources": sub_resources(model),
        "operations": operations,
        "shapes": {name: trim_shape(name, model["shapes"][name]) for name in sorted(reached(model["shapes"], roots))},
    }
    path = MODELS / f"{service}.json"
    path.write_text(json.dumps(out, separators=(",", ":"), sort_keys=False) + "\n")
    print(f"{path.relative_to(ROOT)}: {len(operations)} operations, {len(out['shapes'])} shapes, {path.stat().st_size} bytes")


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    data = pathlib.Path(sys.argv[1])
    for service, entry in json.loads((MODELS / "operations.json").read_text()).items():
        if (data / entry["model"]).is_dir():
            trim(service, entry, data)
        else:
            print(f"models/{service}.json stays: this botocore has no {entry['model']}")


if __name__ == "__main__":
    main()
