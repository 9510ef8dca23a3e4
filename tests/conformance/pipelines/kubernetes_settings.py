from typing import Optional

from case import case
from kfp import dsl, kubernetes
from parts import run, say, sh


@case("a secret as environment variables", tasks={"run": {"out": "alpha beta"}})
@dsl.pipeline(name="secret-env")
def secret_env():
    task = run(script='printf "%s %s" "$A" "$B" > $out')
    kubernetes.use_secret_as_env(task, secret_name="letters", secret_key_to_env={"a": "A", "b": "B"})


@case("a secret as a volume", tasks={"run": {"out": "alphabeta"}})
@dsl.pipeline(name="secret-volume")
def secret_volume():
    task = run(script="cat /etc/letters/a /etc/letters/b > $out")
    kubernetes.use_secret_as_volume(task, secret_name="letters", mount_path="/etc/letters")


@case("a secret named by a parameter", arguments={"name": "letters"}, tasks={"run": {"out": "alpha"}})
@dsl.pipeline(name="secret-dynamic")
def secret_dynamic(name: str):
    task = run(script='printf %s "$A" > $out')
    kubernetes.use_secret_as_env(task, secret_name=name, secret_key_to_env={"a": "A"})


@case("a secret that is missing fails its task", state="FAILED", error="nowhere", tasks={"run": "FAILED"})
@dsl.pipeline(name="secret-missing")
def secret_missing():
    kubernetes.use_secret_as_env(run(script="true"), secret_name="nowhere", secret_key_to_env={"a": "A"})


@case("an optional secret that is missing", tasks={"run": {"out": "none"}})
@dsl.pipeline(name="secret-optional")
def secret_optional():
    task = run(script='printf %s "${A:-none}" > $out')
    kubernetes.use_secret_as_env(task, secret_name="nowhere", secret_key_to_env={"a": "A"}, optional=True)


@case("a config map as environment variables", tasks={"run": {"out": "blue"}})
@dsl.pipeline(name="config-map-env")
def config_map_env():
    task = run(script='printf %s "$SKY" > $out')
    kubernetes.use_config_map_as_env(task, config_map_name="colours", config_map_key_to_env={"sky": "SKY"})


@case("a config map as a volume", tasks={"run": {"out": "gold"}})
@dsl.pipeline(name="config-map-volume")
def config_map_volume():
    task = run(script="cat /etc/colours/sun > $out")
    kubernetes.use_config_map_as_volume(task, config_map_name="colours", mount_path="/etc/colours")


@case("a persistent volume claim: made, mounted by two tasks, deleted", tasks={"run-2": {"out": "shared"}, "deletepvc": "SUCCEEDED"})
@dsl.pipeline(name="volume-claim")
def volume_claim():
    claim = kubernetes.CreatePVC(pvc_name_suffix="-data", access_modes=["ReadWriteOnce"], size="1Mi", storage_class_name="standard")
    first = run(script="printf shared > /data/file; printf ok > $out")
    second = run(script="cat /data/file > $out").after(first)
    for task in (first, second):
        kubernetes.mount_pvc(task, pvc_name=claim.outputs["name"], mount_path="/data")
    kubernetes.DeletePVC(pvc_name=claim.outputs["name"]).after(second)


@case("node selector that this node fits", tasks={"say": {"out": "x"}})
@dsl.pipeline(name="node-selector")
def node_selector():
    kubernetes.add_node_selector(say(text="x"), "disk", "ssd")


@case("node selector that no node fits is refused", refused="disk=tape")
@dsl.pipeline(name="node-selector-none")
def node_selector_none():
    kubernetes.add_node_selector(say(text="x"), "disk", "tape")


@case("tolerations, image pull secrets and policy", tasks={"say": {"out": "x"}})
@dsl.pipeline(name="tolerations")
def tolerations():
    task = say(text="x")
    kubernetes.add_toleration(task, key="k", operator="Equal", value="v", effect="NoSchedule")
    kubernetes.set_image_pull_secrets(task, ["pull"])
    kubernetes.set_image_pull_policy(task, "Always")


@case("node affinity", tasks={"say": {"out": "x"}})
@dsl.pipeline(name="node-affinity")
def node_affinity():
    kubernetes.add_node_affinity(say(text="x"), match_expressions=[{"key": "disk", "operator": "In", "values": ["ssd", "nvme"]}])


@case("labels and annotations of the pod, and its fields as environment variables", tasks={"run": {"out": "team-a note"}})
@dsl.pipeline(name="pod-metadata")
def pod_metadata():
    task = run(script='printf "%s %s" "$TEAM" "$NOTE" > $out')
    kubernetes.add_pod_label(task, "team", "team-a")
    kubernetes.add_pod_annotation(task, "note", "note")
    kubernetes.use_field_path_as_env(task, "TEAM", "metadata.labels['team']")
    kubernetes.use_field_path_as_env(task, "NOTE", "metadata.annotations['note']")


