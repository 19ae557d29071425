#include "tests/support/generators.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <ostream>
#include <tuple>
#include <utility>

namespace fovea::generate {

using rc::Gen;
namespace gen = rc::gen;

// ---- texts and numbers ----

// Whole characters, so that any sequence is UTF-8; those that JSON must escape among them.
namespace {

Gen<std::string> character() {
  return gen::elementOf(std::vector<std::string>{"a",
                                                 "b",
                                                 "Z",
                                                 "0",
                                                 "7",
                                                 " ",
                                                 "-",
                                                 "/",
                                                 "~",
                                                 "#",
                                                 "\"",
                                                 "\\",
                                                 "\n",
                                                 "\t",
                                                 "\x01",
                                                 "\x7f",
                                                 std::string(1, '\0'),
                                                 "\u00e9",
                                                 "\u20ac",
                                                 "\U0001F600"});
}

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += part;
  return out;
}

// "i7".
template <class Number>
std::string numbered(const char* prefix, Number n) {
  return std::string(prefix).append(std::to_string(n));
}

}  // namespace

Gen<std::string> text() {
  return gen::map(gen::container<std::vector<std::string>>(character()), joined);
}

// 1 to 256 bytes; the longest now and then.
Gen<std::string> id() {
  auto usual = gen::map(
      gen::resize(12, gen::nonEmpty(gen::container<std::vector<std::string>>(character()))),
      joined);
  return gen::weightedOneOf<std::string>({{15, usual}, {1, gen::just(std::string(256, 'x'))}});
}

Gen<std::string> id_or_nothing() {
  return gen::weightedOneOf<std::string>({{1, gen::just(std::string())}, {2, id()}});
}

// Every finite float there is, the edges often.
Gen<float> number32() {
  using Limits = std::numeric_limits<float>;
  auto edge = gen::element(0.0F, 1.0F, -1.0F, 0.1F, Limits::max(), Limits::lowest(), Limits::min(),
                           Limits::denorm_min());
  auto plain =
      gen::map(gen::inRange(-800, 800), [](int n) { return static_cast<float>(n) / 8.0F; });
  auto any = gen::map(
      gen::suchThat(gen::arbitrary<std::uint32_t>(),
                    [](std::uint32_t bits) { return std::isfinite(std::bit_cast<float>(bits)); }),
      [](std::uint32_t bits) { return std::bit_cast<float>(bits); });
  return gen::weightedOneOf<float>({{1, edge}, {2, plain}, {2, any}});
}

Gen<double> number64() {
  using Limits = std::numeric_limits<double>;
  auto edge = gen::element(0.0, 1.0, -1.0, 0.1, 9007199254740993.0, 1e21, Limits::max(),
                           Limits::lowest(), Limits::min(), Limits::denorm_min());
  auto plain = gen::map(gen::inRange(-800, 800), [](int n) { return n / 8.0; });
  auto any = gen::map(
      gen::suchThat(gen::arbitrary<std::uint64_t>(),
                    [](std::uint64_t bits) { return std::isfinite(std::bit_cast<double>(bits)); }),
      [](std::uint64_t bits) { return std::bit_cast<double>(bits); });
  return gen::weightedOneOf<double>({{1, edge}, {2, plain}, {2, any}});
}

// Exact in float16, as interest vectors are stored.
Gen<float> number16() {
  return gen::map(gen::inRange(-2048, 2049), [](int n) { return static_cast<float>(n) / 16.0F; });
}

Gen<std::variant<double, std::string>> value() {
  using Value = std::variant<double, std::string>;
  return gen::oneOf(gen::map(number64(), [](double number) { return Value(number); }),
                    gen::map(text(), [](std::string words) { return Value(std::move(words)); }));
}

// Few keys, so that repeats are common; or any.
Gen<ItemKey> few_keys() {
  return gen::map(gen::inRange<std::uint64_t>(1, 12), [](std::uint64_t n) { return ItemKey{n}; });
}
Gen<ItemKey> any_key() {
  return gen::map(gen::arbitrary<std::uint64_t>(), [](std::uint64_t n) { return ItemKey{n}; });
}

