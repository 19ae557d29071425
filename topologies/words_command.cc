// fovea words: how the model reads a text.

#include <fmt/format.h>

#include <cstdint>
#include <fstream>
#include <iostream>
#include <string>

#include "scorer/words.h"
#include "topologies/commands.h"

namespace fovea::topologies {

Result<void> words(const WordsOptions& options) {
  std::ifstream file;
  if (options.in != "-") {
    file.open(options.in, std::ios::binary);
    if (!file) return stop(options.in + ": cannot be read");
  }
  std::istream& in = options.in == "-" ? std::cin : file;
  for (std::string line; std::getline(in, line);) {
    fmt::print("{}\n", fmt::join(scorer::words_in(line, SIZE_MAX), " "));
  }
  if (in.bad()) return stop(options.in + ": cannot be read to its end");
  return {};
}

}  // namespace fovea::topologies
