#include "topologies/generated_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <optional>
#include <string_view>

#include "ingest/keys.h"
#include "vocab/assert.h"

namespace fovea::topologies {
namespace {

constexpr std::array<std::string_view, 12> kGenres = {"mystery", "comedy",  "science", "travel",
                                                      "cooking", "history", "music",   "fantasy",
                                                      "sports",  "romance", "nature",  "crime"};
constexpr std::array<std::string_view, 16> kFirstWords = {
    "Quiet", "Last",  "Golden", "Hidden", "Northern", "Broken", "Second", "Paper",
    "Salt",  "Early", "Empty",  "Silver", "Distant",  "Wild",   "Blue",   "Slow"};
constexpr std::array<std::string_view, 16> kSecondWords = {
    "Harbour", "Garden", "Signal",  "Winter", "Letters", "Orchard", "Tide",   "Machine",
    "Road",    "House",  "Kitchen", "Island", "Summer",  "Archive", "Forest", "Station"};
constexpr std::array<std::string_view, 4> kRegions = {"north", "south", "east", "west"};
constexpr std::array<std::string_view, 3> kDevices = {"phone", "desktop", "tv"};

constexpr double kFollowSeries = 0.5;    // the next part rather than something else
constexpr double kChangeMood = 0.2;      // another genre for the next few events
constexpr double kAnything = 0.08;       // what everybody watches, whatever the taste
constexpr double kBusy = 0.15;           // events by users of whom the first are much busier
constexpr std::uint32_t kSeriesMax = 6;  // parts
constexpr std::uint64_t kEventsPerBirth = 40;
constexpr std::size_t kSeenMax = 1'024;  // remembered of a user, to watch things once

// Source    Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }
  // In [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  bool chance(double p) { return uniform() < p; }
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(next() % n); }
  // Favours low numbers: with squares, half of all draws fall into the first quarter.
  std::size_t skewed_below(std::size_t n) {
    const double u = uniform();
    return std::min(n - 1, static_cast<std::size_t>(u * u * static_cast<double>(n)));
  }

 private:
  std::uint64_t state_;
};

constexpr std::uint32_t kNone = 0xffffffffU;

struct MadeItem {
  std::uint32_t series = 0;
  std::uint32_t part = 1;
  std::uint32_t next_part = kNone;
  std::uint8_t genre = 0;
  bool alive = true;
  TimeMs born{};
  double quality = 1;  // Zipf: 1 / rank of a random rank
};

struct MadeUser {
  std::uint8_t first = 0;
  std::uint8_t second = 0;
  std::uint8_t mood = 0;
  std::uint8_t region = 0;
  std::uint8_t device = 0;
  std::uint32_t last = kNone;
  std::vector<std::uint32_t> seen;
};

}  // namespace

struct GeneratedLog::Impl {
  GeneratedLogSettings settings;
  Random random;
  std::vector<MadeItem> items;  // all that ever were, by number
  std::vector<MadeUser> users;
  std::array<std::vector<std::uint32_t>, kGenres.size()> alive;  // oldest first
  std::array<std::uint32_t, kGenres.size()> newest{};            // of the genre, or kNone
  std::uint32_t series_count = 0;
  std::uint64_t event_count = 0;
  std::vector<EventType> types;
  std::vector<Item> first_catalogue;

  explicit Impl(const GeneratedLogSettings& given) : settings(given), random(given.seed) {}

  [[nodiscard]] TimeMs now() const {
    const double elapsed_ms =
        static_cast<double>(event_count) * 1'000.0 / settings.events_per_second;
    return TimeMs{value(settings.start) + static_cast<std::int64_t>(elapsed_ms)};
  }

  std::uint32_t bear(std::uint8_t genre);
  std::optional<std::uint32_t> withdraw_oldest(std::uint8_t genre);
  [[nodiscard]] Item announce(std::uint32_t number) const;
  std::uint32_t choose(MadeUser& user);
  std::uint32_t by_popularity(std::uint8_t genre);
  EventType choose_type();
};

