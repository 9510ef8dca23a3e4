"""Writes src/iam/managed_policies/policies.txt: the AWS managed policies that users of machine learning attach, whole.

    python3 tools/managed_policies.py LISTING

LISTING holds what `aws iam list-policies --scope AWS` and `get-policy-version` say, as one JSON object by policy name
with CreateDate, UpdateDate, DefaultVersionId, Path and Document; or a Python file with that object in a string (the
PyPI package moto ships one: moto/iam/aws_managed_policies.py). The facts are AWS's; only their selection is ours (KEPT).
"""

import hashlib
import json
import pathlib
import re
import sys

TARGET = pathlib.Path(__file__).resolve().parent.parent / "src/iam/managed_policies/policies.txt"

KEPT = re.compile(
    r"AmazonSageMaker.*|AWSApplicationAutoscalingSageMakerEndpointPolicy|AWSGlueConsoleSageMakerNotebookFullAccess|"
    r"AdministratorAccess|PowerUserAccess|ReadOnlyAccess|SecurityAudit|ViewOnlyAccess|DataScientist|Billing|SupportUser|"
    r"SystemAdministrator|DatabaseAdministrator|NetworkAdministrator|"
    r"IAM(FullAccess|ReadOnlyAccess|UserChangePassword|SelfManageServiceSpecificCredentials|UserSSHKeys|AccessAdvisorReadOnly)|"
    r"AmazonS3(FullAccess|ReadOnlyAccess|ObjectLambdaExecutionRolePolicy|Tables(Full|ReadOnly)Access|Express(Full|ReadOnly)Access)|"
    r"CloudWatch(FullAccess|FullAccessV2|ReadOnlyAccess|Agent(Server|Admin)Policy|Logs.*|Events(Full|ReadOnly)Access|ActionsEC2Access)|"
    r"AWSCloudTrail_(FullAccess|ReadOnlyAccess)|"
    r"AmazonEC2ContainerRegistry.*|AmazonEC2(FullAccess|ReadOnlyAccess)|AmazonECSTaskExecutionRolePolicy|AmazonECS_FullAccess|"
    r"AmazonEKS(ClusterPolicy|WorkerNodePolicy|WorkerNodeMinimalPolicy|ServicePolicy|VPCResourceController|_CNI_Policy|"
    r"FargatePodExecutionRolePolicy)|AmazonSSMManagedInstanceCore|AmazonVPC(FullAccess|ReadOnlyAccess)|"
    r"AWSLambda(BasicExecutionRole|Execute|Role|VPCAccessExecutionRole|_FullAccess|_ReadOnlyAccess)|"
    r"AWSStepFunctions.*Access|AmazonAthenaFullAccess|AWSGlue(ConsoleFullAccess|ServiceRole|ServiceNotebookRole)|"
    r"AmazonBedrock(FullAccess|ReadOnly|LimitedAccess)|AWSKeyManagementServicePowerUser|SecretsManagerReadWrite|"
    r"AmazonElasticFileSystem(FullAccess|ReadOnlyAccess|Client.*)|AmazonFSx(FullAccess|ReadOnlyAccess)|"
    r"AmazonSNS(FullAccess|ReadOnlyAccess)|AmazonSQS(FullAccess|ReadOnlyAccess)|AmazonDynamoDB(FullAccess|ReadOnlyAccess)|"
    r"AmazonRedshift(FullAccess|ReadOnlyAccess)|AWSCloudFormation(FullAccess|ReadOnlyAccess)|AWSCodeBuild(Admin|ReadOnly)Access|"
    r"AmazonEventBridge(FullAccess|ReadOnlyAccess)|AmazonMechanicalTurkFullAccess|AWSMarketplaceManageSubscriptions"
)

# The ids of AWS's policies are the same in every account. Where the listing has none, one is made from the name.
IDS = {
    "AdministratorAccess": "ANPAIWMBCKSKIEE64ZLYK",
    "PowerUserAccess": "ANPAJYRXTHIB4FOVS3ZXS",
    "IAMFullAccess": "ANPAI7XKCFMBPM3QQRRVQ",
    "IAMReadOnlyAccess": "ANPAJKSO7NDY4T57MWDSQ",
    "AmazonS3FullAccess": "ANPAIFIR6V6BVTRAHWINE",
    "AmazonS3ReadOnlyAccess": "ANPAIZTJ4DXE7G6AGAE6M",
    "CloudWatchLogsFullAccess": "ANPAJ3ZGNWK2R5HW5BQFO",
    "CloudWatchLogsReadOnlyAccess": "ANPAJ2YIYDYSNNEHK3VKW",
    "AmazonEKSWorkerNodePolicy": "ANPAJBKKPB5BY4XRKCPYS",
    "AmazonEC2ContainerRegistryReadOnly": "ANPAIFYZPA37OOHVIH7KQ",
    "AmazonSageMakerReadOnly": "ANPAJSGHH2SMM6Z2CLUMC",
    "AmazonSageMakerFullAccess": "ANPAJZ5IWYMXO5QDB4QOG",
}
ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
ORDER = ["Version", "Id", "Statement", "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"]


def policy_id(name, entry):
    made = "ANPA" + "".join(ID_ALPHABET[byte % 32] for byte in hashlib.sha256(name.encode()).digest()[:17])
    return entry.get("PolicyId") or IDS.get(name, made)


def ordered(value, names=True):
    """The elements in the order in which AWS writes them; keys within a condition as they stand."""
    if isinstance(value, list):
        return [ordered(item) for item in value]
    if not isinstance(value, dict) or not names:
        return value
    keys = sorted(value, key=lambda key: ORDER.index(key) if key in ORDER else len(ORDER))
    return {key: ordered(value[key], names=key == "Statement") for key in keys}


def load(path):
    text = path.read_text()
    if path.suffix == ".py":
        text = text[text.index('"""') + 3 : text.rindex('"""')]
    return json.loads(text)


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    listing = load(pathlib.Path(sys.argv[1]))
    kept = {name: entry for name, entry in sorted(listing.items()) if KEPT.fullmatch(name)}
    out = []
    for name, entry in kept.items():
        stamps = [entry[key].replace("+00:00", "Z") for key in ("CreateDate", "UpdateDate")]
        out.append(" ".join(["===", name, entry["Path"], policy_id(name, entry), entry["DefaultVersionId"], *stamps]))
        out.append(json.dumps(ordered(entry["Document"]), indent=4))
    TARGET.write_text("\n".join(out) + "\n")
    print(f"{len(kept)} policies, {TARGET.stat().st_size} bytes")


main()