Gen<EventType> event_type() {
  return gen::map(gen::inRange<int>(0, static_cast<int>(kEventTypeNames.size())),
                  [](int type) { return static_cast<EventType>(type); });
}

// What the event contract takes: 1970..9999.
Gen<TimeMs> contract_time() {
  return gen::map(gen::inRange<std::int64_t>(0, 253'402'300'800'000),
                  [](std::int64_t ms) { return TimeMs{ms}; });
}
Gen<TimeMs> any_time() {
  return gen::map(gen::arbitrary<std::int64_t>(), [](std::int64_t ms) { return TimeMs{ms}; });
}

namespace {

Gen<std::uint32_t> count() {
  return gen::oneOf(gen::inRange<std::uint32_t>(0, 300), gen::arbitrary<std::uint32_t>());
}
}  // namespace

// kNoOffset or a real one.
Gen<Offset> offset() {
  return gen::oneOf(gen::inRange<Offset>(kNoOffset, 300),
                    gen::map(gen::arbitrary<std::uint64_t>(), [](std::uint64_t bits) {
                      return static_cast<Offset>(bits >> 1U) - 1;
                    }));
}

namespace {

// Named values whose names differ.
template <class Named>
void drop_repeated_names(std::vector<Named>& list, std::string Named::*name) {
  std::vector<Named> kept;
  for (Named& entry : list) {
    const bool known = std::any_of(kept.begin(), kept.end(),
                                   [&](const Named& other) { return other.*name == entry.*name; });
    if (!known) kept.push_back(std::move(entry));
  }
  list = std::move(kept);
}

}  // namespace

Gen<std::vector<ContextField>> context() {
  auto field = gen::build<ContextField>(gen::set(&ContextField::name, id()),
                                        gen::set(&ContextField::value, value()));
  return gen::map(gen::resize(6, gen::container<std::vector<ContextField>>(field)),
                  [](std::vector<ContextField> fields) {
                    drop_repeated_names(fields, &ContextField::name);
                    return fields;
                  });
}

// ---- events ----

// An event for the fold: few items, ids and seconds, so that repeats and ties are common, and one
// in four late.
Gen<Event> small_event() {
  auto small_context = gen::map(gen::pair(gen::inRange(0, 4), gen::inRange(0, 24)),
                                [](const std::pair<int, int>& drawn) {
                                  std::vector<ContextField> fields;
                                  if ((drawn.first & 1) != 0)
                                    fields.push_back({"device", std::string("phone")});
                                  if ((drawn.first & 2) != 0)
                                    fields.push_back({"hour", static_cast<double>(drawn.second)});
                                  return fields;
                                });
  auto item = gen::map(gen::inRange<std::uint64_t>(1, 12), [](std::uint64_t n) {
    return ItemRef{ItemKey{n}, numbered("i", n)};
  });
  auto time = gen::map(gen::inRange<std::int64_t>(0, 40),
                       [](std::int64_t s) { return TimeMs{1'700'000'000'000 + s * 1000}; });
  auto producers_id = gen::weightedOneOf<std::string>(
      {{2, gen::just(std::string())},
       {1, gen::map(gen::inRange(0, 9), [](int n) { return numbered("e", n); })}});
  auto strength = gen::weightedOneOf<std::optional<float>>(
      {{2, gen::just(std::optional<float>())},
       {1, gen::map(gen::inRange(-8, 8),
                    [](int n) { return std::optional(static_cast<float>(n) / 2.0F); })}});
  return gen::build<Event>(
      gen::set(&Event::user,
               gen::map(gen::inRange(0, 5), [](int n) { return UserId{numbered("u", n)}; })),
      gen::set(&Event::type, event_type()), gen::set(&Event::item, item),
      gen::set(&Event::event_time, time), gen::set(&Event::id, producers_id),
      gen::set(&Event::value, strength), gen::set(&Event::context, small_context));
}

