// Bytes in and out: events, items, recommendations, profiles, learning records; the fold; the
// store.
//
// Sketch: an event is 110 bytes. simdjson parses 1 to 2 GB/s, so 0.1 us; hashing two ids and
// building strings some 0.2 us more. The reference is nlohmann/json parsing the same text into a
// tree, without reading a field of it. A profile of 50 entries is 1.3 KB: its CRC and copies bound
// it at 1 us.

#include <benchmark/benchmark.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ingest/event_codec.h"
#include "ingest/item_codec.h"
#include "ingest/keys.h"
#include "ingest/recommendation_codec.h"
#include "profile_store/fold.h"
#include "profile_store/memory_profile_store.h"
#include "profile_store/profile_codec.h"
#include "profile_store/rocksdb_profile_store.h"
#include "scorer/learning_record_codec.h"
#include "tests/perf/reference.h"
#include "vocab/assert.h"

namespace fovea {
namespace {

using ingest::SourceRecord;

const std::string kEvent =
    R"({"user":"u4711","type":"view","item":"item-123456","ts":1700000000000,"session":"s-99",)"
    R"("context":{"device":"phone"}})";
const std::string kItem =
    R"({"id":"item-123456","title":"A quiet road","categories":["drama","family"],)"
    R"("tags":["slow","sea"],"attributes":{"year":1999,"country":"FR"},"provider":"p1"})";

SourceRecord record_of(const std::string& value) {
  SourceRecord record;
  record.topic = "events";
  record.offset = 1;
  record.record_time = TimeMs{1'700'000'000'000};
  record.value = value;
  return record;
}

void set_rate(benchmark::State& state, std::size_t bytes) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) *
                          static_cast<std::int64_t>(bytes));
}

void DecodeEvent(benchmark::State& state) {
  auto codec = ingest::EventCodec::create({});
  FOVEA_ASSERT(codec.has_value());
  const SourceRecord record = record_of(kEvent);
  for (auto _ : state) {
    auto decoded = codec->decode(record);
    FOVEA_ASSERT(decoded.has_value() && decoded->events.size() == 1);
    benchmark::DoNotOptimize(decoded);
  }
  set_rate(state, kEvent.size());
}
BENCHMARK(DecodeEvent);

void DecodeEventReference(benchmark::State& state) {
  for (auto _ : state) {
    auto tree = nlohmann::json::parse(kEvent);
    benchmark::DoNotOptimize(tree);
  }
  set_rate(state, kEvent.size());
}
BENCHMARK(DecodeEventReference);

void DecodeItem(benchmark::State& state) {
  auto codec = ingest::ItemCodec::create({});
  FOVEA_ASSERT(codec.has_value());
  const SourceRecord record = record_of(kItem);
  for (auto _ : state) {
    auto decoded = codec->decode(record);
    FOVEA_ASSERT(decoded.has_value());
    benchmark::DoNotOptimize(decoded);
  }
  set_rate(state, kItem.size());
}
BENCHMARK(DecodeItem);

void DecodeItemReference(benchmark::State& state) {
  for (auto _ : state) {
    auto tree = nlohmann::json::parse(kItem);
    benchmark::DoNotOptimize(tree);
  }
  set_rate(state, kItem.size());
}
BENCHMARK(DecodeItemReference);