@case("the pod's name as an environment variable", tasks={"run": {"out": "named"}})
@dsl.pipeline(name="field-path")
def field_path():
    task = run(script='test "$POD" = "$KFP_POD_NAME"; printf named > $out')
    kubernetes.use_field_path_as_env(task, "POD", "metadata.name")


@case("the run's name and id, which upstream writes on every pod, as environment variables",
      tasks={"run": {"out": "run of field-path-of-run same"}})
@dsl.pipeline(name="field-path-of-run")
def field_path_of_run():
    task = run(script=f'test "$ID" = "{dsl.PIPELINE_JOB_ID_PLACEHOLDER}"; printf "%s same" "$NAME" > $out')
    kubernetes.use_field_path_as_env(task, "NAME", "metadata.annotations['pipelines.kubeflow.org/run_name']")
    kubernetes.use_field_path_as_env(task, "ID", "metadata.labels['pipeline/runid']")


@case("a task's timeout", state="FAILED", tasks={"run": "FAILED"})
@dsl.pipeline(name="timeout")
def timeout():
    kubernetes.set_timeout(run(script="sleep 60"), 1)


@case("an empty directory", tasks={"run": {"out": "kept"}})
@dsl.pipeline(name="empty-dir")
def empty_dir():
    task = run(script="printf kept > /scratch/file; cat /scratch/file > $out")
    kubernetes.empty_dir_mount(task, volume_name="scratch", mount_path="/scratch")


@case("an ephemeral volume", tasks={"run": {"out": "kept"}})
@dsl.pipeline(name="ephemeral-volume")
def ephemeral_volume():
    task = run(script="printf kept > /own/file; cat /own/file > $out")
    kubernetes.add_ephemeral_volume(task, volume_name="own", mount_path="/own", access_modes=["ReadWriteOnce"], size="1Mi")


@case("node selector and tolerations as objects from parameters", tasks={"say": {"out": "x"}})
@dsl.pipeline(name="placement-dynamic")
def placement_dynamic(selector: dict = {"disk": "ssd"}, toleration: dict = {"key": "k", "operator": "Exists"}):
    task = say(text="x")
    kubernetes.add_node_selector_json(task, selector)
    kubernetes.add_toleration_json(task, toleration)


@case("a node selector from a parameter that no node fits is refused", refused="disk=tape")
@dsl.pipeline(name="placement-dynamic-none")
def placement_dynamic_none(selector: dict = {"disk": "tape"}):
    kubernetes.add_node_selector_json(say(text="x"), selector)


WORKSPACE = dsl.PipelineConfig(workspace=dsl.WorkspaceConfig(size="10Mi"))


@dsl.container_component
def say_json(text: str, out: dsl.OutputPath(dict)):
    return dsl.ContainerSpec(image="alpine", command=["sh", "-ec", 'printf %s "$0" > "$1"'], args=[text, out])


@case("a node selector that another task gives and no node fits fails its task", state="FAILED", error="disk=tape",
      tasks={"say-json": "SUCCEEDED", "say": "FAILED"})
@dsl.pipeline(name="placement-of-output-none")
def placement_of_output_none():
    kubernetes.add_node_selector_json(say(text="x"), say_json(text='{"disk": "tape"}').output)


@case("a workspace that the run's tasks share", tasks={"run-2": {"out": "shared"}})
@dsl.pipeline(name="workspace", pipeline_config=WORKSPACE)
def workspace():
    first = run(script=f'printf shared > "{dsl.WORKSPACE_PATH_PLACEHOLDER}/file"; printf ok > $out')
    run(script=f'cat "{dsl.WORKSPACE_PATH_PLACEHOLDER}/file" > $out').after(first)


@dsl.container_component
def write_uri(text: str, data: dsl.Output[dsl.Dataset], uri: dsl.OutputPath(str)):
    return dsl.ContainerSpec(image="alpine", command=["sh", "-ec", 'printf %s "$0" > "$1"; printf %s "$2" > "$3"'],
                             args=[text, data.path, data.uri, uri])


@dsl.container_component
def read_here(data: dsl.Input[dsl.Dataset], out: dsl.OutputPath(str)):
    script = 'case "$0" in /kfp-workspace/*) cat "$0" > "$1";; *) echo "$0 is not in the workspace" >&2; exit 1;; esac'
    return dsl.ContainerSpec(image="alpine", command=["sh", "-ec", script], args=[data.path, out])


@case("an importer that downloads to the workspace", tasks={"read-here": {"out": "bytes"}})
@dsl.pipeline(name="workspace-importer", pipeline_config=WORKSPACE)
def workspace_importer():
    written = write_uri(text="bytes")
    imported = dsl.importer(artifact_uri=written.outputs["uri"], artifact_class=dsl.Dataset, download_to_workspace=True)
    read_here(data=imported.output)


@case("security context: another user than the server's is refused", refused="the security context asks for user 1234 and group 2345")
@dsl.pipeline(name="security-context")
def security_context():
    kubernetes.set_security_context(say(text="x"), run_as_user=1234, run_as_group=2345, run_as_non_root=True)


def in_terms(value):
    expression = {"key": "disk", "operator": "In", "values": [value]}
    return {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}


