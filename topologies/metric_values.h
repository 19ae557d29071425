#pragma once

// Numbers that one thread writes and a scrape reads, without a lock.
//
// Each has one writer, so an addition is a load and a store and no locked instruction. A reader
// may see one value of a step and not yet another; each by itself only moves as its writer moved
// it.
//
// Threads   One writer each; any number of readers.

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

namespace fovea::topologies {

class Counter {
 public:
  void add(std::uint64_t more = 1) { set(value() + more); }
  // For a total that somebody else counts.
  void set(std::uint64_t total) { value_.store(total, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

template <class T>
class Gauge {
 public:
  explicit Gauge(T value = T{}) : value_(value) {}
  void set(T value) { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] T value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<T> value_;
};

// Upper bounds of a histogram's buckets; what is above the last counts in one more.
// 50 microseconds to a minute, in steps of about two: a slate's scoring to a broker's absence.
inline constexpr std::array<double, 19> kSecondsBounds = {
    50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3,
    0.1,   0.25,   0.5,    1,      2.5,  5,      10,   30,    60};
inline constexpr std::array<double, 13> kRecordsBounds = {1,   2,   5,     10,    20,    50,    100,
                                                          200, 500, 1'000, 2'000, 5'000, 10'000};

template <const auto& kBounds>
class Histogram {
 public:
  static constexpr std::size_t kBuckets = kBounds.size() + 1;

  void add(double value) {
    std::size_t bucket = 0;
    while (bucket < kBounds.size() && value > kBounds[bucket]) ++bucket;
    counts_[bucket].add();
    sum_.set(sum_.value() + value);
  }
  void add(std::chrono::nanoseconds time) {
    add(std::chrono::duration<double>(time.count() < 0 ? std::chrono::nanoseconds(0) : time)
            .count());
  }

  [[nodiscard]] static std::span<const double> bounds() { return kBounds; }
  // Of one bucket alone; the exposition adds them up.
  [[nodiscard]] std::uint64_t count(std::size_t bucket) const { return counts_[bucket].value(); }
  [[nodiscard]] double sum() const { return sum_.value(); }

 private:
  std::array<Counter, kBuckets> counts_;
  Gauge<double> sum_;
};

using SecondsHistogram = Histogram<kSecondsBounds>;
using RecordsHistogram = Histogram<kRecordsBounds>;

// When a thread was last seen at work. What it says it waits for (a broker, a restore) is no stall.
class Heartbeat {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  void beat() { at_.set(std::chrono::steady_clock::now().time_since_epoch().count()); }
  [[nodiscard]] std::chrono::nanoseconds age(TimePoint now) const {
    if (waiting_.value() > 0 || at_.value() == 0) return std::chrono::nanoseconds(0);
    return now.time_since_epoch() - std::chrono::steady_clock::duration(at_.value());
  }

  // For as long as it lives, the thread may stand still.
  class Waiting {
   public:
    explicit Waiting(Heartbeat& heartbeat) : heartbeat_(heartbeat) {
      heartbeat_.waiting_.set(heartbeat_.waiting_.value() + 1);
    }
    ~Waiting() {
      heartbeat_.beat();
      heartbeat_.waiting_.set(heartbeat_.waiting_.value() - 1);
    }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

   private:
    Heartbeat& heartbeat_;
  };

 private:
  Gauge<std::chrono::steady_clock::rep> at_;
  Gauge<int> waiting_;
};

}  // namespace fovea::topologies