Event event_of(std::uint64_t number) {
  Event event;
  event.user.value = perf::numbered('u', 1);
  event.type = EventType::kView;
  event.item = {ingest::item_key(perf::numbered('i', number % 200)), ""};
  event.event_time = TimeMs{1'700'000'000'000 + static_cast<std::int64_t>(number) * 1'000};
  return event;
}

// A user with a full history.
Profile profile() {
  Profile profile;
  for (std::uint64_t i = 0; i < 100; ++i) {
    profile_store::fold({}, event_of(i), i + 1, profile.behaviour);
  }
  profile.learned.current.assign(64, .5F);
  profile.learned.lasting.assign(64, .25F);
  return profile;
}

void Fold(benchmark::State& state) {
  Profile user = profile();
  std::uint64_t next = 100;
  for (auto _ : state) {
    ++next;
    profile_store::fold({}, event_of(next), next, user.behaviour);
  }
  FOVEA_ASSERT(user.behaviour.history.size() == 50);
}
BENCHMARK(Fold);

// What any profile that is a value costs at least: a copy.
void FoldReference(benchmark::State& state) {
  const Profile user = profile();
  for (auto _ : state) {
    Profile copy = user;
    benchmark::DoNotOptimize(copy);
  }
}
BENCHMARK(FoldReference);

void EncodeProfile(benchmark::State& state) {
  const Profile user = profile();
  std::size_t bytes = 0;
  for (auto _ : state) {
    std::string encoded = profile_store::encode_profile(user);
    bytes = encoded.size();
    benchmark::DoNotOptimize(encoded);
  }
  state.counters["bytes"] = static_cast<double>(bytes);
  set_rate(state, bytes);
}
BENCHMARK(EncodeProfile);

void DecodeProfile(benchmark::State& state) {
  const Profile user = profile();
  const std::string encoded = profile_store::encode_profile(user);
  for (auto _ : state) {
    auto decoded = profile_store::decode_profile(encoded);
    FOVEA_ASSERT(decoded.has_value() && decoded->behaviour == user.behaviour);
  }
  set_rate(state, encoded.size());
}
BENCHMARK(DecodeProfile);

// 100 users read, folded and written in one batch, as a step of a worker does.
void fold_and_store(benchmark::State& state, profile_store::ProfileStore& store) {
  const auto users = static_cast<std::uint64_t>(state.range(0));
  std::uint64_t next = 0;
  for (auto _ : state) {
    std::vector<UserId> batch;
    for (int i = 0; i < 100; ++i) batch.push_back({perf::numbered('u', ++next * 7919 % users)});
    auto found = store.get(0, batch);
    FOVEA_ASSERT(found.has_value());
    profile_store::StoreBatch writes;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      Profile user = (*found)[i] ? *std::move((*found)[i]) : Profile{};
      profile_store::fold({}, event_of(next + i), 0, user.behaviour);
      writes.profiles.push_back({0, batch[i], std::move(user)});
    }
    writes.positions.push_back({0, {static_cast<Offset>(next), 0, TimeMs{1}, TimeMs{1}}});
    FOVEA_ASSERT(store.apply(writes).has_value());
  }
  state.counters["events/s"] =
      benchmark::Counter(100, benchmark::Counter::kIsIterationInvariantRate);
}
void FoldAndStoreMemory(benchmark::State& state) {
  const auto store = profile_store::make_memory_profile_store();
  fold_and_store(state, *store);
}
BENCHMARK(FoldAndStoreMemory)->Arg(1'000)->Arg(100'000)->Unit(benchmark::kMicrosecond);

void FoldAndStoreRocksDb(benchmark::State& state) {
  const auto directory = std::filesystem::temp_directory_path() / "fovea-codecs-bench";
  std::filesystem::remove_all(directory);
  {
    profile_store::RocksDbSettings settings;
    settings.directory = directory.string();
    auto store = profile_store::open_rocksdb_profile_store(settings);
    FOVEA_ASSERT(store.has_value());
    fold_and_store(state, **store);
  }
  std::filesystem::remove_all(directory);
}
BENCHMARK(FoldAndStoreRocksDb)->Arg(1'000)->Arg(100'000)->Unit(benchmark::kMicrosecond);