@case("node affinity as JSON, from a parameter", arguments={"affinity": in_terms("ssd")}, tasks={"say": {"out": "x"}})
@dsl.pipeline(name="node-affinity-json")
def node_affinity_json(affinity: dict):
    kubernetes.add_node_affinity_json(say(text="x"), affinity)


@case("node affinity as JSON that no node fits is refused", arguments={"affinity": in_terms("tape")}, refused="node affinity terms")
@dsl.pipeline(name="node-affinity-json-nowhere")
def node_affinity_json_nowhere(affinity: dict):
    kubernetes.add_node_affinity_json(say(text="x"), affinity)


@case("settings whose optional parameter was not given are left out", tasks={"run": {"out": "none"}})
@dsl.pipeline(name="settings-left-open")
def settings_left_open(secret: Optional[str] = None, colours: Optional[str] = None, claim: Optional[str] = None):
    task = run(script='test ! -e /keys; test ! -e /data; printf %s "${A:-none}" > $out')
    kubernetes.use_secret_as_env(task, secret_name=secret, secret_key_to_env={"a": "A"})
    kubernetes.use_secret_as_volume(task, secret_name=secret, mount_path="/keys")
    kubernetes.use_config_map_as_env(task, config_map_name=colours, config_map_key_to_env={"sky": "A"})
    kubernetes.mount_pvc(task, pvc_name=claim, mount_path="/data")


@dsl.container_component
def keep(text: str, out: dsl.OutputPath(str)):
    return sh('test ! -e /data/file; printf %s "$0" > /data/file; cat /data/file > "$1"', text, out)


@case("claims of one suffix in a loop, and one without a name", tasks={
    "for-loop-2/0/keep": {"out": "a"}, "for-loop-2/1/keep": {"out": "b"}, "run": {"out": "kept"}})
@dsl.pipeline(name="volume-claims-apart")
def volume_claims_apart():
    modes = {"access_modes": ["ReadWriteOnce"], "size": "1Mi", "storage_class_name": "standard"}
    with dsl.ParallelFor(["a", "b"]) as item:
        claim = kubernetes.CreatePVC(pvc_name_suffix="-part", **modes)
        task = keep(text=item)
        kubernetes.mount_pvc(task, pvc_name=claim.outputs["name"], mount_path="/data")
        kubernetes.DeletePVC(pvc_name=claim.outputs["name"]).after(task)
    claim = kubernetes.CreatePVC(**modes)
    task = run(script="printf kept > /data/file; cat /data/file > $out")
    kubernetes.mount_pvc(task, pvc_name=claim.outputs["name"], mount_path="/data")
    kubernetes.DeletePVC(pvc_name=claim.outputs["name"]).after(task)


PASSED = [dsl.TaskConfigField.RESOURCES, dsl.TaskConfigField.KUBERNETES_NODE_SELECTOR, dsl.TaskConfigField.KUBERNETES_TOLERATIONS,
          dsl.TaskConfigField.KUBERNETES_AFFINITY, dsl.TaskConfigPassthrough(field=dsl.TaskConfigField.ENV, apply_to_task=True),
          dsl.TaskConfigPassthrough(field=dsl.TaskConfigField.KUBERNETES_VOLUMES, apply_to_task=True)]


@dsl.component(task_config_passthroughs=PASSED)
def told(task_config: dsl.TaskConfig) -> dict:
    import os

    return {"given": [os.environ["A"], os.environ["B"]], "resources": task_config.resources, "env": task_config.env,
            "selector": task_config.node_selector, "tolerations": task_config.tolerations, "affinity": task_config.affinity,
            "volumes": task_config.volumes, "mounts": task_config.volume_mounts}


WANTED = {
    "given": ["1", "alpha"],
    "resources": {"limits": {"cpu": "200", "nvidia.com/gpu": "8"}, "requests": {"memory": "50Ti"}},
    "env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"secretKeyRef": {"name": "letters", "key": "a"}}}],
    "selector": {"disk": "tape"},
    "tolerations": [{"key": "k", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
        {"weight": 1, "preference": {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["tape"]}]}}]}},
    "volumes": [{"name": "letters", "secret": {"secretName": "letters", "optional": False}}],
    "mounts": [{"name": "letters", "mountPath": "/keys"}]}


@case("settings that a component is told (TaskConfig), in the place of getting them or as well", tasks={"told": {"Output": WANTED}})
@dsl.pipeline(name="task-config")
def task_config(cpu: str = "200", secret: str = "letters"):
    task = told().set_cpu_limit(cpu).set_memory_request("50Ti").set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(8)
    task.set_env_variable("A", "1")
    kubernetes.use_secret_as_env(task, secret_name=secret, secret_key_to_env={"a": "B"})
    kubernetes.use_secret_as_volume(task, secret_name="letters", mount_path="/keys")
    kubernetes.add_node_selector(task, "disk", "tape")
    kubernetes.add_toleration(task, key="k", operator="Exists")
    kubernetes.add_node_affinity(task, match_expressions=[{"key": "disk", "operator": "In", "values": ["tape"]}], weight=1)
