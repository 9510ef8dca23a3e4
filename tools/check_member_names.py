"""Every member name that an AWS operation reads or writes is one that the service's model has there.

A Value is read and written by name, and a wrong name reads as absent, so a typo compiles and stays silent. This looks at
the names in the sources with the shapes of models/*.json at hand:

  input      what an operation's function reads from `input` (a build_<kind>.cpp: from `request`) leads from that
             operation's input shape: input["A"]["B"] is a member A whose shape has a member B
  chains     every other x["A"]["B"], and every path in a string ("A.B[].C"), leads from some shape of the service
  names      every name that is read or set is a member of some shape of the service
  words      SageMaker alone: every string that is one word in CamelCase is a member, a value of an enumeration, an
             operation or a word of WORDS, whatever is done with it

Exit code 1 and a line per offence. `--prove` then misspells each checked name in turn, in memory, and reports how many
of the misspellings are found; below PROOF it fails.
"""

import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SRC = ROOT / "src"
PROOF = 0.98  # of the misspellings; the others give a name that the model happens to have at that place


class Model:
    def __init__(self, *services):
        self.shapes, self.operations, self.known = {}, {}, set()
        for service in services:
            model = json.loads((ROOT / "models" / f"{service}.json").read_text())
            self.shapes.update({(service, name): shape for name, shape in model["shapes"].items()})
            self.known.update(model["known_operations"])
            for name, operation in model["operations"].items():
                self.operations[name] = {side: (service, operation[side]) for side in ("input", "output") if side in operation}
        self.structures = [key for key, shape in self.shapes.items() if shape["type"] == "structure"]
        self.members = {name for key in self.structures for name in self.shapes[key].get("members", {})}
        self.values = {value for shape in self.shapes.values() for value in shape.get("enum", ())}

    def step(self, key, name):
        """The shape of a member, None where there is no such member; lists are entered, a map has every key."""
        shape = self.shapes[key]
        while shape["type"] == "list":
            key = (key[0], shape["member"]["shape"])
            shape = self.shapes[key]
        if shape["type"] == "map":
            return key[0], shape["value"]["shape"]
        member = shape.get("members", {}).get(name)
        return (key[0], member["shape"]) if member else None

    def leads(self, key, chain):
        for name in chain:
            key = self.step(key, name)
            if key is None:
                return False
        return True

    def leads_somewhere(self, chain):
        return any(self.leads(key, chain) for key in self.structures)


# folder of src -> the models whose names it uses, and names that are read or set there and are no member of them
SERVICES = {
    "sagemaker": (("sagemaker", "sagemaker-runtime"), {
        "S3DistributionType",  # of inputdataconfig.json, the containers' file
        "SageMakerInput", "SageMakerOutput",  # of a transform's joined records
        "captureData", "endpointInput", "endpointOutput", "observedContentType", "eventMetadata", "eventId",
        "inferenceTime", "inferenceId", "customAttributes", "eventVersion",  # of captured data's lines
        "modelName", "modelUrl",  # of the containers of multi-model endpoints
        # of a monitoring definition as it is kept: the four kinds name the same members after themselves
        # (DataQualityAppSpecification, ModelBiasAppSpecification); jobs/monitoring_plan.h
        "App", "Baseline", "Cluster", "GroundTruth", "Input", "Network", "Outputs", "Stopping",
        "JobDefinition", "JobInput", "JobOutputConfig",
        "After", "Before",  # what a filter's name ends with
        # members of errors, which the trimmed models leave out
        "Message", "LogStreamArn", "OriginalMessage", "OriginalStatusCode",
    }),
    "iam": (("iam", "sts"), {
        "Statement", "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource",
        "Condition", "StringEquals", "Version", "Id", "AWS", "Service", "Federated", "CanonicalUser",  # of policy documents
        "Entities", "References",  # pages that are sorted into the lists of an answer
    }),
    "logs": (("logs",), set()),
    "s3": (("s3",), {"Statement", "NotPrincipal", "NotAction", "NotResource", "Effect", "Principal", "Action", "Resource", "Condition", "Version", "AWS"}),
}
# Words of SageMaker's sources in CamelCase that are no names of the API's shapes.
WORDS = {
    "Model", "EndpointConfig", "Endpoint", "ProcessingJob", "TrainingJob", "HyperParameterTuningJob", "TransformJob",
    "SageMaker", "ResourceInUse", "ResourceLimitExceeded", "ResourceNotFound", "ServiceUnavailable", "ModelError",
    "ConnectionRefused", "ValidationError", "ValidationException", "ConflictException", "ObjectiveMetric",
    "S3DistributionType", "SageMakerInput", "SageMakerOutput", "Message", "LogStreamArn", "OriginalMessage",
    "OriginalStatusCode", "InstallRequirementsError", "ClientError", "AlgorithmError",
    "ThrottlingException", "MonitoringSchedule", "DataQualityJobDefinition", "ModelBiasJobDefinition",
    "ModelExplainabilityJobDefinition", "ModelQualityJobDefinition",
}

