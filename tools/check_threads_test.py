"""check_threads finds what a reader would, and compares it with the page in both directions."""

import pathlib
import tempfile
import unittest

import check_threads

SOURCE = """
namespace millrace::net {
class Outer {
 public:
  void call(std::mutex& not_a_member);
  std::mutex& of(int number);

 private:
  struct Impl {
    mutable std::mutex mutex;
    std::vector<std::thread> threads;  // std::mutex in_a_comment;
  };
  Mutex first_, second_ MR_GUARDED_BY(first_);
  CondVar changed_;
  WorkerPool pool_{4, 5};
};

std::string text(int number) {
  static std::mutex one;
  return {};
}

Outer::Outer() {
  done_ = std::async(std::launch::async, [] {});
}
}  // namespace millrace::net
"""


class CheckThreads(unittest.TestCase):
    def setUp(self):
        held = tempfile.TemporaryDirectory()
        self.addCleanup(held.cleanup)
        self.root = pathlib.Path(held.name)
        (self.root / "src/net/deeper").mkdir(parents=True)
        (self.root / "docs").mkdir()
        (self.root / "src/net/deeper/outer.h").write_text(SOURCE)
        (self.root / "src/net/outer_test.cpp").write_text("std::mutex of_a_test;\n")

    def page(self, *names):
        (self.root / "docs/threads.md").write_text("| folder | what |\n| `net` | " + ", ".join(f"`{n}`" for n in names) + " | why |\n")

    ALL = ("Outer::Impl::mutex", "Outer::Impl::threads", "Outer::first_", "Outer::second_", "Outer::changed_", "Outer::pool_",
           "text::one", "Outer::Outer::std::async")

    def test_declarations_have_their_folder_and_class(self):
        names = {name for folder, name in check_threads.declarations(self.root) if folder == "net"}
        self.assertEqual(names, set(self.ALL))

    def test_a_page_that_lists_all_is_right(self):
        self.page(*self.ALL)
        self.assertEqual(check_threads.offences(self.root)[0], [])

    def test_what_the_page_lacks_is_said_with_its_place(self):
        self.page(*self.ALL[1:])
        (said,) = check_threads.offences(self.root)[0]
        self.assertIn("src/net/deeper/outer.h:10: net: `Outer::Impl::mutex`", said)

    def test_what_is_listed_twice_is_said(self):
        self.page(*self.ALL, "Outer::first_")
        (said,) = check_threads.offences(self.root)[0]
        self.assertIn("docs/threads.md:2: net: `Outer::first_` is listed twice", said)

    def test_what_only_the_page_has_is_said(self):
        self.page(*self.ALL, "Outer::gone_")
        (said,) = check_threads.offences(self.root)[0]
        self.assertIn("docs/threads.md:2: net: `Outer::gone_` is not in src", said)


if __name__ == "__main__":
    unittest.main()
