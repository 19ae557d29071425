#pragma once

// Random events and profiles for property tests. Same seed, same values.

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>

#include "profile_store/fold.h"
#include "profile_store/profile_codec.h"
#include "vocab/event.h"
#include "vocab/profile.h"

namespace fovea::profile_store {

// FOVEA_SEED, or a new one; printed, so that a failure can be played again.
inline std::uint64_t test_seed() {
  const char* text = std::getenv("FOVEA_SEED");
  const std::uint64_t seed =
      text != nullptr ? std::strtoull(text, nullptr, 10) : std::random_device{}();
  std::cout << "FOVEA_SEED=" << seed << "\n";
  return seed;
}

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  std::uint64_t below(std::uint64_t limit) {
    return std::uniform_int_distribution<std::uint64_t>(0, limit - 1)(random_);
  }
  std::uint64_t bits() { return random_(); }
  float strength() { return std::uniform_real_distribution<float>(-5.0F, 5.0F)(random_); }

  std::string bytes(std::size_t size_max) {
    std::string text(below(size_max + 1), '\0');
    for (char& c : text) c = static_cast<char>(below(256));
    return text;
  }

  // Few items and coarse times, so that repeats and ties are common; now and then an old one.
  Event event() {
    Event event;
    event.user.value = "u";
    event.type = static_cast<EventType>(below(kEventTypeNames.size()));
    now_ += static_cast<std::int64_t>(below(4) * 1000);
    const std::int64_t late = below(4) == 0 ? static_cast<std::int64_t>(below(100) * 1000) : 0;
    event.event_time = TimeMs{now_ - late};
    event.item = {ItemKey{1 + below(30)}, ""};
    if (below(3) == 0) event.value = strength();
    if (below(2) == 0) event.context.push_back({"device", std::string(below(2) ? "tv" : "phone")});
    if (below(2) == 0) event.context.push_back({"hour", static_cast<double>(below(24))});
    if (below(4) == 0) event.context.push_back({"undeclared", 1.0});
    return event;
  }

  // A fold of random events, with learned and served as a scorer would leave them.
  Profile profile(const FoldSettings& settings, std::size_t events_max, std::size_t dim) {
    Profile profile;
    const std::size_t events = below(events_max + 1);
    for (std::size_t i = 0; i < events; ++i) {
      fold(settings, event(), below(2) == 0 ? below(200) : 0, profile.behaviour);
      profile.behaviour.applied = static_cast<Offset>(i * 7);
    }
    if (below(4) != 0) {
      profile.learned.model = {bits(), static_cast<std::uint32_t>(below(3)),
                               static_cast<Offset>(below(1U << 30U)) - 1};
      for (std::size_t i = 0; i < dim; ++i) {
        profile.learned.current.push_back(round_to_float16(strength()));
        profile.learned.lasting.push_back(round_to_float16(strength()));
      }
    }
    if (below(4) != 0) {
      profile.served.slate_id = "00112233445566ff";
      profile.served.emitted_at = TimeMs{now_};
      profile.served.slate_count = static_cast<std::uint32_t>(below(1000));
      profile.served.pending_covers = static_cast<std::uint32_t>(below(300));
      const bool certain = below(2) == 0;
      for (std::size_t i = below(21); i > 0; --i) {
        profile.served.items.push_back({ItemKey{bits()}, certain ? 1.0F : strength()});
      }
    }
    return profile;
  }

 private:
  std::mt19937_64 random_;
  std::int64_t now_ = 1'700'000'000'000;
};

inline FoldSettings small_settings() {
  FoldSettings settings;
  settings.history_max = 10;
  settings.own_items_max = 16;
  settings.event_ids_max = 8;
  settings.counter_half_life_s = 60;
  settings.context_fields = {"hour", "device"};
  return settings;
}

}  // namespace fovea::profile_store