NAME = r"(?:[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*|[a-z]+(?:[A-Z][a-z0-9]*)+)"  # CloudWatch Logs' are in lowerCamel
CHAIN = re.compile(rf'(\w*)((?:\["{NAME}"\]|(?:\.|->)(?:at|child|find|has)\("{NAME}"\))+)(?:\.(?:set|erase)\("({NAME})")?')
WRITES = re.compile(rf'(?:\.|->)(?:set|erase)\("({NAME})"|\.set_if\([^"]*, "({NAME})"|\{{"({NAME})", ')
PATH = re.compile(rf'"({NAME}(?:\[\])?(?:\.{NAME}(?:\[\])?)+)"')
WORD = re.compile(r'"([A-Z][a-z0-9]+(?:[A-Z][a-z0-9]*)+|[A-Z][a-z]{2,})"')
FUNCTION = re.compile(r"^(?:aws::Operation|Result<aws::Output>|Result<Resource>) (\w+)\(", re.M)


def operation_of(function, model):
    """create_model -> CreateModel; build_model (of a request) -> CreateModel."""
    if function.startswith("build_"):
        function = function.replace("build_tuning_job", "build_hyper_parameter_tuning_job").replace("build_", "create_", 1)
    name = "".join(part.capitalize() for part in function.split("_"))
    by_lower = {known.lower(): known for known in model.operations}
    return by_lower.get(name.lower())


def without_comments(text):
    return re.sub(r"^\s*//.*$|(?<=[;{},)]) +//.*$", lambda m: " " * len(m.group()), text, flags=re.M)


class File:
    def __init__(self, path, service):
        self.path, self.service = path, service
        self.text = without_comments(path.read_text())
        starts = [(m.start(), m.group(1)) for m in FUNCTION.finditer(self.text)]
        self.functions = [(start, self.text.find("\n}\n", start), name) for start, name in starts]

    def function_at(self, offset):
        return next((name for start, end, name in self.functions if start <= offset < end), None)

    def checks(self, model, extra):
        """(offset of a name, the name, is it right given another name?) for each name that is checked."""
        words = model.members | extra
        for m in CHAIN.finditer(self.text):
            names = [(n.start() + m.start(2) + 0, n.group()) for n in re.finditer(rf'(?<="){NAME}(?=")', m.group(2))]
            if m.group(3):
                names.append((m.start(3), m.group(3)))
            chain = [name for _, name in names]
            operation = operation_of(self.function_at(m.start()) or "", model)
            reads_request = m.group(1) == ("request" if self.path.name.startswith("build_") else "input")
            root = model.operations[operation].get("input") if operation and reads_request else None
            for i, (offset, name) in enumerate(names):
                yield offset, name, self.chain_check(model, words, extra, chain, i, root)
        for m in WRITES.finditer(self.text):
            group = m.lastindex
            if m.group(group) not in model.operations:  # an operation's table entry begins with its name
                written = words | model.values  # a map's key is one of an enumeration
                yield m.start(group), m.group(group), (lambda name, known=written: name in known)
        for m in PATH.finditer(self.text):
            parts = [(p.start() + m.start(1), p.group()) for p in re.finditer(NAME, m.group(1))]
            chain = [name for _, name in parts]
            for i, (offset, name) in enumerate(parts):
                yield offset, name, self.chain_check(model, words, extra, chain, i, None)
        if self.service == "sagemaker":
            known = words | model.values | model.known | set(model.operations) | WORDS
            for m in WORD.finditer(self.text):
                yield m.start(1), m.group(1), (lambda name, known=known: name in known)

    @staticmethod
    def chain_check(model, words, extra, chain, i, root):
        def right(name):
            changed = [*chain[:i], name, *chain[i + 1:]]
            if root is not None:
                return model.leads(root, changed)
            if any(one in extra for one in changed):
                return name in words
            return model.leads_somewhere(changed)
        return right

    def line_of(self, offset):
        return self.text.count("\n", 0, offset) + 1


def misspellings(name):
    yield name[:-1]
    yield name[0] + name[2:]
    yield name[:-2] + name[-1] + name[-2] if name[-1] != name[-2] else name + name[-1]
    yield name + "s"


def files_of(folder):
    for path in sorted((SRC / folder).rglob("*")):
        if path.parent.name in ("policy", "simulation", "frameworks"):
            continue  # the policy language and Python packages, which are no API; a test in several files
        if path.suffix in (".h", ".cpp") and not re.search(r"_(test|fuzz|bench)\.cpp$|^test_|_fixture\.h$", path.name):
            yield path


def main():
    offences, names, tried, found = [], 0, 0, 0
    prove = "--prove" in sys.argv
    for folder, (services, extra) in SERVICES.items():
        model = Model(*services)
        for path in files_of(folder):
            file = File(path, folder)
            every = {}
            for offset, name, right in file.checks(model, extra):
                every.setdefault((offset, name), []).append(right)
            for (offset, name), checks in every.items():
                names += 1
                if not all(right(name) for right in checks):
                    offences.append(f"{path.relative_to(ROOT)}:{file.line_of(offset)}: {name} is no member that "
                                    f"{folder}'s model has here")
                if not prove:
                    continue
                for wrong in misspellings(name):
                    tried += 1
                    found += not all(right(wrong) for right in checks)
    for offence in offences:
        print(offence)
    print(f"member names: {names} checked, {len(offences)} offences")
    if prove:
        print(f"misspelled: {tried}, found {found} ({100 * found / tried:.1f} %)")
        if found < PROOF * tried:
            return 1
    return 1 if offences else 0


sys.exit(main())
