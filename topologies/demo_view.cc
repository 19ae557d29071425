#include "topologies/demo_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>

namespace fovea::topologies {
namespace {

constexpr std::size_t kBarWidth = 30;
constexpr std::size_t kCurveWidth = 24;

std::string bar(double share) {
  const auto filled = static_cast<std::size_t>(
      std::lround(std::clamp(share, 0.0, 1.0) * static_cast<double>(kBarWidth)));
  std::string out;
  for (std::size_t i = 0; i < kBarWidth; ++i) out += i < filled ? "█" : "·";
  return out;
}

std::string curve(const std::vector<double>& values, double highest) {
  static constexpr std::array<std::string_view, 8> kLevels{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  std::string out;
  const std::size_t begin = values.size() > kCurveWidth ? values.size() - kCurveWidth : 0;
  for (std::size_t i = begin; i < values.size(); ++i) {
    const double level = highest > 0 ? values[i] / highest * 7.999 : 0;
    out += kLevels[static_cast<std::size_t>(std::clamp(level, 0.0, 7.0))];
  }
  return out;
}

double ms(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

}  // namespace

void DemoView::show(const DemoFigures& figures) {
  if (in_place_) {
    draw(figures);
    return;
  }
  fmt::print(
      "{:5.1f} s  {:>7} events {:>6.0f}/s  {:>7} recommendations {:>6.0f}/s  p50 {:.2f} ms p99 "
      "{:.2f} ms  HR@10 {:.3f}, popularity {:.3f}\n",
      figures.elapsed.count(), figures.events, figures.events_per_second, figures.recommendations,
      figures.recommendations_per_second, ms(figures.latency_p50), ms(figures.latency_p99),
      figures.hit_rate, figures.popularity_hit_rate);
  std::fflush(stdout);
}

void DemoView::draw(const DemoFigures& figures) {
  if (figures.elapsed.count() >= static_cast<double>(hit_rates_.size()) / 2) {
    hit_rates_.push_back(figures.hit_rate);
    popularity_hit_rates_.push_back(figures.popularity_hit_rate);
  }
  const double highest =
      std::max({0.05, *std::max_element(hit_rates_.begin(), hit_rates_.end()),
                *std::max_element(popularity_hit_rates_.begin(), popularity_hit_rates_.end())});
  const std::vector<std::string> lines{
      fmt::format("  {}  {:.0f} s", bar(figures.done), figures.elapsed.count()),
      "",
      fmt::format("  events           {:>9}   {:>7.0f}/s", figures.events,
                  figures.events_per_second),
      fmt::format("  recommendations  {:>9}   {:>7.0f}/s", figures.recommendations,
                  figures.recommendations_per_second),
      fmt::format(
          "  latency          p50 {:.2f} ms, p99 {:.2f} ms, event sent to explained slate read",
          ms(figures.latency_p50), ms(figures.latency_p99)),
      fmt::format("  model            {} examples learned, {} items", figures.examples,
                  figures.items),
      "",
      fmt::format("  was the next choice among the ten shown? the last {} times", figures.window),
      fmt::format("  fovea       {} {:5.1f} %  {}", bar(figures.hit_rate), 100 * figures.hit_rate,
                  curve(hit_rates_, highest)),
      fmt::format("  popularity  {} {:5.1f} %  {}", bar(figures.popularity_hit_rate),
                  100 * figures.popularity_hit_rate, curve(popularity_hit_rates_, highest)),
      ""};
  std::string out = lines_drawn_ > 0 ? fmt::format("\x1b[{}A", lines_drawn_) : std::string();
  for (const std::string& line : lines) out += line + "\x1b[K\n";
  lines_drawn_ = lines.size();
  std::fputs(out.c_str(), stdout);
  std::fflush(stdout);
}

}  // namespace fovea::topologies
