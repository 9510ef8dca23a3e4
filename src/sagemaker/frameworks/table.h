#pragma once
// The table behind image.h, as data.

#include <span>
#include <string_view>

namespace millrace::sagemaker::frameworks {

enum class Uses { training, inference, both };

// A repository of images. `name` ends with '*' where a version is part of it.
struct Repository {
  std::string_view name, framework;
  Uses uses;
};
std::span<const Repository> repositories();

// What a framework's images have, by a tag's first words ("1.2-1"); an empty `tag` is for all tags that have no row of
// their own. Packages are separated by spaces; in them {v} is the tag's version and {t} that of its transformers, and
// ==2.1 of two numbers means any 2.1. `only`: the words of a tag ("cpu") that it is for; empty: all.
struct Release {
  std::string_view framework, tag, only;
  std::string_view version, python;  // empty: as the tag says
  std::string_view packages;
};
std::span<const Release> releases();

// What every image of a framework has beside its releases' packages, in any version.
struct Common {
  std::string_view framework, packages, optional_packages;
};
std::span<const Common> common_packages();

// Images whose programs are no Python of the package index.
struct Foreign {
  std::string_view repository, reason;
};
std::span<const Foreign> foreign();

}  // namespace millrace::sagemaker::frameworks
