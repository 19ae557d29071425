// fovea validate: is this log what the contract says?

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ingest/event_codec.h"
#include "ingest/file_source.h"
#include "ingest/item_codec.h"
#include "topologies/commands.h"
#include "topologies/count_lines.h"
#include "topologies/progress.h"

namespace fovea::topologies {
namespace {

constexpr std::chrono::milliseconds kPollTimeout{1'000};
constexpr std::size_t kPollRecords = 1'000;

struct Refused {
  std::uint64_t count = 0;
  Offset first_line = 0;
  std::string message;  // of the first
};

struct Findings {
  std::uint64_t records = 0;
  std::uint64_t refused_count = 0;
  std::map<std::string, std::uint64_t> accepted;  // by what was made of it
  std::map<std::string, Refused> refused;         // by reason

  void refuse(const Error& error, Offset offset) {
    ++refused_count;
    Refused& entry = refused[error.reason];
    if (entry.count++ == 0) {
      entry.first_line = offset + 1;
      entry.message = error.message;
    }
  }
};

template <class Check>
Result<Findings> look_through(const std::string& path, const std::string& topic, Check check) {
  auto source = ingest::open_file_source(path, topic);
  if (!source) return source.error();
  Findings findings;
  Progress progress(path, count_lines(path));
  std::vector<ingest::SourceRecord> batch;
  while (!(*source)->finished()) {
    batch.clear();
    if (auto polled = (*source)->poll(batch, kPollRecords, kPollTimeout); !polled) {
      return polled.error();
    }
    for (const ingest::SourceRecord& record : batch) {
      ++findings.records;
      check(record, findings);
    }
    progress.advance(batch.size());
  }
  return findings;
}

void print(const std::string& path, const Findings& findings) {
  fmt::print("{}: {} records, {} refused\n", path, findings.records, findings.refused_count);
  for (const auto& [what, count] : findings.accepted) fmt::print("  {:<18} {:>10}\n", what, count);
  for (const auto& [reason, entry] : findings.refused) {
    fmt::print("  {:<18} {:>10}   first in line {}: {}\n", reason, entry.count, entry.first_line,
               entry.message);
  }
}

}  // namespace

Result<void> validate(const Config& config, const ValidateOptions& options) {
  std::uint64_t refused_count = 0;
  std::string first;
  const auto note = [&](const std::string& path, const Findings& findings) {
    print(path, findings);
    refused_count += findings.refused_count;
    if (!findings.refused.empty() && first.empty()) {
      const auto& [reason, entry] = *findings.refused.begin();
      first = fmt::format("{} line {}: {}", path, entry.first_line, reason);
    }
  };

  if (!options.events.empty()) {
    auto codec = ingest::EventCodec::create(config.mapping);
    if (!codec) return codec.error();
    const auto findings = look_through(options.events, config.topics.input.front(),
                                       [&](const ingest::SourceRecord& record, Findings& out) {
                                         const auto decoded = codec->decode(record);
                                         if (!decoded)
                                           return out.refuse(decoded.error(), record.offset);
                                         for (const Event& event : decoded->events)
                                           ++out.accepted[std::string(name(event.type))];
                                         if (decoded->ignored_count > 0)
                                           out.accepted["(ignored)"] += decoded->ignored_count;
                                       });
    if (!findings) return findings.error();
    note(options.events, *findings);
  }
  if (!options.items.empty()) {
    auto codec = ingest::ItemCodec::create(config.items);
    if (!codec) return codec.error();
    const auto findings = look_through(
        options.items, config.topics.items, [&](const ingest::SourceRecord& record, Findings& out) {
          const auto change = codec->decode(record);
          if (!change) return out.refuse(change.error(), record.offset);
          ++out.accepted[change->item.available ? "item" : "withdrawn item"];
        });
    if (!findings) return findings.error();
    note(options.items, *findings);
  }
  std::fflush(stdout);
  if (refused_count == 0) return {};
  return stop(fmt::format("{} records are not what the contract says, the first: {}", refused_count,
                          first));
}

}  // namespace fovea::topologies