std::uint32_t GeneratedLog::Impl::bear(std::uint8_t genre) {
  const auto number = static_cast<std::uint32_t>(items.size());
  MadeItem item;
  item.genre = genre;
  item.born = now();
  item.quality = 1.0 / static_cast<double>(1 + random.below(20));
  const std::uint32_t before = newest[genre];
  if (before != kNone && items[before].part < kSeriesMax && random.chance(0.75)) {
    item.series = items[before].series;
    item.part = items[before].part + 1;
    items[before].next_part = number;
  } else {
    item.series = series_count++;
  }
  newest[genre] = number;
  items.push_back(item);
  alive[genre].push_back(number);
  return number;
}

std::optional<std::uint32_t> GeneratedLog::Impl::withdraw_oldest(std::uint8_t genre) {
  std::vector<std::uint32_t>& living = alive[genre];
  if (living.size() <= settings.items / kGenres.size()) return std::nullopt;
  const std::uint32_t number = living.front();
  living.erase(living.begin());
  items[number].alive = false;
  return number;
}

Item GeneratedLog::Impl::announce(std::uint32_t number) const {
  const MadeItem& made = items[number];
  Item item;
  item.item.id = fmt::format("i{}", number);
  item.item.key = ingest::item_key(item.item.id);
  // The series' name, from its number: no two of one genre share it for a long while.
  const std::size_t name = made.series * 37U;
  item.title = fmt::format("{} {}", kFirstWords[name % kFirstWords.size()],
                           kSecondWords[name / kFirstWords.size() % kSecondWords.size()]);
  if (made.part > 1) item.title += fmt::format(" {}", made.part);
  item.text = fmt::format("Part {} of a {} series.", made.part, kGenres[made.genre]);
  item.categories = {std::string(kGenres[made.genre])};
  item.tags = {fmt::format("series-{}", made.series)};
  item.attributes.emplace_back("part", static_cast<double>(made.part));
  item.provider = fmt::format("studio-{}", made.series % 17);
  item.published_at = made.born;
  item.available = made.alive;
  return item;
}

std::uint32_t GeneratedLog::Impl::by_popularity(std::uint8_t genre) {
  const std::vector<std::uint32_t>& living = alive[genre];
  // Newer is likelier: the last fifth of the genre has four times the weight of the first.
  const auto weight = [&](std::size_t place) {
    const double age = 1.0 - static_cast<double>(place) / static_cast<double>(living.size());
    return items[living[place]].quality * (age < 0.2 ? 2.0 : age < 0.6 ? 1.0 : 0.5);
  };
  double total = 0;
  for (std::size_t place = 0; place < living.size(); ++place) total += weight(place);
  double draw = random.uniform() * total;
  for (std::size_t place = 0; place < living.size(); ++place) {
    draw -= weight(place);
    if (draw < 0) return living[place];
  }
  return living.back();
}

std::uint32_t GeneratedLog::Impl::choose(MadeUser& user) {
  const auto has_seen = [&](std::uint32_t number) {
    return std::find(user.seen.rbegin(), user.seen.rend(), number) != user.seen.rend();
  };
  if (user.last != kNone && random.chance(kFollowSeries)) {
    const std::uint32_t next = items[user.last].next_part;
    if (next != kNone && items[next].alive && !has_seen(next)) return next;
  }
  if (random.chance(kChangeMood)) {
    user.mood = random.chance(0.65) ? user.first : user.second;
  }
  const std::uint8_t genre = random.chance(kAnything)
                                 ? static_cast<std::uint8_t>(random.below(kGenres.size()))
                                 : user.mood;
  std::uint32_t number = by_popularity(genre);
  // Who has seen nearly all of a genre watches something again.
  for (int attempt = 0; attempt < 8 && has_seen(number); ++attempt) number = by_popularity(genre);
  return number;
}

EventType GeneratedLog::Impl::choose_type() {
  // The first of the types is most of the traffic, as plays are against likes.
  return types[random.skewed_below(types.size())];
}

