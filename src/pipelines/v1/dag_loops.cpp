// Loops over items, and the tasks that put values into a loop's items.

#include <fmt/core.h>

#include "base/json.h"
#include "pipelines/v1/dag_compiler.h"
#include "pipelines/v1/workflow.h"

namespace millrace::pipelines::v1 {
namespace {

using Kind = Tag::Kind;

constexpr std::size_t kMaxItems = 100'000;

// A list whose texts hold marks, and what replaces the marks: <file> <list> <text>…
constexpr std::string_view kFillItems =
    "import json, os, sys\n"
    "def fill(value):\n"
    "    if isinstance(value, str):\n"
    "        for number, text in enumerate(sys.argv[3:]):\n"
    "            value = value.replace('\\x01%d\\x02' % number, text)\n"
    "        return value\n"
    "    if isinstance(value, list):\n"
    "        return [fill(item) for item in value]\n"
    "    if isinstance(value, dict):\n"
    "        return {fill(key): fill(item) for key, item in value.items()}\n"
    "    return value\n"
    "os.makedirs(os.path.dirname(sys.argv[1]), exist_ok=True)\n"
    "open(sys.argv[1], 'w').write(json.dumps(fill(json.loads(sys.argv[2]))))\n";

}  // namespace

Status DagCompiler::iterate(const Place& at, const std::string& name, const Compiled& callee, Value& outer,
                            Value& after) {
  const auto define = [&](std::string_view input) {
    output_.components.child(outer["componentRef"]["name"].as_string())
        .child("inputDefinitions")
        .child("parameters")
        .set(input, text_definition());
  };
  define(kItem);
  Value iterator = Value::object({{"itemInput", kItem}});
  Value items = at.at["withItems"];
  if (const Place param = at.in("withParam"); !param.at.is_null()) {
    const Text text = MR_TRY(read(param));
    if (is_one_tag(text)) {
      outer.child("inputs").child("parameters").set(kItems, MR_TRY(source(param, text[0], false)));
      define(kItems);
      iterator.set("items", Value::object({{"inputParameter", kItems}}));
    } else {
      auto list = parse_json(param.at.string_or());
      if (!list) return param.wrong("the items are neither one tag nor a list in JSON");
      items = std::move(*list);
    }
  }
  if (!iterator.has("items")) {
    const Place place{items, at.path + ".withItems"};
    if (!items.is_array()) return place.wrong("a list is expected");
    if (items.size() > kMaxItems) return place.wrong(fmt::format("there are more than {} items", kMaxItems));
    Text tags;
    Value marked = MR_TRY(with_marks(place, items, tags, 0));
    if (tags.empty()) {
      iterator.set("items", Value::object({{"raw", to_json(items)}}));
    } else {
      outer.child("inputs").child("parameters").set(kItems, MR_TRY(items_task(place, name, marked, tags)));
      define(kItems);
      iterator.set("items", Value::object({{"inputParameter", kItems}}));
      // What the loop waits for, its items wait for.
      if (!after.empty()) tasks_.child(fmt::format("{}{}", kItemsPrefix, name)).set("dependentTasks", after);
    }
  }
  outer.set("parameterIterator", std::move(iterator));
  if (callee.parallelism > 0) outer.set("iteratorPolicy", Value::object({{"parallelismLimit", callee.parallelism}}));
  return {};
}

// The items with a mark in the place of each tag.
Result<Value> DagCompiler::with_marks(const Place& at, const Value& value, Text& tags, std::size_t depth) {
  constexpr std::size_t kMaxDepth = 64;
  if (depth > kMaxDepth) return at.wrong("the items are nested too deeply");
  if (value.is_array()) {
    Value out = Value::array();
    for (const Value& item : value.items()) out.push(MR_TRY(with_marks(at, item, tags, depth + 1)));
    return out;
  }
  if (value.is_object()) {
    Value out = Value::object();
    for (const auto& [key, item] : value.members()) out.set(key, MR_TRY(with_marks(at, item, tags, depth + 1)));
    return out;
  }
  if (!value.is_string()) return value;
  auto text = read_text(value.as_string());
  if (!text) return at.here(text.error());
  std::string out;
  for (Tag& tag : *text) {
    if (tag.kind == Kind::text) {
      out += tag.name;
      continue;
    }
    out += fmt::format("\x01{}\x02", tags.size());
    tags.push_back(std::move(tag));
  }
  return Value(out);
}

// A task that puts values into the items of a loop; gives where the list comes from.
Result<Value> DagCompiler::items_task(const Place& at, const std::string& loop, const Value& marked, const Text& tags) {
  const std::string name = fmt::format("{}{}", kItemsPrefix, loop);
  const std::string label = fmt::format("exec-{}-{}", name_, name), component = fmt::format("comp-{}-{}", name_, name);
  Value args = Value::array({"{{$.outputs.parameters['items'].output_file}}", to_json(marked)});
  Value parameters = Value::object(), definitions = Value::object();
  for (std::size_t i = 0; i < tags.size(); ++i) {
    const std::string input = fmt::format("text-{}", i);
    parameters.set(input, MR_TRY(source(at, tags[i], false)));
    definitions.set(input, text_definition());
    args.push(fmt::format("{{{{$.inputs.parameters['{}']}}}}", input));
  }
  output_.executors.set(
      label, Value::object({{"container", Value::object({{"image", kHelperImage},
                                                         {"command", Value::array({"python3", "-c", kFillItems})},
                                                         {"args", std::move(args)}})}}));
  Value made = Value::object({{"executorLabel", label}});
  made.child("inputDefinitions").set("parameters", std::move(definitions));
  made.child("outputDefinitions").child("parameters").set("items", text_definition());
  output_.components.set(component, std::move(made));
  Value caller = Value::object(
      {{"componentRef", Value::object({{"name", component}})}, {"taskInfo", Value::object({{"name", name}})}});
  caller.child("inputs").set("parameters", std::move(parameters));
  tasks_.set(name, std::move(caller));
  return Value::object(
      {{"taskOutputParameter", Value::object({{"producerTask", name}, {"outputParameterKey", "items"}})}});
}

}  // namespace millrace::pipelines::v1
