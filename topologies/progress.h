#pragma once

// How far along a long piece of work is: a bar on a terminal, a line every few seconds elsewhere.
//
// Threads   Not thread-safe.

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace fovea::topologies {

class Progress {
 public:
  // `total` 0: not known. `figures` is asked when something is printed; may be empty.
  Progress(std::string title, std::uint64_t total, std::function<std::string()> figures = {});
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Cheap enough for every event: the clock is read once in a while.
  void advance(std::uint64_t count = 1);

  // Ends the bar's line. Also done on destruction.
  void finish();

 private:
  void print(bool last);

  std::string title_;
  std::uint64_t total_;
  std::function<std::string()> figures_;
  bool terminal_;
  bool printed_ = false;
  bool finished_ = false;
  std::uint64_t done_ = 0;
  std::uint64_t next_look_ = 1;
  std::chrono::steady_clock::time_point started_;
  std::chrono::steady_clock::time_point printed_at_;
};

}  // namespace fovea::topologies
