#include "topologies/slate_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <string_view>

namespace fovea::topologies {
namespace {

constexpr std::size_t kLabelWidth = 46;

struct Part {
  std::string label;
  double contribution = 0;
};

// Code points, which is columns for nearly every title.
std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

std::string cut(std::string_view text, std::size_t width) {
  if (columns(text) <= width) return std::string(text) + std::string(width - columns(text), ' ');
  std::string out;
  std::size_t column = 0;
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U && ++column == width) break;
    out += c;
  }
  return out + "…";
}

// In eighths of a column; what pulls the score down is drawn hollow.
std::string bar(double contribution, double largest, std::size_t width) {
  if (largest <= 0) return {};
  const double share = std::abs(contribution) / largest * static_cast<double>(width);
  const auto eighths = static_cast<std::size_t>(std::lround(share * 8));
  std::string out;
  if (contribution < 0) {
    for (std::size_t i = 0; i < (eighths + 4) / 8; ++i) out += "░";
    return out;
  }
  static constexpr std::string_view kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  for (std::size_t i = 0; i < eighths / 8; ++i) out += "█";
  out += kEighths[eighths % 8];
  return out;
}

std::vector<Part> parts_of(const Explanation& why, const SlateTextOptions& options) {
  std::vector<Part> parts;
  for (const HistoryContribution& history : why.history) {
    std::string item =
        history.item_id.empty() ? fmt::format("{:016x}", value(history.item)) : history.item_id;
    if (options.title) {
      const std::string title = options.title(history.item_id);
      if (!title.empty()) item = title;
    }
    parts.push_back(
        {fmt::format("{} {}, {} ago, attention {:.0f} %", name(history.type), item,
                     age_text(history.age_ms), 100 * static_cast<double>(history.attention)),
         history.contribution});
  }
  for (const FeatureContribution& feature : why.features) {
    parts.push_back({feature.feature, feature.contribution});
  }
  parts.push_back({"bias of the item", why.bias});
  parts.push_back({"lasting interest of the user", why.user});
  std::stable_sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) {
    return std::abs(a.contribution) > std::abs(b.contribution);
  });
  // Sums of what is not listed come last; a full explanation has none.
  if (why.other_history != 0) parts.push_back({"other history", why.other_history});
  if (why.other_features != 0) parts.push_back({"other features", why.other_features});
  if (parts.size() > options.parts_max && options.parts_max > 0) {
    Part rest{"", 0};
    for (std::size_t i = options.parts_max; i < parts.size(); ++i) {
      rest.contribution += parts[i].contribution;
    }
    rest.label = fmt::format("{} smaller parts", parts.size() - options.parts_max);
    parts.resize(options.parts_max);
    parts.push_back(rest);
  }
  return parts;
}

}  // namespace

std::string draw_slate(const std::vector<RecommendedItem>& slate, const SlateTextOptions& options) {
  std::vector<std::vector<Part>> all;
  double largest = 0;
  for (const RecommendedItem& item : slate) {
    all.push_back(item.why ? parts_of(*item.why, options) : std::vector<Part>{});
    for (const Part& part : all.back()) largest = std::max(largest, std::abs(part.contribution));
  }
  std::string out;
  for (std::size_t i = 0; i < slate.size(); ++i) {
    const RecommendedItem& item = slate[i];
    out += fmt::format("{:>3}  {}{}{}   score {:.4f}   attention {:.1f} %\n", item.rank,
                       item.item.id, item.title.empty() ? "" : "  ", item.title, item.score,
                       100 * static_cast<double>(item.attention));
    for (const Part& part : all[i]) {
      out += fmt::format("     {} {:>+9.4f}", cut(part.label, kLabelWidth), part.contribution);
      const std::string drawn = bar(part.contribution, largest, options.bar_width);
      out += drawn.empty() ? "\n" : "  " + drawn + "\n";
    }
  }
  return out;
}

std::string age_text(std::int64_t age_ms) {
  const std::int64_t seconds = std::max<std::int64_t>(age_ms, 0) / 1'000;
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 2 * 3'600) return fmt::format("{} min", seconds / 60);
  if (seconds < 2 * 86'400) return fmt::format("{} h", seconds / 3'600);
  return fmt::format("{} d", seconds / 86'400);
}

std::string time_text(TimeMs time) {
  const auto seconds = static_cast<std::time_t>(value(time) / 1'000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", utc.tm_year + 1900, utc.tm_mon + 1,
                     utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

}  // namespace fovea::topologies
