"""Files whose private names clash are never compiled as one unit (cmake/unity_groups.py)."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cmake"))

import unity_groups  # noqa: E402

PRIVATE = """namespace millrace {
namespace {

constexpr int kLimit = 5;
constexpr std::array<Row, 2> kRows = {{{1, "a"}}};
struct Reader {
  int field = 0;
};
enum class Kind { one };
using Rows = std::vector<int>;
std::map<std::string, std::vector<int>> table(const std::string& argument) {
  int local = 0;
  return {};
}
template <typename T>
T twice(T value) { return value; }
[[nodiscard]] Result<std::string> text_of(int number);

}  // namespace

int shown() { return 1; }
static int kept = 0;
#define SHORT_FORM 1

}  // namespace millrace
"""


class Names(unittest.TestCase):
    def test_each_kind_of_private_name(self):
        found = unity_groups.private_names(PRIVATE)
        wanted = {"kLimit", "kRows", "Reader", "Kind", "Rows", "table", "twice", "text_of", "kept", "SHORT_FORM"}
        self.assertLessEqual(wanted, found)
        self.assertFalse(found & {"shown", "field", "local", "argument", "namespace"}, found)


class Groups(unittest.TestCase):
    def groups(self, files):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = pathlib.Path(folder, name)
                path.parent.mkdir(exist_ok=True)
                path.write_text(text)
            found = unity_groups.groups(pathlib.Path(folder))
            return sorted(sorted(str(path.relative_to(folder)) for path in paths) for paths in found.values())

    def test_a_clash_parts_files(self):
        one, other = ("namespace {\nint %s() { return 1; }\n}  // namespace\n" % name for name in ("same", "other"))
        self.assertEqual(self.groups({"a/1.cpp": one, "a/2.cpp": other, "a/3.cpp": one}), [["a/1.cpp", "a/2.cpp"], ["a/3.cpp"]])

    def test_a_use_of_what_another_file_hides_parts_files(self):
        hides, uses = "namespace {\nint same() { return 1; }\n}  // namespace\n", "int shown() { return same() + x.other(); }\n"
        self.assertEqual(self.groups({"a/1.cpp": hides, "a/2.cpp": uses}), [["a/1.cpp"], ["a/2.cpp"]])
        self.assertEqual(self.groups({"a/1.cpp": uses, "a/2.cpp": hides}), [["a/1.cpp"], ["a/2.cpp"]])
        self.assertEqual(self.groups({"a/1.cpp": hides.replace("same", "other"), "a/2.cpp": uses}), [["a/1.cpp", "a/2.cpp"]])

    def test_folders_tests_and_programs_are_apart(self):
        files = dict.fromkeys(("a/1.cpp", "a/2.cpp", "a/1_test.cpp", "a/1_fuzz.cpp", "a/1_bench.cpp", "b/1.cpp"), "int x;\n")
        self.assertEqual(self.groups(files), [["a/1.cpp", "a/2.cpp"], ["a/1_test.cpp"], ["b/1.cpp"]])

    def test_a_group_is_bounded(self):
        files = {f"a/{i}.cpp": "\n" * 1000 for i in range(5)}
        self.assertEqual([len(group) for group in self.groups(files)], [2, 2, 1])
        self.assertEqual(max(len(group) for group in self.groups({f"a/{i}.cpp": "\n" for i in range(60)})), unity_groups.GROUP_FILES)


if __name__ == "__main__":
    unittest.main()
