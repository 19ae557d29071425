// Parse, do, exit status. Nothing worth testing.

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "topologies/command_line.h"

namespace {

int run_command(int argc, char** argv) {
  const auto line = fovea::topologies::parse_command_line({argv + 1, argv + argc});
  if (!line) {
    std::fprintf(stderr, "fovea: %s\n", line.error().message.c_str());
    return 1;
  }
  const auto done = fovea::topologies::execute(*line);
  if (!done) {
    std::fprintf(stderr, "fovea: %s\n", done.error().message.c_str());
    return 1;
  }
  if (std::fflush(stdout) != 0) {
    std::fprintf(stderr, "fovea: standard output: not everything could be written\n");
    return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run_command(argc, argv);
  } catch (const std::exception& error) {
    // Only the standard library throws here: memory, or a full disk under standard output.
    std::fprintf(stderr, "fovea: %s\n", error.what());
    return 1;
  }
}
