"""Writes models/sagemaker-resources.json: the fields of SageMaker's custom resources, as AWS's controller for Kubernetes
declares them, with the members of the API that they become.

    python3 tools/trim_resources.py CRD_DIRECTORY BOTOCORE_DATA_DIRECTORY

CRD_DIRECTORY is config/crd/bases of github.com/aws-controllers-k8s/sagemaker-controller (here at dc49707). A field is
{"type", "api", …}: "api" stands where the member is not the field's name with a capital first letter.
"""

import json
import pathlib
import sys

import yaml
from trim_models import load

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = ROOT / "models" / "sagemaker-resources.json"
KINDS = {
    "TrainingJob": "trainingjobs",
    "Model": "models",
    "EndpointConfig": "endpointconfigs",
    "Endpoint": "endpoints",
    "MonitoringSchedule": "monitoringschedules",
    "DataQualityJobDefinition": "dataqualityjobdefinitions",
    "ModelBiasJobDefinition": "modelbiasjobdefinitions",
    "ModelQualityJobDefinition": "modelqualityjobdefinitions",
    "ModelExplainabilityJobDefinition": "modelexplainabilityjobdefinitions",
}
CONTROLLERS_OWN = ("ackResourceMetadata", "conditions")  # of a status


def plain(name):
    return name.replace("_", "").lower()


def trim(schema, shape, shapes, path):
    """A schema beside the shape that its values become."""
    if schema["type"] == "array":
        return {"type": "array", "items": trim(schema["items"], shapes[shape["member"]["shape"]], shapes, path + "[]")}
    if schema["type"] != "object":
        return {"type": "time"} if schema.get("format") == "date-time" else {"type": schema["type"]}
    if "properties" not in schema:
        return {"type": "map", "items": trim(schema["additionalProperties"], shapes[shape["value"]["shape"]], shapes, path + ".*")}
    members = {plain(name): name for name in shape["members"]}
    fields = {}
    for name, field in schema["properties"].items():
        member = members.get(plain(name))
        if member is None:
            print(f"left out: {path}.{name} is no member of the API")
            continue
        fields[name] = trim(field, shapes[shape["members"][member]["shape"]], shapes, f"{path}.{name}")
        if member != name[0].upper() + name[1:]:
            fields[name]["api"] = member
    node = {"type": "object", "fields": fields}
    if schema.get("required"):
        node["required"] = schema["required"]
    return node


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    model = load(pathlib.Path(sys.argv[2]) / "sagemaker" / "2017-07-24")
    shapes, out = model["shapes"], {}
    for kind, plural in KINDS.items():
        crd = yaml.safe_load((pathlib.Path(sys.argv[1]) / f"sagemaker.services.k8s.aws_{plural}.yaml").read_text())
        schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
        for name in CONTROLLERS_OWN:
            schema["status"]["properties"].pop(name)
        schema["status"].pop("required", None)
        request = shapes[model["operations"][f"Create{kind}"]["input"]["shape"]]
        answer = shapes[model["operations"][f"Describe{kind}"]["output"]["shape"]]
        out[kind] = {"spec": trim(schema["spec"], request, shapes, f"{kind}.spec")}
        if schema["status"]["properties"]:
            out[kind]["status"] = trim(schema["status"], answer, shapes, f"{kind}.status")
    TARGET.write_text(json.dumps(out, separators=(",", ":")) + "\n")
    print(f"{TARGET.relative_to(ROOT)}: {TARGET.stat().st_size} bytes")


main()
