"""What the Python client is asked to do on each server, one after the other: name → what it answers or is refused."""

import json
import re

from kubernetes import client, watch

NS = "python"
# What no two servers have alike.
VARYING = ("uid", "resource_version", "creation_timestamp", "managed_fields", "time", "last_transition_time")


def meta(name, **more):
    return client.V1ObjectMeta(name=name, **more)


def secret(name, **more):
    return client.V1Secret(metadata=meta(name), string_data={"a": "b"}, **more)


def config_map(name, data=None, **more):
    return client.V1ConfigMap(metadata=meta(name, **more), data=data or {"a": "1"})


def claim(name, modes=("ReadWriteOnce",), size="1Gi"):
    resources = client.V1VolumeResourceRequirements(requests={"storage": size} if size else None)
    return client.V1PersistentVolumeClaim(metadata=meta(name), spec=client.V1PersistentVolumeClaimSpec(access_modes=list(modes), resources=resources))


def lease(name, seconds=15):
    return client.V1Lease(metadata=meta(name), spec=client.V1LeaseSpec(holder_identity="me", lease_duration_seconds=seconds))


def events(core, function, stop_after, **more):
    seen = []
    for event in watch.Watch().stream(function, NS, timeout_seconds=10, **more):
        seen.append([event["type"], event["object"].metadata.name])
        if len(seen) == stop_after:
            break
    return seen


def page(core):
    first = core.list_namespaced_config_map(NS, limit=1)
    rest = core.list_namespaced_config_map(NS, limit=50, _continue=first.metadata._continue)
    return [first.metadata.remaining_item_count, len(first.items), len(rest.items)]


def stale(core):
    there = core.read_namespaced_config_map("c1", NS)
    there.data["a"] = "2"
    core.replace_namespaced_config_map("c1", NS, there)
    return core.replace_namespaced_config_map("c1", NS, there)


def raw(api, path, method="GET", accept="application/json", body=None, **headers):
    """Status and body of a request as it stands."""
    answer = api.call_api(
        path, method, header_params={"Accept": accept, **headers}, body=body, auth_settings=["BearerToken"],
        _preload_content=False, response_type="object",
    )  # fmt: skip
    return json.loads(answer[0].data)