// Any event of the contract, with the fields that its type has. Item keys are left at zero: they
// are hashes, which the codec's side computes.
Gen<Event> contract_event() {
  const auto ref = [] {
    return gen::map(id(), [](std::string text) { return ItemRef{{}, std::move(text)}; });
  };
  auto filter_entry = gen::pair(id(), id());
  auto everything = gen::build<Event>(
      gen::set(&Event::user,
               gen::map(id(), [](std::string text) { return UserId{std::move(text)}; })),
      gen::set(&Event::type, event_type()), gen::set(&Event::item, ref()),
      gen::set(&Event::event_time, contract_time()), gen::set(&Event::id, id_or_nothing()),
      gen::set(&Event::value,
               gen::weightedOneOf<std::optional<float>>(
                   {{1, gen::just(std::optional<float>())},
                    {2, gen::map(number32(), [](float x) { return std::optional(x); })}})),
      gen::set(&Event::query, text()), gen::set(&Event::session, id_or_nothing()),
      gen::set(&Event::slate, id_or_nothing()),
      gen::set(&Event::items,
               gen::resize(8, gen::nonEmpty(gen::container<std::vector<ItemRef>>(ref())))),
      gen::set(&Event::context, context()), gen::set(&Event::request_id, id_or_nothing()),
      gen::set(&Event::k, gen::oneOf(gen::just(std::optional<std::int32_t>()),
                                     gen::map(gen::inRange<std::int32_t>(1, 1001),
                                              [](std::int32_t k) { return std::optional(k); }))),
      gen::set(&Event::filter,
               gen::resize(4, gen::container<std::vector<std::pair<std::string, std::string>>>(
                                  filter_entry))),
      gen::set(&Event::as, id()));
  return gen::map(everything, [](Event event) {
    const EventType type = event.type;
    const bool request = type == EventType::kRequest;
    const bool takes_item = type < EventType::kSearch;
    if (!takes_item) event.item = {};
    if (type == EventType::kSearch && event.query.empty()) event.query = "words";
    if (type != EventType::kSearch && !request) event.query.clear();
    if (type != EventType::kImpression) {
      event.items.clear();
      event.slate.clear();
    }
    if (!request) {
      event.request_id.clear();
      event.k.reset();
      event.filter.clear();
    }
    drop_repeated_names(event.filter, &std::pair<std::string, std::string>::first);
    if (type != EventType::kIdentify) event.as.clear();
    return event;
  });
}

// ---- items ----

Gen<Item> item() {
  using Attribute = std::pair<std::string, std::variant<double, std::string>>;
  auto names = gen::resize(5, gen::container<std::vector<std::string>>(id()));
  auto attributes =
      gen::map(gen::resize(5, gen::container<std::vector<Attribute>>(gen::pair(id(), value()))),
               [](std::vector<Attribute> list) {
                 drop_repeated_names(list, &Attribute::first);
                 return list;
               });
  // Of the modality that tests declare: "image", three numbers.
  auto vectors =
      gen::map(gen::pair(gen::inRange(0, 2), gen::container<std::vector<float>>(3, number32())),
               [](std::pair<int, std::vector<float>> drawn) {
                 std::vector<std::pair<std::string, std::vector<float>>> list;
                 if (drawn.first != 0) list.emplace_back("image", std::move(drawn.second));
                 return list;
               });
  return gen::build<Item>(
      gen::set(&Item::item, gen::map(id(),
                                     [](std::string text) {
                                       return ItemRef{{}, std::move(text)};
                                     })),
      gen::set(&Item::title, text()), gen::set(&Item::text, text()),
      gen::set(&Item::categories, names), gen::set(&Item::tags, names),
      gen::set(&Item::attributes, attributes), gen::set(&Item::provider, id_or_nothing()),
      gen::set(
          &Item::published_at,
          gen::oneOf(gen::just(std::optional<TimeMs>()),
                     gen::map(contract_time(), [](TimeMs time) { return std::optional(time); }))),
      gen::set(&Item::available, gen::arbitrary<bool>()), gen::set(&Item::vectors, vectors));
}

