#pragma once

// What the demo shows while it runs: drawn in place on a terminal, a line a second elsewhere.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace fovea::topologies {

// Share of hits among the latest yes-or-no answers.
class RollingShare {
 public:
  explicit RollingShare(std::size_t window) : window_(window) {}
  void add(bool hit) {
    answers_.push_back(hit);
    hits_ += hit ? 1 : 0;
    if (answers_.size() <= window_) return;
    hits_ -= answers_.front() ? 1 : 0;
    answers_.pop_front();
  }
  [[nodiscard]] double value() const {
    return answers_.empty() ? 0 : static_cast<double>(hits_) / static_cast<double>(answers_.size());
  }
  [[nodiscard]] std::size_t count() const { return answers_.size(); }

 private:
  std::size_t window_;
  std::deque<bool> answers_;
  std::size_t hits_ = 0;
};

struct DemoFigures {
  std::chrono::duration<double> elapsed{};
  double done = 0;  // share of the demo, 0..1
  std::uint64_t events = 0;
  double events_per_second = 0;
  std::uint64_t recommendations = 0;
  double recommendations_per_second = 0;
  std::chrono::nanoseconds latency_p50{};
  std::chrono::nanoseconds latency_p99{};
  std::uint64_t examples = 0;
  std::uint64_t items = 0;
  double hit_rate = 0;             // of the slates served before
  double popularity_hit_rate = 0;  // of the ten most popular, on the same events
  std::size_t window = 0;          // events that the two are over
};

class DemoView {
 public:
  explicit DemoView(bool in_place) : in_place_(in_place) {}

  // Draws over what it drew before, or prints a line.
  void show(const DemoFigures& figures);

  [[nodiscard]] std::chrono::milliseconds interval() const {
    return std::chrono::milliseconds(in_place_ ? 100 : 1000);
  }

 private:
  void draw(const DemoFigures& figures);

  bool in_place_;
  std::size_t lines_drawn_ = 0;
  std::vector<double> hit_rates_;  // one a second, for the curves
  std::vector<double> popularity_hit_rates_;
};

}  // namespace fovea::topologies
