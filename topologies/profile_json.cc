#include "topologies/profile_json.h"

#include <fmt/format.h>

#include <variant>
#include <vector>

#include "topologies/json_text.h"

namespace fovea::topologies {
namespace {

// Keys are 64-bit hashes, which JSON numbers cannot hold.
std::string hex(std::uint64_t number) {
  return fmt::format("\"{:016x}\"", number);
}

template <class Values, class Format>
std::string array(const Values& values, Format format) {
  std::string out = "[";
  for (const auto& value : values) {
    if (out.size() > 1) out += ',';
    out += format(value);
  }
  return out + ']';
}

std::string context_json(const std::vector<ContextField>& context) {
  std::string out = "{";
  for (const ContextField& field : context) {
    if (out.size() > 1) out += ',';
    out += json_string(field.name) + ':';
    const auto* text = std::get_if<std::string>(&field.value);
    out += text ? json_string(*text) : fmt::format("{}", std::get<double>(field.value));
  }
  return out + '}';
}

std::string counters_json(const Behaviour& behaviour) {
  std::string out = "{";
  for (std::size_t i = 0; i < behaviour.counters.size(); ++i) {
    const DecayedCounter& counter = behaviour.counters[i];
    if (counter.value == 0.0F) continue;
    if (out.size() > 1) out += ',';
    out += fmt::format(R"("{}":{{"value":{},"last_time":{}}})", kEventTypeNames[i], counter.value,
                       value(counter.last_time));
  }
  return out + '}';
}

std::string behaviour_json(const Behaviour& behaviour) {
  const auto history = array(behaviour.history, [](const HistoryEntry& entry) {
    return fmt::format(R"({{"item":{},"type":"{}","time":{},"strength":{}}})",
                       hex(value(entry.item)), name(entry.type), value(entry.time), entry.strength);
  });
  const auto own_items = array(behaviour.own_items, [](const OwnItem& own) {
    return fmt::format(R"({{"item":{},"last_time":{},"count":{}}})", hex(value(own.item)),
                       value(own.last_time), own.count);
  });
  return fmt::format(R"({{"applied":{},"event_count":{},"history":{},"context":{},"counters":{},)"
                     R"("recent_event_ids":{},"own_items":{}}})",
                     behaviour.applied, behaviour.event_count, history,
                     context_json(behaviour.context), counters_json(behaviour),
                     array(behaviour.recent_event_ids, hex), own_items);
}

std::string vector_json(const std::vector<float>& numbers) {
  return array(numbers, [](float number) { return fmt::format("{}", number); });
}

}  // namespace

std::string encode_profile_json(Partition partition, const UserId& user, const Profile& profile) {
  const Learned& learned = profile.learned;
  const Served& served = profile.served;
  const auto items = array(served.items, [](const ServedItem& item) {
    return fmt::format(R"({{"item":{},"propensity":{}}})", hex(value(item.item)), item.propensity);
  });
  return fmt::format(
      R"({{"user":{},"partition":{},"behaviour":{},)"
      R"("learned":{{"model":{{"id":{},"lineage":{},"position":{}}},"current":{},"lasting":{}}},)"
      R"("served":{{"slate":{},"emitted_at":{},"slate_count":{},"pending_covers":{},"items":{}}}}})",
      json_string(user.value), partition, behaviour_json(profile.behaviour),
      hex(learned.model.model_id), learned.model.lineage, learned.model.position,
      vector_json(learned.current), vector_json(learned.lasting), json_string(served.slate_id),
      value(served.emitted_at), served.slate_count, served.pending_covers, items);
}

}  // namespace fovea::topologies