// ---- profiles ----

Gen<Behaviour> behaviour() {
  auto entry = gen::build<HistoryEntry>(
      gen::set(&HistoryEntry::item, few_keys()), gen::set(&HistoryEntry::type, event_type()),
      gen::set(&HistoryEntry::time, any_time()),
      gen::set(&HistoryEntry::strength, gen::oneOf(gen::just(1.0F), number32())));
  auto own = gen::build<OwnItem>(gen::set(&OwnItem::item, gen::oneOf(few_keys(), any_key())),
                                 gen::set(&OwnItem::last_time, any_time()),
                                 gen::set(&OwnItem::count, count()));
  auto counter = gen::build<DecayedCounter>(gen::set(&DecayedCounter::value, number32()),
                                            gen::set(&DecayedCounter::last_time, any_time()));
  auto unordered = gen::build<Behaviour>(
      gen::set(&Behaviour::history, gen::container<std::vector<HistoryEntry>>(entry)),
      gen::set(&Behaviour::event_count, count()), gen::set(&Behaviour::context, context()),
      gen::set(&Behaviour::recent_event_ids, gen::arbitrary<std::vector<std::uint64_t>>()),
      gen::set(&Behaviour::own_items, gen::container<std::vector<OwnItem>>(own)),
      gen::set(&Behaviour::applied, offset()));
  auto counters = gen::container<std::vector<DecayedCounter>>(kEventTypeNames.size(), counter);
  return gen::map(gen::tuple(unordered, counters, gen::arbitrary<std::uint16_t>()),
                  [](std::tuple<Behaviour, std::vector<DecayedCounter>, std::uint16_t> drawn) {
                    auto& [made, values, present] = drawn;
                    std::stable_sort(made.history.begin(), made.history.end(),
                                     [](const auto& a, const auto& b) { return a.time < b.time; });
                    std::stable_sort(
                        made.own_items.begin(), made.own_items.end(),
                        [](const auto& a, const auto& b) { return a.last_time < b.last_time; });
                    for (std::size_t i = 0; i < values.size(); ++i) {
                      if ((present >> i & 1U) != 0) made.counters[i] = values[i];
                    }
                    return std::move(made);
                  });
}

namespace {

Gen<ModelStamp> model_stamp() {
  return gen::build<ModelStamp>(gen::set(&ModelStamp::model_id, gen::arbitrary<std::uint64_t>()),
                                gen::set(&ModelStamp::lineage, count()),
                                gen::set(&ModelStamp::position, offset()));
}

}  // namespace

Gen<Profile> profile() {
  auto vector = gen::container<std::vector<float>>(number16());
  auto learned =
      gen::build<Learned>(gen::set(&Learned::model, model_stamp()),
                          gen::set(&Learned::current, vector), gen::set(&Learned::lasting, vector));
  auto served_item = gen::build<ServedItem>(
      gen::set(&ServedItem::item, any_key()),
      gen::set(&ServedItem::propensity, gen::oneOf(gen::just(1.0F), number32())));
  auto served = gen::build<Served>(
      gen::set(&Served::slate_id, text()), gen::set(&Served::emitted_at, any_time()),
      gen::set(&Served::items, gen::container<std::vector<ServedItem>>(served_item)),
      gen::set(&Served::slate_count, count()), gen::set(&Served::pending_covers, count()));
  auto section = gen::pair(gen::inRange<std::uint8_t>(4, 255), gen::arbitrary<std::string>());
  return gen::build<Profile>(
      gen::set(&Profile::behaviour, behaviour()),
      gen::set(&Profile::learned, gen::oneOf(gen::just(Learned{}), learned)),
      gen::set(&Profile::served, gen::oneOf(gen::just(Served{}), served)),
      gen::set(&Profile::unknown_sections,
               gen::resize(
                   3, gen::container<std::vector<std::pair<std::uint8_t, std::string>>>(section))));
}

// ---- learning records ----

