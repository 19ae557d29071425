#pragma once

// Whether this machine runs what the binary was built for.

namespace fovea::topologies {

// One clause for people whose processor is too old; null on one that will do. A program that links
// processor.cc asks before its first constructor, says it and ends with 1: code built for newer
// processors ends in a bare "illegal instruction". A plain pointer, because even a std::string's
// functions may be another file's, built for the newer one.
[[nodiscard]] const char* processor_problem();

}  // namespace fovea::topologies
