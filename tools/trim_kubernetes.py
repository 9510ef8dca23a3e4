#!/usr/bin/env python3
"""Cuts the schemas of the kinds that src/kube serves out of Kubernetes' OpenAPI document.

    tools/trim_kubernetes.py swagger.json > models/kubernetes/openapi.json

swagger.json is api/openapi-spec/swagger.json of the Go module k8s.io/kubernetes; models/README.md names the version.
Paths are left out: the server makes them from its own table of kinds.
"""

import json
import sys

KINDS = [
    "io.k8s.api.core.v1.ConfigMap",
    "io.k8s.api.core.v1.Event",
    "io.k8s.api.core.v1.Namespace",
    "io.k8s.api.core.v1.Node",
    "io.k8s.api.core.v1.PersistentVolumeClaim",
    "io.k8s.api.core.v1.Pod",
    "io.k8s.api.core.v1.Secret",
    "io.k8s.api.core.v1.Service",
    "io.k8s.api.core.v1.ServiceAccount",
    "io.k8s.api.coordination.v1.Lease",
    "io.k8s.api.authentication.v1.SelfSubjectReview",
    "io.k8s.api.authorization.v1.SelfSubjectAccessReview",
    "io.k8s.api.authorization.v1.SelfSubjectRulesReview",
]
ALSO = [
    "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Patch",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Status",
    "io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent",
]
GROUPS = {"", "authentication.k8s.io", "authorization.k8s.io", "coordination.k8s.io"}


def references(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].removeprefix("#/definitions/")
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        document = json.load(file)
    every = document["definitions"]
    wanted = KINDS + [kind + "List" for kind in KINDS if kind + "List" in every] + ALSO
    kept = {}
    while wanted:
        name = wanted.pop()
        if name in kept:
            continue
        kept[name] = every[name]
        wanted.extend(references(every[name]))
    for schema in kept.values():
        kinds = schema.get("x-kubernetes-group-version-kind")
        if kinds and len(kinds) > 1:  # DeleteOptions and WatchEvent name every group there is
            schema["x-kubernetes-group-version-kind"] = [kind for kind in kinds if kind["group"] in GROUPS]
    print("{")
    names = sorted(kept)
    for name in names:
        text = json.dumps(kept[name], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        print(f' "{name}": {text}{"," if name != names[-1] else ""}')
    print("}")


if __name__ == "__main__":
    main()
