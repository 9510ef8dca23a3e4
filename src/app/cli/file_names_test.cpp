#include "app/cli/file_names.h"

#include <set>

#include <gtest/gtest.h>

namespace millrace::app {
namespace {

TEST(FileNames, AreOneComponentThatHidesNothing) {
  const std::pair<std::string, std::string> cases[] = {
      {"model", "model"},
      {"a b.txt", "a b.txt"},
      {"é", "é"},
      {"", "_"},
      {".", "_."},
      {"..", "_.."},
      {"../../etc/passwd", "_.._.._etc_passwd"},
      {"/etc/passwd", "_etc_passwd"},
      {".bashrc", "_.bashrc"},
      {"-rf", "_-rf"},
      {"a\\b", "a_b"},
      {"a\nb\tc", "a b c"},
      {"\x1b[31mred", "red"},
      {std::string("a\0b", 3), "ab"},
  };
  for (const auto& [name, expected] : cases) EXPECT_EQ(safe_file_name(name), expected) << name;
}

TEST(FileNames, AreBounded) {
  const std::string longest(kMaxFileName, 'x'), longer(kMaxFileName + 1, 'x');
  EXPECT_EQ(safe_file_name(longest), longest);
  EXPECT_EQ(safe_file_name(longer).size(), kMaxFileName);
  EXPECT_NE(safe_file_name(longer), safe_file_name(longer + "x"));
  std::string accents;
  for (int i = 0; i < 200; ++i) accents += "é";
  EXPECT_LE(safe_file_name(accents).size(), kMaxFileName);
}

TEST(FileNames, NoTwoNamesShareAFile) {
  FileNames names;
  EXPECT_EQ(names.path("", "a/b"), "a_b");
  EXPECT_EQ(names.path("", "a_b"), "a_b~2");
  EXPECT_EQ(names.path("", "a/b"), "a_b") << "the same name again";
  EXPECT_EQ(names.path("a_b", "c"), "a_b/c");
  EXPECT_EQ(names.path("", "a_b~2"), "a_b~2~2");
}

TEST(FileNames, WhatIsReservedIsNobodysName) {
  FileNames names;
  names.reserve("run.json");
  EXPECT_EQ(names.path("", "run.json"), "run.json~2");
}

TEST(FileNames, DepthIsBounded) {
  FileNames names;
  std::string path;
  std::set<std::string> all;
  for (int i = 0; i < 200; ++i) {
    path = names.path(path, std::string(50, 'd') + std::to_string(i));
    EXPECT_LE(path.size(), kMaxFilePath);
    EXPECT_TRUE(all.insert(path).second) << path;
  }
}

}  // namespace
}  // namespace millrace::app