LearningRecord learning_record() {
  Example example;
  example.item = {ingest::item_key("i1"), perf::numbered('i', 1)};
  example.type = EventType::kView;
  example.time = TimeMs{1'700'000'000'000};
  for (std::uint64_t k = 0; k < 20; ++k) {
    example.history.push_back(
        {ingest::item_key(perf::numbered('i', k)), static_cast<std::int64_t>(20'000 - 1'000 * k)});
  }
  example.history_length = 20;
  LearningRecord record;
  record.source = {"video.events", 3, 123'456, 0};
  record.body = example;
  return record;
}

void EncodeLearningRecord(benchmark::State& state) {
  const LearningRecord record = learning_record();
  std::size_t bytes = 0;
  for (auto _ : state) {
    std::string encoded = scorer::encode_learning_record(record);
    bytes = encoded.size();
    benchmark::DoNotOptimize(encoded);
  }
  state.counters["bytes"] = static_cast<double>(bytes);
  set_rate(state, bytes);
}
BENCHMARK(EncodeLearningRecord);

void DecodeLearningRecord(benchmark::State& state) {
  const std::string encoded = scorer::encode_learning_record(learning_record());
  for (auto _ : state) {
    auto decoded = scorer::decode_learning_record(encoded);
    FOVEA_ASSERT(decoded.has_value());
    benchmark::DoNotOptimize(decoded);
  }
  set_rate(state, encoded.size());
}
BENCHMARK(DecodeLearningRecord);

// Ten items, each with five history entries and four features: 4.0 KB of which most are numbers in
// decimal, some 230 at 30 to 50 ns. The reference writes the same message from nlohmann's tree,
// made before.
Recommendation recommendation() {
  Recommendation out;
  out.id = "318a785e9de8d5e0";
  out.user.value = "u4711";
  out.topology = "video";
  out.trigger = {"video.events", 3, 387, 0};
  out.event_time = TimeMs{1'700'000'000'000};
  out.emitted_at = TimeMs{1'700'000'000'012};
  out.policy = "greedy";
  for (int rank = 1; rank <= 10; ++rank) {
    RecommendedItem item;
    item.item.id = perf::numbered('i', static_cast<std::uint64_t>(rank));
    item.item.key = ingest::item_key(item.item.id);
    item.title = "A quiet road " + std::to_string(rank);
    item.rank = rank;
    item.score = 4.81237 - .13571 * rank;
    item.attention = .21F / static_cast<float>(rank);
    Explanation why;
    why.bias = .31237;
    why.user = .02291;
    for (int k = 0; k < 5; ++k) {
      const std::string id = perf::numbered('h', static_cast<std::uint64_t>(k));
      why.history.push_back({ingest::item_key(id), id, EventType::kView, 60'000 * (k + 1),
                             .3F / static_cast<float>(k + 1), 1.93713 / (k + rank)});
    }
    for (const char* feature : {"follows", "backed_off", "popularity", "age"}) {
      why.features.push_back({feature, -1.35195 / rank});
    }
    why.other_history = .20031;
    why.other_features = -.52673;
    item.why = std::move(why);
    out.items.push_back(std::move(item));
  }
  return out;
}

void EncodeRecommendation(benchmark::State& state) {
  const Recommendation slate = recommendation();
  std::size_t bytes = 0;
  for (auto _ : state) {
    std::string encoded = ingest::encode_recommendation(slate);
    bytes = encoded.size();
    benchmark::DoNotOptimize(encoded);
  }
  state.counters["bytes"] = static_cast<double>(bytes);
  set_rate(state, bytes);
}
BENCHMARK(EncodeRecommendation);

void EncodeRecommendationReference(benchmark::State& state) {
  const auto tree = nlohmann::json::parse(ingest::encode_recommendation(recommendation()));
  std::size_t bytes = 0;
  for (auto _ : state) {
    std::string encoded = tree.dump();
    bytes = encoded.size();
    benchmark::DoNotOptimize(encoded);
  }
  set_rate(state, bytes);
}
BENCHMARK(EncodeRecommendationReference);

}  // namespace
}  // namespace fovea

BENCHMARK_MAIN();
