#include "topologies/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace fovea::topologies {
namespace {

constexpr int kBarWidth = 24;
constexpr auto kTerminalInterval = std::chrono::milliseconds(100);
constexpr auto kLineInterval = std::chrono::seconds(5);

}  // namespace

Progress::Progress(std::string title, std::uint64_t total, std::function<std::string()> figures)
    : title_(std::move(title)),
      total_(total),
      figures_(std::move(figures)),
      terminal_(isatty(STDERR_FILENO) == 1),
      started_(std::chrono::steady_clock::now()),
      printed_at_(started_) {}

Progress::~Progress() {
  finish();
}

void Progress::advance(std::uint64_t count) {
  done_ += count;
  if (done_ < next_look_) return;
  next_look_ = done_ + 64;
  const auto interval = terminal_ ? std::chrono::milliseconds(kTerminalInterval)
                                  : std::chrono::milliseconds(kLineInterval);
  if (std::chrono::steady_clock::now() - printed_at_ >= interval) print(false);
}

void Progress::finish() {
  if (std::exchange(finished_, true)) return;
  // Work that was over before the first line needs none.
  if (printed_) print(true);
}

void Progress::print(bool last) {
  printed_ = true;
  printed_at_ = std::chrono::steady_clock::now();
  const double seconds = std::chrono::duration<double>(printed_at_ - started_).count();
  std::string line = title_;
  if (total_ > 0) {
    const double share = std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
    const int filled = static_cast<int>(share * kBarWidth);
    if (terminal_) {
      line += " [" + std::string(static_cast<std::size_t>(filled), '#') +
              std::string(static_cast<std::size_t>(kBarWidth - filled), '.') + "]";
    }
    line += fmt::format(" {:3.0f} %", share * 100);
  }
  line += fmt::format("  {} done, {:.0f}/s", done_,
                      seconds > 0 ? static_cast<double>(done_) / seconds : 0.0);
  if (figures_) line += "  " + figures_();
  // \r and erase to the end of the line: the bar stays where it is.
  std::fputs((terminal_ ? "\r\x1b[K" + line + (last ? "\n" : "") : line + "\n").c_str(), stderr);
  std::fflush(stderr);
}

}  // namespace fovea::topologies