namespace {

Gen<std::int64_t> age() {
  return gen::oneOf(gen::inRange<std::int64_t>(0, 100'000),
                    gen::map(gen::arbitrary<std::uint64_t>(), [](std::uint64_t bits) {
                      return static_cast<std::int64_t>(bits >> 1U);
                    }));
}

Gen<Example> example() {
  auto entry = gen::build<ExampleHistoryEntry>(gen::set(&ExampleHistoryEntry::item, few_keys()),
                                               gen::set(&ExampleHistoryEntry::age_ms, age()));
  auto own = gen::build<ExampleOwnItem>(
      gen::set(&ExampleOwnItem::item, gen::oneOf(few_keys(), any_key())),
      gen::set(&ExampleOwnItem::lag_class, gen::inRange<std::uint8_t>(0, 11)),
      gen::set(&ExampleOwnItem::age_ms, age()), gen::set(&ExampleOwnItem::count, count()));
  return gen::build<Example>(
      gen::set(&Example::user, gen::map(gen::arbitrary<std::uint64_t>(),
                                        [](std::uint64_t n) { return UserKey{n}; })),
      gen::set(&Example::item, gen::map(gen::pair(any_key(), id()),
                                        [](std::pair<ItemKey, std::string> drawn) {
                                          return ItemRef{drawn.first, std::move(drawn.second)};
                                        })),
      gen::set(&Example::time, any_time()), gen::set(&Example::type, event_type()),
      gen::set(&Example::strength, number32()),
      gen::set(&Example::positive, gen::arbitrary<bool>()),
      gen::set(&Example::count_only, gen::arbitrary<bool>()),
      gen::set(&Example::context, context()), gen::set(&Example::history_length, count()),
      gen::set(&Example::history, gen::container<std::vector<ExampleHistoryEntry>>(entry)),
      gen::set(&Example::older_history, gen::container<std::vector<ItemKey>>(few_keys())),
      gen::set(&Example::own_items, gen::container<std::vector<ExampleOwnItem>>(own)),
      gen::set(&Example::seen_filter, gen::arbitrary<std::string>()));
}

}  // namespace

Gen<LearningRecord> learning_record() {
  using Body = std::variant<Example, ItemChange, Mark>;
  auto change = gen::build<ItemChange>(gen::set(&ItemChange::item, item()),
                                       gen::set(&ItemChange::removed, gen::arbitrary<bool>()));
  auto mark = gen::build<Mark>(
      gen::set(&Mark::process, text()), gen::set(&Mark::model_id, gen::arbitrary<std::uint64_t>()),
      gen::set(&Mark::position, offset()), gen::set(&Mark::digest, gen::arbitrary<std::uint64_t>()),
      gen::set(&Mark::lag_records, gen::arbitrary<std::uint64_t>()));
  auto source = gen::build<SourceCoordinates>(
      gen::set(&SourceCoordinates::topic, text()),
      gen::set(&SourceCoordinates::partition, gen::arbitrary<Partition>()),
      gen::set(&SourceCoordinates::offset, offset()),
      gen::set(&SourceCoordinates::ordinal, gen::arbitrary<std::uint16_t>()));
  auto body = gen::oneOf(gen::map(example(), [](Example e) { return Body(std::move(e)); }),
                         gen::map(change, [](ItemChange c) { return Body(std::move(c)); }),
                         gen::map(mark, [](Mark m) { return Body(std::move(m)); }));
  return gen::map(gen::pair(source, body), [](std::pair<SourceCoordinates, Body> drawn) {
    LearningRecord record;
    // A mark is of no source.
    if (!std::holds_alternative<Mark>(drawn.second)) record.source = std::move(drawn.first);
    record.body = std::move(drawn.second);
    return record;
  });
}

// ---- recommendations ----

namespace {

// Eighths: exact in binary and in the message's decimals.
Gen<double> eighths() {
  return gen::map(gen::inRange(-80, 81), [](int n) { return n / 8.0; });
}

Gen<HistoryContribution> history_event() {
  return gen::build<HistoryContribution>(
      gen::set(&HistoryContribution::item_id, id_or_nothing()),
      gen::set(&HistoryContribution::item, few_keys()),
      gen::set(&HistoryContribution::type, event_type()),
      gen::set(&HistoryContribution::age_ms, gen::map(gen::inRange<std::int64_t>(0, 1'000'000),
                                                      [](std::int64_t s) { return s * 1000; })),
      gen::set(&HistoryContribution::attention,
               gen::map(gen::inRange(0, 9), [](int n) { return static_cast<float>(n) / 8.0F; })));
}

Gen<RecommendedItem> recommended_item() {
  auto feature =
      gen::build<FeatureContribution>(gen::set(&FeatureContribution::feature, id()),
                                      gen::set(&FeatureContribution::contribution, eighths()));
  auto features =
      gen::map(gen::resize(6, gen::container<std::vector<FeatureContribution>>(feature)),
               [](std::vector<FeatureContribution> list) {
                 drop_repeated_names(list, &FeatureContribution::feature);
                 return list;
               });
  auto why = gen::build<Explanation>(
      gen::set(&Explanation::bias, eighths()), gen::set(&Explanation::user, eighths()),
      gen::set(&Explanation::features, features), gen::set(&Explanation::other_history, eighths()),
      gen::set(&Explanation::other_features, eighths()));
  return gen::build<RecommendedItem>(
      gen::set(&RecommendedItem::item, gen::map(id(),
                                                [](std::string text) {
                                                  return ItemRef{{}, std::move(text)};
                                                })),
      gen::set(&RecommendedItem::title, text()),
      gen::set(&RecommendedItem::attention,
               gen::map(gen::inRange(1, 9), [](int n) { return static_cast<float>(n) / 8.0F; })),
      gen::set(&RecommendedItem::propensity,
               gen::map(gen::inRange(1, 9), [](int n) { return static_cast<float>(n) / 8.0F; })),
      gen::set(&RecommendedItem::score, eighths()),
      gen::set(&RecommendedItem::why,
               gen::oneOf(gen::just(std::optional<Explanation>()), gen::map(why, [](Explanation w) {
                            return std::optional(std::move(w));
                          }))));
}

// Ranks, and the parts of the history that each item names: every item those of one history.
void complete(Recommendation& made, const std::vector<HistoryContribution>& history,
              const std::vector<std::uint32_t>& named, const std::vector<double>& parts) {
  for (std::size_t i = 0; i < made.items.size(); ++i) {
    RecommendedItem& entry = made.items[i];
    entry.rank = static_cast<std::int32_t>(i) + 1;
    if (!entry.why) continue;
    entry.score =
        entry.why->bias + entry.why->user + entry.why->other_history + entry.why->other_features;
    for (const FeatureContribution& part : entry.why->features) entry.score += part.contribution;
    for (std::size_t k = 0; k < history.size(); ++k) {
      if ((named[i % named.size()] >> (k % 32) & 1U) == 0) continue;
      HistoryContribution& part = entry.why->history.emplace_back(history[k]);
      part.contribution = parts[(i + k) % parts.size()];
      entry.score += part.contribution;
    }
  }
}

}  // namespace

Gen<Recommendation> recommendation() {
  auto source = gen::build<SourceCoordinates>(
      gen::set(&SourceCoordinates::topic, text()),
      gen::set(&SourceCoordinates::partition, gen::inRange<Partition>(0, 1000)),
      gen::set(&SourceCoordinates::offset, offset()),
      gen::set(&SourceCoordinates::ordinal, gen::arbitrary<std::uint16_t>()));
  auto head = gen::build<Recommendation>(
      gen::set(&Recommendation::id, text()),
      gen::set(&Recommendation::user,
               gen::map(id(), [](std::string text) { return UserId{std::move(text)}; })),
      gen::set(&Recommendation::trigger, source), gen::set(&Recommendation::covers, count()),
      gen::set(&Recommendation::event_time, contract_time()),
      gen::set(&Recommendation::emitted_at, contract_time()),
      gen::set(&Recommendation::topology, text()), gen::set(&Recommendation::model, model_stamp()),
      gen::set(&Recommendation::policy, text()),
      gen::set(&Recommendation::request_id, id_or_nothing()),
      gen::set(&Recommendation::items,
               gen::resize(20, gen::container<std::vector<RecommendedItem>>(recommended_item()))));
  auto history = gen::resize(20, gen::container<std::vector<HistoryContribution>>(history_event()));
  auto named = gen::container<std::vector<std::uint32_t>>(7, gen::arbitrary<std::uint32_t>());
  auto parts = gen::container<std::vector<double>>(11, eighths());
  return gen::map(gen::tuple(head, history, named, parts), [](auto drawn) {
    auto& [made, events, names, contributions] = drawn;
    complete(made, events, names, contributions);
    return std::move(made);
  });
}

// ---- logs ----

Gen<std::vector<LogStep>> log_steps(int most) {
  using Kind = LogStep::Kind;
  auto step = gen::build<LogStep>(
      gen::set(&LogStep::kind, gen::weightedElement<Kind>({{10, Kind::kChoice},
                                                           {2, Kind::kRefusal},
                                                           {1, Kind::kAnnouncement},
                                                           {1, Kind::kRemoval}})),
      gen::set(&LogStep::user, gen::inRange<std::uint32_t>(0, 4)),
      gen::set(&LogStep::item, gen::inRange<std::uint32_t>(0, 15)),
      gen::set(&LogStep::gap_s, gen::inRange<std::int32_t>(-30, 300)),
      gen::set(&LogStep::circumstances, gen::inRange<std::uint32_t>(0, 8)),
      gen::set(&LogStep::count_only, gen::weightedElement<bool>({{9, false}, {1, true}})));
  return gen::resize(most, gen::container<std::vector<LogStep>>(step));
}

}  // namespace fovea::generate

