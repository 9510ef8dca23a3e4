"""The scenarios by boto3."""

import functools
import json

import boto3

import plain
import world

VERSION = boto3.__version__


@functools.cache
def client(service):
    return boto3.client(service)


class Aws:
    is_cli = False

    def __call__(self, service, operation, **request):
        answer = getattr(client(service), operation)(**request)
        if operation == "invoke_endpoint":
            answer["Body"] = answer["Body"].read()
        return answer

    refusal = staticmethod(world.refusal)


class Scenarios(plain.Scenarios):
    def response_stream(self):
        endpoint = self.serving(self.model({"PrimaryContainer": self.factor(2)}))
        request = {"EndpointName": endpoint, "Body": b"[1, 2]", "ContentType": "application/json", "Accept": "application/json"}
        answer = client("sagemaker-runtime").invoke_endpoint_with_response_stream(**request)
        assert json.loads(b"".join(event["PayloadPart"]["Bytes"] for event in answer["Body"])) == [2, 4]
        self.delete(endpoint)


SCENARIOS = Scenarios(Aws())
