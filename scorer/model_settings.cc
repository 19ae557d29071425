#include "scorer/model_settings.h"

#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <xxhash.h>

#include "scorer/bytes.h"

namespace fovea::scorer {
namespace {

Result<void> in_range(const char* key, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value >= least && value <= most) return {};
  return stop(fmt::format("{} = {} is outside {}..{}", key, value, least, most));
}

}  // namespace

Result<void> check(const ModelSettings& settings) {
  struct Range {
    const char* key;
    std::int64_t value, least, most;
  };
  const Range ranges[] = {
      {"model.dim", settings.dim, 1, 256},
      {"model.history_max", settings.history_max, 1, 200},
      {"model.example_history_max", settings.example_history_max, 1, settings.history_max},
      {"model.negatives", settings.negatives, 2, 1024},
      {"model.transition_row_max", settings.transition_row_max, 1, 10'000},
      {"model.recent_items_max", settings.recent_items_max, 100, 10'000'000},
      {"model.items_max", settings.items_max, 2, 100'000'000},
      {"model.warmup_examples", settings.warmup_examples, 0, 1'000'000},
  };
  for (const Range& range : ranges) {
    if (auto checked = in_range(range.key, range.value, range.least, range.most); !checked) {
      return checked;
    }
  }
  for (const auto& [key, value] : {std::pair{"model.pair_rows", settings.pair_rows},
                                   std::pair{"model.neighbour_ring", settings.neighbour_ring}}) {
    if (value < 1 || value > 1 << 24 || (value & (value - 1)) != 0) {
      return stop(fmt::format("{} = {} is not a power of two in 1..{}", key, value, 1 << 24));
    }
  }
  if (!std::isfinite(settings.half_life_s) || settings.half_life_s < 1.0 ||
      settings.half_life_s > 1e10) {
    return stop(fmt::format("model.half_life = {} s is outside 1 s..1e10 s", settings.half_life_s));
  }
  if (settings.positive.empty()) return stop("events.learn.positive names no event type");
  if ((settings.positive.bits() & settings.negative.bits()) != 0) {
    return stop("an event type is in both events.learn.positive and events.learn.negative");
  }
  return {};
}

std::uint64_t model_id(const ModelSettings& settings) {
  ByteWriter out;
  out.text(settings.topology);
  out.fixed(settings.dim);
  out.fixed(settings.history_max);
  out.fixed(settings.example_history_max);
  out.fixed(settings.half_life_s);
  out.fixed(settings.exclude_seen);
  out.fixed(settings.negatives);
  out.fixed(settings.transition_row_max);
  out.fixed(settings.pair_rows);
  out.fixed(settings.neighbour_ring);
  out.fixed(settings.recent_items_max);
  out.fixed(settings.warmup_examples);
  for (const std::string& field : settings.context_fields) out.text(field);
  out.fixed(settings.positive.bits());
  out.fixed(settings.negative.bits());
  out.fixed(settings.parts.learning);
  out.fixed(settings.parts.attention);
  out.fixed(settings.parts.memory);
  out.fixed(settings.parts.pairs);
  out.fixed(settings.parts.neighbours);
  out.fixed(settings.parts.repeat);
  // What was not there from the beginning is named where it is not as it would be without a word.
  if (settings.items_max != kItemsMaxDefault) out.fixed(settings.items_max);
  if (!settings.parts.content) out.text("without content");
  if (!settings.parts.ranking) out.text("without ranking");
  return XXH3_64bits(out.bytes().data(), out.bytes().size());
}

void save(const ModelSettings& settings, ByteWriter& out) {
  out.text(settings.topology);
  for (const std::int32_t number :
       {settings.dim, settings.history_max, settings.example_history_max, settings.negatives,
        settings.transition_row_max, settings.pair_rows, settings.neighbour_ring,
        settings.recent_items_max, settings.items_max, settings.warmup_examples}) {
    out.fixed(number);
  }
  out.fixed(settings.half_life_s);
  out.varint(settings.context_fields.size());
  for (const std::string& field : settings.context_fields) out.text(field);
  out.fixed(settings.positive.bits());
  out.fixed(settings.negative.bits());
  const Parts& parts = settings.parts;
  for (const bool flag :
       {settings.exclude_seen, parts.learning, parts.attention, parts.memory, parts.pairs,
        parts.neighbours, parts.repeat, parts.content, parts.ranking}) {
    out.fixed<std::uint8_t>(flag ? 1 : 0);
  }
}

namespace {

EventTypeSet load_types(ByteReader& in) {
  const auto bits = in.fixed<std::uint32_t>();
  EventTypeSet types;
  for (std::size_t type = 0; type < kEventTypeNames.size(); ++type) {
    if ((bits >> type & 1U) != 0) types.insert(static_cast<EventType>(type));
  }
  if (types.bits() != bits) in.fail();
  return types;
}

}  // namespace

ModelSettings load_settings(ByteReader& in) {
  constexpr std::size_t kContextFieldsMax = 256;  // more than a profile may have

  ModelSettings settings;
  settings.topology = in.text();
  for (std::int32_t* number :
       {&settings.dim, &settings.history_max, &settings.example_history_max, &settings.negatives,
        &settings.transition_row_max, &settings.pair_rows, &settings.neighbour_ring,
        &settings.recent_items_max, &settings.items_max, &settings.warmup_examples}) {
    *number = in.fixed<std::int32_t>();
  }
  settings.half_life_s = in.fixed<double>();
  // One by one: the bytes may be damaged, and a count of them anything.
  const std::size_t fields = in.count();
  if (fields > kContextFieldsMax) in.fail();
  for (std::size_t f = 0; f < fields && !in.failed(); ++f) {
    settings.context_fields.push_back(in.text());
  }
  settings.positive = load_types(in);
  settings.negative = load_types(in);
  Parts& parts = settings.parts;
  for (bool* flag :
       {&settings.exclude_seen, &parts.learning, &parts.attention, &parts.memory, &parts.pairs,
        &parts.neighbours, &parts.repeat, &parts.content, &parts.ranking}) {
    const auto byte = in.fixed<std::uint8_t>();
    if (byte > 1) in.fail();
    *flag = byte == 1;
  }
  return settings;
}

std::uint32_t lineage_after_gap(std::uint32_t lineage, Offset position, Offset next) {
  ByteWriter out;
  out.fixed(lineage);
  out.fixed(position);
  out.fixed(next);
  const auto gaps = static_cast<std::uint32_t>(XXH3_64bits(out.bytes().data(), out.bytes().size()));
  return (gaps & ~0xFFU) | (lineage & 0xFFU);
}

}  // namespace fovea::scorer
