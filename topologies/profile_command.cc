// fovea profile get | export: what is known of a user, as read from RocksDB.

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <string>
#include <string_view>
#include <variant>

#include "profile_store/profile_codec.h"
#include "scorer/model_info.h"
#include "topologies/commands.h"
#include "topologies/json_text.h"
#include "topologies/local_state.h"
#include "topologies/profile_json.h"
#include "topologies/slate_text.h"

namespace fovea::topologies {
namespace {

constexpr std::size_t kNumbersPerLine = 8;

std::string base64(std::string_view bytes) {
  static constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto at = [&](std::size_t k) {
      return i + k < bytes.size()
                 ? static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i + k]))
                 : 0U;
    };
    const std::uint32_t word = at(0) << 16U | at(1) << 8U | at(2);
    out += kLetters[word >> 18U];
    out += kLetters[word >> 12U & 63U];
    out += i + 1 < bytes.size() ? kLetters[word >> 6U & 63U] : '=';
    out += i + 2 < bytes.size() ? kLetters[word & 63U] : '=';
  }
  return out;
}

std::string item_name(const scorer::Learner* learner, ItemKey item) {
  if (learner != nullptr) {
    const std::string_view id = scorer::item_id(learner->model(), item);
    if (!id.empty()) return std::string(id);
  }
  return fmt::format("{:016x}", value(item));
}

void print_vector(const char* title, const std::vector<float>& numbers) {
  double squares = 0;
  for (const float number : numbers) squares += double{number} * double{number};
  fmt::print("\n{}, {} numbers, length {:.4f}\n", title, numbers.size(), std::sqrt(squares));
  for (std::size_t i = 0; i < numbers.size(); i += kNumbersPerLine) {
    std::string line = " ";
    for (std::size_t k = i; k < std::min(i + kNumbersPerLine, numbers.size()); ++k) {
      line += fmt::format(" {:>9.5f}", numbers[k]);
    }
    fmt::print("{}\n", line);
  }
}

void print_behaviour(const Behaviour& behaviour, const scorer::Learner* learner) {
  if (!behaviour.context.empty()) {
    fmt::print("context   ");
    for (const ContextField& field : behaviour.context) {
      const auto* text = std::get_if<std::string>(&field.value);
      fmt::print(" {} = {}", field.name,
                 text != nullptr ? *text : fmt::format("{}", std::get<double>(field.value)));
    }
    fmt::print("\n");
  }
  fmt::print("counters  ");
  for (std::size_t i = 0; i < behaviour.counters.size(); ++i) {
    if (behaviour.counters[i].value > 0) {
      fmt::print(" {} {:.2f}", kEventTypeNames[i], behaviour.counters[i].value);
    }
  }
  fmt::print("\nremembered  {} own items, {} event ids\n", behaviour.own_items.size(),
             behaviour.recent_event_ids.size());
  fmt::print("\nhistory, newest first: {} of {} events\n", behaviour.history.size(),
             behaviour.event_count);
  for (auto entry = behaviour.history.rbegin(); entry != behaviour.history.rend(); ++entry) {
    fmt::print("  {}  {:<16} {}{}\n", time_text(entry->time), name(entry->type),
               item_name(learner, entry->item),
               entry->strength == 1.0F ? "" : fmt::format("  strength {}", entry->strength));
  }
}

void print_profile(const UserId& user, const FoundProfile& found, const LocalModel& local) {
  const scorer::Learner* learner = local.learner.get();
  const Profile& profile = found.profile;
  fmt::print("user        {}\npartition   {}, applied up to offset {}\n", user.value,
             found.partition, profile.behaviour.applied);
  fmt::print("model       {:016x}, lineage {}, position {}\n", profile.learned.model.model_id,
             profile.learned.model.lineage, profile.learned.model.position);
  print_behaviour(profile.behaviour, learner);
  if (learner == nullptr) fmt::print("(items by key, not by id: {})\n", local.why_not);
  print_vector("current interest", profile.learned.current);
  print_vector("lasting interest", profile.learned.lasting);
  fmt::print("\nserved      {} slates", profile.served.slate_count);
  if (!profile.served.slate_id.empty()) {
    fmt::print(", the last {} of {}:", profile.served.slate_id,
               time_text(profile.served.emitted_at));
    for (const ServedItem& item : profile.served.items) {
      fmt::print(" {}", item_name(learner, item.item));
    }
  }
  fmt::print("\n");
}

Result<void> export_all(profile_store::ProfileStore& store) {
  const auto walked = store.for_each(
      [](Partition partition, const UserId& user, const Profile& profile) -> Result<void> {
        fmt::print("{{\"partition\":{},\"user\":{},\"profile\":\"{}\"}}\n", partition,
                   json_string(user.value), base64(profile_store::encode_profile(profile)));
        return {};
      });
  if (std::fflush(stdout) != 0) return stop("standard output: the rest could not be written");
  return walked;
}

}  // namespace

Result<void> profile(const Config& config, const ProfileOptions& options) {
  auto store = open_profiles_to_read(config);
  if (!store) return store.error();
  if (options.all) return export_all(**store);

  const UserId user{options.user};
  const auto found = find_profile(**store, user);
  if (!found) return found.error();
  if (!*found) {
    return stop(
        fmt::format("user {} has no profile in {}", options.user, profiles_directory(config)));
  }
  if (options.json) {
    fmt::print("{}\n", encode_profile_json((*found)->partition, user, (*found)->profile));
    return {};
  }
  const auto local = open_local_model(config);
  if (!local) return local.error();
  print_profile(user, **found, *local);
  return {};
}

}  // namespace fovea::topologies
