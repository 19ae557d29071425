#include "topologies/demo_world.h"

#include <algorithm>
#include <utility>

#include "ingest/event_codec.h"
#include "ingest/item_codec.h"

namespace fovea::topologies {
namespace {

using ingest::OutputRecord;

// A long demo makes up days; an event after its record's timestamp is a dead letter.
constexpr std::int64_t kRoomMs = std::int64_t{30} * 86'400'000;

GeneratedLogSettings log_settings(const Config& config, std::uint64_t seed, TimeMs now) {
  GeneratedLogSettings settings;
  settings.seed = seed;
  settings.types = config.model.positive;
  // A fixed day where the clock allows it, so that the same seed is the same world.
  settings.start = std::min(settings.start, TimeMs{value(now) - kRoomMs});
  return settings;
}

}  // namespace

DemoWorld::DemoWorld(const Config& config, std::uint64_t seed, TimeMs now)
    : config_(config), log_(log_settings(config, seed, now)) {}

std::vector<OutputRecord> DemoWorld::catalogue() {
  std::vector<OutputRecord> records;
  for (const Item& item : log_.catalogue()) records.push_back(announce({item, false}));
  return records;
}

Event DemoWorld::next(std::vector<OutputRecord>& records) {
  GeneratedStep step = log_.next();
  for (const ItemChange& change : step.catalogue) records.push_back(announce(change));
  OutputRecord record;
  record.topic = config_.topics.input.front();
  record.key = step.event.user.value;
  record.value = ingest::encode_event(step.event);
  records.push_back(std::move(record));
  return std::move(step.event);
}

std::string DemoWorld::title(const std::string& id) const {
  const auto found = titles_.find(id);
  return found == titles_.end() ? id : found->second;
}

OutputRecord DemoWorld::announce(const ItemChange& change) {
  const Item& item = change.item;
  if (!change.removed) titles_[item.item.id] = item.title;
  OutputRecord record;
  record.topic = config_.topics.items;
  record.key = item.item.id;
  if (!change.removed) record.value = ingest::encode_item(item);
  return record;
}

}  // namespace fovea::topologies
