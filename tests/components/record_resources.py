"""Runs the originals of version 2 beside a small model of AWS's controller, and keeps what the controller asked of AWS.

    python record_resources.py DIRECTORY_OF_THE_ORIGINALS DIRECTORY_OF_THE_CONTROLLER [component…]

The second directory is github.com/aws-controllers-k8s/sagemaker-controller at dc49707: its CRDs say which fields there
are, its Go sources what each becomes in SageMaker's API. The originals talk to a Kubernetes that is this process.
"""

import json
import os
import pathlib
import re
import sys
import tempfile

import capture
import record
import resource_cases
import yaml

HERE = pathlib.Path(__file__).parent
# Runs a script of version 2 with the Kubernetes client replaced by the controller's model, and without waits.
RUNNER = """
import json, os, runpy, sys
sys.path.insert(0, os.environ["RECORDER"])
import record_resources
record_resources.replace_kubernetes(json.loads(os.environ["EXISTING"]))
import commonv2.sagemaker_component as c
c.sleep = lambda seconds: None
script = sys.argv[1]
sys.argv = sys.argv[1:]
runpy.run_path(script, run_name="__main__")
"""
PLURALS = {  # to the kind and the folder of its Go source
    "trainingjobs": ("TrainingJob", "training_job"),
    "models": ("Model", "model"),
    "endpointconfigs": ("EndpointConfig", "endpoint_config"),
    "endpoints": ("Endpoint", "endpoint"),
    "monitoringschedules": ("MonitoringSchedule", "monitoring_schedule"),
    "dataqualityjobdefinitions": ("DataQualityJobDefinition", "data_quality_job_definition"),
    "modelbiasjobdefinitions": ("ModelBiasJobDefinition", "model_bias_job_definition"),
    "modelqualityjobdefinitions": ("ModelQualityJobDefinition", "model_quality_job_definition"),
    "modelexplainabilityjobdefinitions": ("ModelExplainabilityJobDefinition", "model_explainability_job_definition"),
}
CHANGING = {
    "TrainingJob": ("InProgress", "Stopping"),
    "Endpoint": ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"),
    "MonitoringSchedule": ("Pending",),
}
LATE = ("TrainingJob", "Model", "EndpointConfig")
TERMINAL_CODES = ("ResourceNotFound", "ResourceInUse", "InvalidParameterCombination", "InvalidParameterValue", "MissingParameter")


class Names:
    """Names of fields to names of the API's members, out of the controller's Go sources."""

    def __init__(self, controller, folder):
        tags = {}
        for source in (controller / "apis" / "v1alpha1").glob("*.go"):
            for field, tag in re.findall(r'^\t(\w+)\s.*`json:"(\w+),?', source.read_text(), re.M):
                tags[tag] = field
        members = set(re.findall(r"\.(\w+) = ", (controller / "pkg" / "resource" / folder / "sdk.go").read_text()))
        members |= set(re.findall(r"resp\.(?:\w+\.)*(\w+)", (controller / "pkg" / "resource" / folder / "sdk.go").read_text()))
        members |= set(re.findall(r"iter\.(\w+)", (controller / "pkg" / "resource" / folder / "sdk.go").read_text()))
        go_fields = set(tags.values())
        self.member = {}
        for tag, field in tags.items():
            same = [m for m in members if m.lower() == field.replace("_", "").lower()]
            own = [m for m in same if m not in go_fields] or same  # the API's where the two differ
            if own:
                self.member[tag] = sorted(own)[0]