GeneratedLog::GeneratedLog(const GeneratedLogSettings& settings)
    : impl_(std::make_unique<Impl>(settings)) {
  FOVEA_ASSERT(settings.users >= 1 && settings.users <= 10'000'000);
  FOVEA_ASSERT(settings.items >= 2 * kGenres.size() && settings.items <= 1'000'000);
  FOVEA_ASSERT(settings.events_per_second > 0);

  impl_->newest.fill(kNone);
  if (settings.types.empty()) {
    impl_->types = {EventType::kPlay, EventType::kView, EventType::kLike};
  } else {
    for (std::size_t i = 0; i < kEventTypeNames.size(); ++i) {
      const auto type = static_cast<EventType>(i);
      if (settings.types.contains(type)) impl_->types.push_back(type);
    }
  }
  for (std::uint64_t i = 0; i < settings.items; ++i) {
    impl_->bear(static_cast<std::uint8_t>(i % kGenres.size()));
  }
  for (std::uint32_t i = 0; i < impl_->items.size(); ++i) {
    impl_->first_catalogue.push_back(impl_->announce(i));
  }
  impl_->users.resize(settings.users);
  for (MadeUser& user : impl_->users) {
    Random& random = impl_->random;
    user.first = static_cast<std::uint8_t>(random.below(kGenres.size()));
    user.second = static_cast<std::uint8_t>((user.first + 1 + random.below(kGenres.size() - 1)) %
                                            kGenres.size());
    user.mood = user.first;
    user.region = static_cast<std::uint8_t>(random.below(kRegions.size()));
    user.device = static_cast<std::uint8_t>(random.below(kDevices.size()));
  }
}

GeneratedLog::GeneratedLog(GeneratedLog&&) noexcept = default;
GeneratedLog& GeneratedLog::operator=(GeneratedLog&&) noexcept = default;
GeneratedLog::~GeneratedLog() = default;

const std::vector<Item>& GeneratedLog::catalogue() const {
  return impl_->first_catalogue;
}

GeneratedStep GeneratedLog::next() {
  Impl& world = *impl_;
  GeneratedStep step;
  if (world.event_count > 0 && world.event_count % kEventsPerBirth == 0) {
    const auto genre = static_cast<std::uint8_t>(world.random.below(kGenres.size()));
    const std::uint32_t born = world.bear(genre);
    step.catalogue.push_back({world.announce(born), false});
    if (const auto gone = world.withdraw_oldest(genre)) {
      step.catalogue.push_back({world.announce(*gone), false});
    }
  }

  // A few are much busier than the rest, none so busy as to have seen everything.
  const std::size_t user_number = world.random.chance(kBusy)
                                      ? world.random.skewed_below(world.users.size())
                                      : world.random.below(world.users.size());
  MadeUser& user = world.users[user_number];
  const std::uint32_t number = world.choose(user);
  user.last = number;
  user.seen.push_back(number);
  if (user.seen.size() > kSeenMax) {
    user.seen.erase(user.seen.begin(), user.seen.begin() + kSeenMax / 2);
  }

  Event& event = step.event;
  event.user.value = fmt::format("u{}", user_number);
  event.type = world.choose_type();
  event.item.id = fmt::format("i{}", number);
  event.item.key = ingest::item_key(event.item.id);
  event.event_time = world.now();
  event.record_time = event.event_time;
  // With the start, so that a second run of a producer is not taken for repeats of the first.
  event.id = fmt::format("g{}-{:x}-{}", world.settings.seed, value(world.settings.start),
                         world.event_count);
  event.context.push_back({"device", std::string(kDevices[user.device])});
  event.context.push_back({"region", std::string(kRegions[user.region])});
  ++world.event_count;
  return step;
}

std::string GeneratedLog::taste(const UserId& user) const {
  std::size_t number = 0;
  const std::string& id = user.value;
  if (id.size() < 2 || id[0] != 'u') return {};
  const auto [end, error] = std::from_chars(id.data() + 1, id.data() + id.size(), number);
  if (error != std::errc{} || end != id.data() + id.size() || number >= impl_->users.size()) {
    return {};
  }
  const MadeUser& made = impl_->users[number];
  return fmt::format("{}, then {}", kGenres[made.first], kGenres[made.second]);
}

}  // namespace fovea::topologies