namespace fovea {

void showValue(const Event& event, std::ostream& out) {
  out << "{" << event.user.value << " " << name(event.type) << " item " << event.item.id << " ts "
      << value(event.event_time) << " id '" << event.id << "'";
  if (event.value) out << " value " << *event.value;
  out << " context " << event.context.size() << " items " << event.items.size() << " filter "
      << event.filter.size() << " query '" << event.query << "' session '" << event.session << "'}";
}

void showValue(const Behaviour& behaviour, std::ostream& out) {
  out << "{history";
  for (const HistoryEntry& entry : behaviour.history) {
    out << " " << name(entry.type) << ":" << value(entry.item) << "@" << value(entry.time) << "*"
        << entry.strength;
  }
  out << "; own";
  for (const OwnItem& own : behaviour.own_items) {
    out << " " << value(own.item) << "@" << value(own.last_time) << "x" << own.count;
  }
  out << "; counters";
  for (std::size_t i = 0; i < behaviour.counters.size(); ++i) {
    const DecayedCounter& counter = behaviour.counters[i];
    if (counter == DecayedCounter{}) continue;
    out << " " << kEventTypeNames[i] << ":" << counter.value << "@" << value(counter.last_time);
  }
  out << "; " << behaviour.recent_event_ids.size() << " ids, " << behaviour.context.size()
      << " context fields, " << behaviour.event_count << " events, applied " << behaviour.applied
      << "}";
}

void showValue(const Profile& profile, std::ostream& out) {
  showValue(profile.behaviour, out);
  out << " {model " << profile.learned.model.model_id << "@" << profile.learned.model.position
      << " current " << profile.learned.current.size() << " lasting "
      << profile.learned.lasting.size() << "} {slate '" << profile.served.slate_id << "' "
      << profile.served.items.size() << " items} " << profile.unknown_sections.size()
      << " unknown sections";
}

void generate::showValue(const LogStep& step, std::ostream& out) {
  out << "{kind " << static_cast<int>(step.kind) << " user " << step.user << " item " << step.item
      << " gap " << step.gap_s << " circumstances " << step.circumstances
      << (step.count_only ? " count only}" : "}");
}

}  // namespace fovea