class Controller:
    def __init__(self, plural, existing):
        import boto3
        from botocore.config import Config

        controller = pathlib.Path(os.environ["CONTROLLER"])
        self.kind, folder = PLURALS[plural]
        crd = yaml.safe_load((controller / "config/crd/bases" / f"sagemaker.services.k8s.aws_{plural}.yaml").read_text())
        self.schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
        self.names = Names(controller, folder)
        self.client = boto3.client("sagemaker", config=Config(parameter_validation=False, retries={"max_attempts": 0}))
        self.resource = existing
        self.is_new = existing is None
        self.updated_to = None

    # --- Kubernetes' API server
    def create(self, body):
        spec, faults = self.prune(self.schema["spec"], body["spec"], "spec")
        if faults:
            from kubernetes.client.rest import ApiException

            raise ApiException(status=422, reason="; ".join(faults))
        self.resource = {**body, "spec": spec}
        return self.resource

    def patch(self, body):
        spec, _ = self.prune(self.schema["spec"], body["spec"], "spec")
        self.resource = {**self.resource, "spec": {**self.resource["spec"], **spec}}
        self.desired = self.resource["spec"]
        return self.resource

    def prune(self, schema, value, path):
        kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}
        kind = schema["type"]
        if not isinstance(value, kinds[kind]) or (kind in ("integer", "number") and isinstance(value, bool)):
            return value, [f"{path}: Invalid value"]
        faults = []
        if kind == "array":
            value = [self._kept(schema["items"], v, f"{path}[{i}]", faults) for i, v in enumerate(value)]
        elif kind == "object" and "properties" in schema:
            value = {k: self._kept(schema["properties"][k], v, f"{path}.{k}", faults) for k, v in value.items() if k in schema["properties"]}
            faults += [f"{path}.{k}: Required value" for k in schema.get("required", ()) if k not in value]
        elif kind == "object":
            value = {k: self._kept(schema["additionalProperties"], v, f"{path}.{k}", faults) for k, v in value.items()}
        return value, faults

    def _kept(self, schema, value, path, faults):
        value, more = self.prune(schema, value, path)
        faults += more
        return value

    # --- the controller
    def to_api(self, schema, value):
        if schema["type"] == "array":
            return [self.to_api(schema["items"], v) for v in value]
        if schema["type"] == "object" and "properties" in schema:
            return {self.names.member[k]: self.to_api(schema["properties"][k], v) for k, v in value.items()}
        return value

    def from_api(self, schema, value):
        if schema["type"] == "array":
            return [self.from_api(schema["items"], v) for v in value]
        if schema["type"] == "object" and "properties" in schema:
            found = {k: value.get(self.names.member.get(k)) for k in schema["properties"]}
            return {k: self.from_api(schema["properties"][k], v) for k, v in sorted(found.items()) if v is not None}
        if schema.get("format") == "date-time":
            return value.strftime("%Y-%m-%dT%H:%M:%SZ")
        return int(value) if schema["type"] == "number" and value == int(value) else value

    def call(self, verb, **given):
        operation = f"{verb}{self.kind}"
        return self.client._make_api_call(operation, given)

    def describe(self):
        from botocore.exceptions import ClientError

        member = {"DataQualityJobDefinition": "JobDefinitionName"}.get(self.kind, f"{self.kind}Name")
        member = "JobDefinitionName" if self.kind.endswith("Definition") else member
        try:
            return self.call("Describe", **{member: self.to_api(self.schema["spec"], self.resource["spec"])[member]})
        except ClientError as error:
            if error.response["Error"]["Code"] in ("ValidationException", "ResourceNotFound"):
                return None
            raise

    def reconcile(self):
        """One round, after which the resource has the status that it would have."""
        from botocore.exceptions import ClientError

        if self.resource is None:
            return
        old = self.resource.get("status", {}).get("conditions", [])
        if any(c["type"] in ("ACK.Terminal", "ACK.Recoverable") and c["status"] == "True" for c in old):
            return
        try:
            found = self.describe()
            if found is None:
                self.call("Create", **self.to_api(self.schema["spec"], self.resource["spec"]))
                found = self.describe()
            elif hasattr(self, "desired"):
                self.update(found)
                found = self.describe() if self.updated_to is not None else found
            self.keep(found)
        except ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
            kind = "ACK.Terminal" if code in TERMINAL_CODES else "ACK.Recoverable"
            self.resource["status"] = {"conditions": [{"message": f"api error {code}: {message}", "status": "True", "type": kind}]}

    def update(self, found):
        if found.get(f"{self.kind}Status") in CHANGING[self.kind]:
            return
        wanted = self.to_api(self.schema["spec"], self.desired)
        wanted.pop("Tags", None)
        if all(found.get(k) == v for k, v in wanted.items()):
            return
        if self.updated_to == wanted and found.get("FailureReason"):
            message = f"api error EndpointUpdateError: unable to update endpoint. check FailureReason. latest EndpointConfigName is {found['EndpointConfigName']}"
            self.failed = {"message": message, "status": "True", "type": "ACK.Terminal"}
            return
        if self.updated_to == wanted:
            return
        if self.kind == "Endpoint":
            wanted = {**wanted, "RetainAllVariantProperties": True}
        self.call("Update", **wanted)
        wanted.pop("RetainAllVariantProperties", None)
        self.updated_to = wanted

    def keep(self, found):
        now = "2026-01-02T03:04:05Z"
        state = found.get(f"{self.kind}Status")
        late = [{"lastTransitionTime": now, "message": "Late initialization successful", "reason": "Late initialization successful", "status": "True", "type": "ACK.LateInitialized"}]
        if state is None:
            synced = {"lastTransitionTime": now, "message": "Resource synced successfully", "reason": "", "status": "True"}
            conditions = [*(late if self.kind in LATE else []), {**synced, "type": "ACK.ResourceSynced"}]
        else:
            what, rule = self.kind, state
            ended = "False" if state in CHANGING[self.kind] else "True"
            if self.kind == "TrainingJob" and state != "InProgress":
                for statuses in ("DebugRuleEvaluationStatuses", "ProfilerRuleEvaluationStatuses"):
                    for one in found.get(statuses, ()):
                        if one["RuleEvaluationStatus"] in ("InProgress", "Stopping") and ended == "True":
                            what, rule, ended = statuses.partition("Evaluation")[0], one["RuleEvaluationStatus"], "False"
            synced = {"lastTransitionTime": now, "message": f"{what} is in {rule} status.", "status": ended}
            conditions = [{**synced, "type": "ACK.ResourceSynced"}, *(late if self.kind in LATE else [])]
        if self.kind in ("Endpoint", "MonitoringSchedule") and state == "Failed":
            conditions.append({"message": f"{self.kind} status reached terminal state: Failed. Check the FailureReason.", "status": "True", "type": "ACK.Terminal"})
        if hasattr(self, "failed"):
            conditions.append(self.failed)
        conditions.append({**synced, "type": "Ready"})
        arn = next(v for k, v in found.items() if k in (f"{self.kind}Arn", "JobDefinitionArn"))
        parts = arn.split(":")
        status = {k: v for k, v in self.from_api(self.schema["status"], found).items() if k not in ("ackResourceMetadata", "conditions")}
        metadata = {"arn": arn, "ownerAccountID": parts[4], "partition": parts[1], "region": parts[3]}
        self.resource["status"] = {**status, "ackResourceMetadata": metadata, "conditions": conditions}


