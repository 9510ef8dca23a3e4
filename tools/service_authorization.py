"""Writes src/app/authorization/testdata/service_authorization.tsv from saved pages of AWS's Service Authorization Reference.

    python3 tools/service_authorization.py PAGE.html...

PAGE.html: "Actions, resources, and condition keys for Amazon S3" and its like, of s3, iam, sts, sagemaker and logs. Kept
are the facts about the actions that src/app/authorization/testdata/authorization.txt names, and the resource types that these have:

    action    service:Action  its resource types, the required with a '*'  its condition keys  its dependent actions
    resource  service:type    the form of its ARN                          its condition keys
"""

import html.parser
import pathlib
import re
import sys

DATA = pathlib.Path(__file__).resolve().parent.parent / "src" / "app" / "authorization" / "testdata"
# Of products that are not here: access points, access grants, federation by web identities and SAML.
FOREIGN = re.compile(
    r"AccessGrant|AccessPoint|accesspoint|^saml:|cognito|^accounts\.google|^graph\.facebook|^www\.amazon|^s3:BucketTag")


class Tables(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tables, self.row, self.cell = [], None, None

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr" and self.tables:
            self.row = []
            self.tables[-1].append(self.row)
        elif tag in ("td", "th") and self.row is not None:
            self.cell = [int(attributes.get("rowspan") or 1), ""]
            self.row.append(self.cell)

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.cell = None

    def handle_data(self, data):
        if self.cell is not None:
            self.cell[1] += data + " "


def rows(table):
    """Each row whole: a cell that spans rows stands in all of them."""
    spanning = {}
    for cells in table:
        row, cells = [], list(cells)
        while cells or len(row) in spanning:
            left, text = spanning.pop(len(row), (0, ""))
            if not left:
                left, text = cells.pop(0)
                text = " ".join(text.split())
            if left > 1:
                spanning[len(row)] = (left - 1, text)
            row.append(text)
        yield row


def service_of(page):
    return re.search(r"service prefix:.{0,80}?>\s*([a-z0-9-]+)\s*<", page, re.S).group(1)


def key_names(text):
    text = re.sub(r"\$ ?\{ ?(\w+) ?\}", r"${\1}", text)
    return {re.sub(r"(\$\{\w+\}|<key>)", "", key) for key in text.split() if not FOREIGN.search(key)}


def read(path):
    page = pathlib.Path(path).read_text()
    service, parser = service_of(page), Tables()
    parser.feed(page)
    actions, resources = {}, {}
    for table in parser.tables:
        head, *body = rows(table)
        if head[0] == "Actions":
            for row in body:
                types, keys, dependent = actions.setdefault(f"{service}:{row[0].split()[0]}", (set(), set(), set()))
                if row[3] and not FOREIGN.search(row[3]):
                    types.add(row[3])
                keys |= key_names(row[4])
                dependent |= set(row[5].split())
        elif head[0] == "Resource types":
            for name, arn, keys in (row[:3] for row in body):
                arn = re.sub(r"\$ ?\{ ?(\w+) ?\}", r"${\1}", arn).replace("${Partition}", "aws")
                resources[f"{service}:{name}"] = (arn, key_names(keys))
    return actions, resources


def main(pages):
    asked = set(re.findall(r"^  (\S+:\w+) ", (DATA / "authorization.txt").read_text(), re.M))
    actions, resources = {}, {}
    for page in pages:
        for known, found in zip((actions, resources), read(page)):
            known.update(found)
    lines, used = [], set()
    for action in sorted(asked & set(actions)):
        types, keys, dependent = actions[action]
        used |= {f"{action.split(':')[0]}:{name.rstrip('*')}" for name in types}
        lines.append(f"action\t{action}\t{' '.join(sorted(types))}\t{' '.join(sorted(keys))}\t"
                     f"{' '.join(sorted(dependent))}\n")
    for name in sorted(used):
        arn, keys = resources[name]
        lines.append(f"resource\t{name}\t{arn}\t{' '.join(sorted(keys))}\n")
    (DATA / "service_authorization.tsv").write_text("".join(lines))
    for action in sorted(asked - set(actions)):
        print(f"not in the reference: {action}")


main(sys.argv[1:])
