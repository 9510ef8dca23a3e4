"""Every refused form is found, and what only looks like one is not."""

import unittest

import check_untrusted_files as check

REFUSED = [
    "auto text = read_file(path, 10);",
    "MR_TRY(millrace::write_file(path, text));",
    "write_file_atomic(path, text);",
    "return copy_file(a, b);",
    "MR_TRY(make_directories(place, 0700));",
    "std::ifstream in(path);",
    "std::ofstream(path) << text;",
    "std::fstream both(path);",
    "std::basic_ifstream<char> in(path);",
    "std::filebuf buffer;",
    "const Fd in(::open(path.c_str(), O_RDONLY));",
    "return ::open (path, 0);",
    "::openat(fd, name, 0);",
    "openat(fd, name, 0);",
    "::syscall(SYS_openat2, fd, name, &how, sizeof how);",
    "syscall(__NR_open, name);",
    'FILE* f = fopen("x", "r");',
    "std::fopen(name, mode);",
    "std::rename(a, b);",
    "::opendir(name);",
    "::nftw(name, visit, 3, FTW_PHYS);",
    "::unlink(name);",
    "::unlinkat(fd, name, 0);",
    "::rename(a, b);",
    "::mkdir(name, 0700);",
    "::chmod(name, 0600);",
    "::link(a, b);",
    "::symlink(a, b);",
    "::readlink(name, to, 10);",
    "::truncate(name, 0);",
    "::sendfile(out, in, nullptr, 10);",
    "::copy_file_range(in, nullptr, out, nullptr, 10, 0);",
    "realpath(name, nullptr);",
    "::archive_read_open_filename(a, name, 10);",
    "if (::archive_write_open_filename(a, name) != ARCHIVE_OK) return;",
    "archive_write_disk_new();",
    "using namespace std::filesystem;",
] + [f"std::filesystem::{name}(a, error);" for name in check.FILESYSTEM]

NOT_REFUSED = [
    "if (std::filesystem::exists(path, error)) return;",
    "tree.read(name, 10);",
    "tree.copy(a, to, b, Links::within, others, limits);",
    "Result<Sockets> Sockets::open(const std::filesystem::path& directory) {",
    "sockets.emplace(MR_TRY(Sockets::open(directory)));",
    "UntrustedTree::open(directory);",
    "db::Database::open(name);",
    "store.read_file(name);",
    "store->write_file(name);",
    "s3::copy_file(name);",
    "tree.remove(name);",
    "remove_tree(place);",
    "// read_file(path) would follow a link",
    "/* std::ifstream in(path); */",
    'log("::open(x) failed: read_file(y)");',
    'const char* script = R"(with fopen(path) as f: read_file(f))";',
    "std::filesystem::path copy = a / b;",
    "bool remove_all = true;",
    "std::remove(list.begin(), list.end(), x);",
    "reopen(file);",
]


class Forms(unittest.TestCase):
    def test_each_refused_form_is_found(self):
        for line in REFUSED:
            with self.subTest(line):
                self.assertEqual(len(check.check_text(line)[0]), 1)

    def test_what_looks_like_one_is_not(self):
        for line in NOT_REFUSED:
            with self.subTest(line):
                self.assertEqual(check.check_text(line)[0], [])

    def test_an_alias_of_the_namespace_is_known(self):
        self.assertEqual(check.check_text("namespace fs = std::filesystem;\nfs::copy(a, b);")[0], [(2, "fs::copy")])
        self.assertEqual(check.check_text("fs::copy(a, b);")[0], [])

    def test_line_numbers_pass_over_comments_and_raw_strings(self):
        text = '/* one\n two */\nauto a = R"(\n"\n)";\nread_file(b);'
        self.assertEqual([number for number, _ in check.check_text(text)[0]], [6])

    def test_a_number_with_separators_is_no_character(self):
        text = "auto a = 1'000; read_file(b); auto c = 'x';"
        self.assertEqual(len(check.check_text(text)[0]), 1)


class Exemptions(unittest.TestCase):
    def check(self, text):
        offences, exempted, faults = check.check_text(text)
        return len(offences), len(exempted), len(faults)

    def test_on_the_line_or_right_above(self):
        self.assertEqual(self.check("read_file(a);  // trusted-path: in the data directory"), (0, 1, 0))
        self.assertEqual(self.check("// trusted-path: in the data directory\nread_file(a);"), (0, 1, 0))
        self.assertEqual(self.check("// trusted-path: in the data directory,\n// which no child sees\nread_file(a);"), (0, 1, 0))

    def test_not_from_further_above(self):
        self.assertEqual(self.check("// trusted-path: in the data directory\n\nread_file(a);"), (1, 0, 1))
        self.assertEqual(self.check("f();  // trusted-path: in the data directory\nread_file(a);"), (1, 0, 1))

    def test_needs_a_reason_and_a_use(self):
        self.assertEqual(self.check("read_file(a);  // trusted-path:"), (0, 1, 1))
        self.assertEqual(self.check("f();  // trusted-path: in the data directory"), (0, 0, 1))

    def test_not_by_a_string(self):
        self.assertEqual(self.check('read_file("// trusted-path: in the data directory");'), (1, 0, 0))


if __name__ == "__main__":
    unittest.main()