def calls(api):
    core, coordination = client.CoreV1Api(api), client.CoordinationV1Api(api)
    auth, who = client.AuthorizationV1Api(api), client.AuthenticationV1Api(api)
    base = f"/api/v1/namespaces/{NS}"
    can = lambda **attributes: auth.create_self_subject_access_review(  # noqa: E731
        client.V1SelfSubjectAccessReview(spec=client.V1SelfSubjectAccessReviewSpec(resource_attributes=client.V1ResourceAttributes(**attributes)))
    ).status.allowed
    return {
        "create_namespace": lambda: core.create_namespace(client.V1Namespace(metadata=meta(NS))),
        "create_namespace again": lambda: core.create_namespace(client.V1Namespace(metadata=meta(NS))),
        "create_namespace Bad_Name": lambda: core.create_namespace(client.V1Namespace(metadata=meta("Bad_Name"))),
        "read_namespace": lambda: core.read_namespace(NS),
        "create_secret": lambda: core.create_namespaced_secret(NS, secret("s1")),
        "create_secret again": lambda: core.create_namespaced_secret(NS, secret("s1")),
        "create_secret tls without keys": lambda: core.create_namespaced_secret(NS, secret("t", type="kubernetes.io/tls")),
        "create_secret in no namespace": lambda: core.create_namespaced_secret("nowhere", secret("s1")),
        "create_secret dry run": lambda: core.create_namespaced_secret(NS, secret("s2"), dry_run="All"),
        "read_secret dry run": lambda: core.read_namespaced_secret("s2", NS),
        "create_secret unknown dry run": lambda: core.create_namespaced_secret(NS, secret("s2"), dry_run="Some"),
        "read_secret": lambda: core.read_namespaced_secret("s1", NS),
        "patch_secret": lambda: core.patch_namespaced_secret("s1", NS, {"stringData": {"c": "d"}}),
        "patch_secret json": lambda: core.patch_namespaced_secret("s1", NS, [{"op": "remove", "path": "/data/c"}]),
        "patch_secret json test": lambda: core.patch_namespaced_secret("s1", NS, [{"op": "test", "path": "/data/a", "value": "x"}]),
        "patch_secret type": lambda: core.patch_namespaced_secret("s1", NS, {"type": "other"}),
        "patch_secret label": lambda: core.patch_namespaced_secret("s1", NS, {"metadata": {"labels": {"team": "a b"}}}),
        "patch_secret not base64": lambda: core.patch_namespaced_secret("s1", NS, {"data": {"a": "%%"}}),
        "list_secret": lambda: core.list_namespaced_secret(NS),
        "list_secret by type": lambda: [s.metadata.name for s in core.list_namespaced_secret(NS, field_selector="type=Opaque").items],
        "list_secret by unknown field": lambda: core.list_namespaced_secret(NS, field_selector="x=y"),
        "list_secret bad selector": lambda: core.list_namespaced_secret(NS, label_selector="a in (b"),
        "list_secret bad label": lambda: core.list_namespaced_secret(NS, label_selector="team=a b"),
        "list_secret bad continue": lambda: core.list_namespaced_secret(NS, _continue="junk"),
        "list_secret bad version": lambda: core.list_namespaced_secret(NS, resource_version="junk"),
        "list_secret match alone": lambda: core.list_namespaced_secret(NS, resource_version_match="Exact"),
        "create_config_map": lambda: core.create_namespaced_config_map(NS, config_map("c1", labels={"tier": "x"})),
        "create_config_map generated": lambda: len(core.create_namespaced_config_map(NS, client.V1ConfigMap(metadata=client.V1ObjectMeta(generate_name="g-"))).metadata.name),
        "create_config_map bad key": lambda: core.create_namespaced_config_map(NS, config_map("c2", {"a b": "1"})),
        "create_config_map strict": lambda: api.call_api(f"{base}/configmaps", "POST", query_params=[("fieldValidation", "Strict")], body={"metadata": {"name": "x", "lables": {}}}, auth_settings=["BearerToken"], response_type="object")[0],
        "create_config_map number": lambda: api.call_api(f"{base}/configmaps", "POST", body={"metadata": {"name": "x"}, "data": {"a": 1}}, auth_settings=["BearerToken"], response_type="object")[0],
        "create_config_map of another kind": lambda: api.call_api(f"{base}/configmaps", "POST", body={"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "x"}}, auth_settings=["BearerToken"], response_type="object")[0],
        "create_config_map other namespace": lambda: core.create_namespaced_config_map(NS, config_map("c2", namespace="default")),
        "replace_config_map stale": lambda: stale(core),
        "replace_config_map other name": lambda: core.replace_namespaced_config_map("c1", NS, config_map("c9")),
        "list_config_map pages": lambda: page(core),
        "list_config_map in": lambda: [c.metadata.name for c in core.list_namespaced_config_map(NS, label_selector="tier in (x,y)").items],
        "watch_config_map": lambda: events(core, core.list_namespaced_config_map, 1, label_selector="tier=x"),
        "watch_config_map initial events": lambda: raw_watch(api, f"{base}/configmaps"),
        "watch_config_map without match": lambda: raw(api, f"{base}/configmaps?watch=1&sendInitialEvents=true"),
        "immutable": lambda: core.patch_namespaced_config_map("c1", NS, {"immutable": True}).immutable,
        "immutable change": lambda: core.patch_namespaced_config_map("c1", NS, {"data": {"a": "9"}}),
        "finalizer": lambda: core.create_namespaced_config_map(NS, config_map("held", finalizers=["example.com/hold"])),
        "finalizer delete": lambda: core.delete_namespaced_config_map("held", NS).status,
        "finalizer remains": lambda: core.read_namespaced_config_map("held", NS).metadata.deletion_grace_period_seconds,
        "finalizer removed": lambda: core.patch_namespaced_config_map("held", NS, {"metadata": {"finalizers": None}}).metadata.name,
        "finalizer gone": lambda: core.read_namespaced_config_map("held", NS),
        "bad finalizer": lambda: core.create_namespaced_config_map(NS, config_map("bad", finalizers=["hold it"])),
        "delete wrong uid": lambda: core.delete_namespaced_config_map("c1", NS, body=client.V1DeleteOptions(preconditions=client.V1Preconditions(uid="0"))),
        "delete": lambda: core.delete_namespaced_config_map("c1", NS),
        "delete missing": lambda: core.delete_namespaced_config_map("c1", NS),
        "delete bad policy": lambda: core.delete_namespaced_config_map("c1", NS, propagation_policy="Never"),
        "delete_collection": lambda: core.delete_collection_namespaced_config_map(NS).kind,
        "service account": lambda: core.create_namespaced_service_account(NS, client.V1ServiceAccount(metadata=meta("robot"))),
        "claim": lambda: core.create_namespaced_persistent_volume_claim(NS, claim("data")),
        "claim without size": lambda: core.create_namespaced_persistent_volume_claim(NS, claim("data2", size=None)),
        "claim bad mode": lambda: core.create_namespaced_persistent_volume_claim(NS, claim("data2", modes=("Sometimes",))),
        "lease": lambda: coordination.create_namespaced_lease(NS, lease("l")),
        "lease bad": lambda: coordination.create_namespaced_lease(NS, lease("l2", -1)),
        "may": lambda: can(verb="create", resource="secrets"),
        "may nothing": lambda: auth.create_self_subject_access_review({"spec": {}}),
        "who": lambda: sorted(who.create_self_subject_review(client.V1SelfSubjectReview()).status.user_info.groups),
        "pod missing": lambda: core.read_namespaced_pod("none", NS),
        "pod log missing": lambda: core.read_namespaced_pod_log("none", NS),
        "as table": lambda: raw(api, f"{base}/secrets", accept="application/json;as=Table;v=v1;g=meta.k8s.io")["rows"][0]["cells"][:3],
        "as metadata": lambda: sorted(raw(api, f"{base}/secrets/s1", accept="application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io")),
        "as protobuf": lambda: raw_type(api, f"{base}/secrets/s1", "application/vnd.kubernetes.protobuf"),
        "as yaml": lambda: raw_type(api, f"{base}/secrets/s1", "application/yaml"),
        "as protobuf or json": lambda: raw_type(api, f"{base}/secrets/s1", "application/vnd.kubernetes.protobuf,application/json") != "",
        "as nothing known": lambda: raw(api, f"{base}/secrets/s1", accept="text/csv"),
        "unknown media type": lambda: raw(api, f"{base}/secrets", "POST", body="x", **{"Content-Type": "text/csv"}),
        "unknown group": lambda: raw(api, "/apis/example.com/v1/things"),
        "unknown kind": lambda: raw(api, f"{base}/things"),
        "method": lambda: raw(api, f"{base}/secrets", "PUT"),
        "groups": lambda: sorted(raw(api, "/api")["versions"]),
        "delete_namespace": lambda: core.delete_namespace("default"),
    }


def raw_watch(api, path):
    """The types of the first events of a list that is streamed, and the annotation that ends it."""
    answer = api.call_api(
        f"{path}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=5",
        "GET", auth_settings=["BearerToken"], _preload_content=False, response_type="object",
    )[0]  # fmt: skip
    seen = []
    for line in answer:
        event = json.loads(line)
        seen.append(event["type"])
        if event["type"] == "BOOKMARK":
            return [sorted(set(seen)), event["object"]["metadata"]["annotations"]]
    return seen


def raw_type(api, path, accept):
    answer = api.call_api(path, "GET", header_params={"Accept": accept}, auth_settings=["BearerToken"], _preload_content=False, response_type="object")[0]
    return answer.headers["Content-Type"].partition(";")[0]


def plain(value):
    """Without what differs from server to server, and without what is not there."""
    if hasattr(value, "to_dict"):
        value = value.to_dict()
    if isinstance(value, dict):
        return {k: plain(v) for k, v in sorted(value.items()) if k not in VARYING and v is not None and k not in ("uid", "resourceVersion", "creationTimestamp", "managedFields")}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def answer_of(call):
    try:
        text = json.dumps(plain(call()), default=str)
    except client.ApiException as error:
        try:
            body = json.loads(error.body)
        except ValueError:
            body = {"message": str(error.body)}
        said = {k: body.get(k) for k in ("reason", "message", "details") if body.get(k) is not None}
        text = f"{error.status} {json.dumps(plain(said))}"
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UID", text)
    return text


def answers(api):
    return {name: answer_of(call) for name, call in calls(api).items()}