def replace_kubernetes(existing):
    from kubernetes import client, config
    from kubernetes.client.rest import ApiException

    state = {}

    def controller(plural):
        return state.setdefault(plural, Controller(plural, existing))

    def get(self, group, version, namespace, plural, name):
        one = controller(plural)
        one.reconcile()
        if one.resource is None:
            raise ApiException(status=404)
        return json.loads(json.dumps(one.resource))

    def create(self, group, version, namespace, plural, body):
        return controller(plural).create(json.loads(json.dumps(body)))

    def patch(self, group, version, namespace, plural, name, body):
        return controller(plural).patch(json.loads(json.dumps(body)))

    client.CustomObjectsApi.get_namespaced_custom_object = get
    client.CustomObjectsApi.create_namespaced_custom_object = create
    client.CustomObjectsApi.patch_namespaced_custom_object = patch
    client.CoreV1Api.list_namespaced_pod = lambda self, namespace: None
    config.load_incluster_config = lambda: None
    config.list_kube_config_contexts = lambda: (None, {"context": {"namespace": "kubeflow"}})


def main():
    originals, controller = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
    for component in sys.argv[3:] or resource_cases.CASES:
        recorded = []
        for name, given, answers, *existing in resource_cases.CASES[component]:
            os.environ.update(RECORDER=str(HERE), CONTROLLER=str(controller), EXISTING=json.dumps(existing[0] if existing else None))
            arguments = record.words(component, given)
            seen, stderr = record.run(component, arguments, answers, originals, RUNNER)
            seen.pop("log")
            recorded.append({"name": name, "arguments": arguments, "answers": answers, **seen})
            print(component, "|", name, "|", seen["exit"], [c["operation"] for c in seen["calls"]], stderr.strip().splitlines()[-1:] if seen["exit"] else "")
        (HERE / "recorded" / f"{component}.json").write_text(json.dumps(recorded, indent=1) + "\n")


if __name__ == "__main__":
    main()
