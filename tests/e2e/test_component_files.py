"""Component files of version 1, loaded by the SDK 2.x: every placeholder that they can hold."""

import json

import support
from kfp import components, dsl

SPEAK = """
name: Speak up
inputs:
- {name: first word, type: String}
- {name: second, type: String, optional: true}
- {name: number, type: Integer, default: '7'}
- {name: text}
outputs:
- {name: said, type: String}
- {name: whole text}
implementation:
  container:
    image: alpine
    command:
    - sh
    - -ec
    - |
      mkdir -p "$(dirname "$2")" "$(dirname "$3")"
      cat "$1" > "$3"
      out=$2
      shift 3
      printf '%s %s' "$LOUD" "$*" > "$out"
    - program
    - {inputPath: text}
    - {outputPath: said}
    - {outputPath: whole text}
    args:
    - {concat: [pre-, {inputValue: first word}, -, {inputValue: number}]}
    - if:
        cond: {isPresent: second}
        then: [--second, {inputValue: second}]
        else: [--alone]
    env: {LOUD: "yes"}
"""
WRITE = """
name: Write
outputs: [{name: text, type: Dataset}]
implementation:
  container:
    image: alpine
    command: [sh, -c, 'mkdir -p "$(dirname "$0")"; echo long > "$0"', {outputPath: text}]
"""
URI = """
name: Count
inputs: [{name: data, type: Dataset}]
outputs: [{name: lines, type: Integer}]
implementation:
  container:
    image: alpine
    command: [sh, -c, 'mkdir -p "$(dirname "$1")"; wc -l < "$0" > "$1"; echo "$2"', {inputPath: data}, {outputPath: lines}, {inputUri: data}]
"""


def test_every_placeholder(server):
    speak, write, count = map(components.load_component_from_text, (SPEAK, WRITE, URI))

    @dsl.pipeline(name="component-files")
    def pipeline(word: str = "w"):
        written = write()
        one = speak(first_word=word, text=written.outputs["text"])
        speak(first_word=one.outputs["said"], second="two", number=8, text=one.outputs["whole_text"])
        count(data=written.outputs["text"])

    made = server.kfp().create_run_from_pipeline_func(pipeline, enable_caching=False)
    support.wait_for_run(server, made.run_id)
    tasks = {t["name"]: t for t in json.loads(server.request(f"/console/api/runs/{made.run_id}")[1])["tasks"]}
    said = {name: task["outputs"].get("parameters", {}).get("said") for name, task in tasks.items()}
    assert said["speak-up"] == "yes pre-w-7 --alone", tasks["speak-up"]
    assert said["speak-up-2"] == "yes pre-yes pre-w-7 --alone-8 --second two"
    assert tasks["count"]["outputs"]["parameters"]["lines"] == 1
