#pragma once

// A topology for tests, and records as its producers write them.

#include <string>
#include <utility>
#include <vector>

#include "ingest/source.h"
#include "topologies/config.h"
#include "vocab/assert.h"

namespace fovea::topologies {

inline Config small_config(const std::string& more = "") {
  auto config = load_config_text(
      "name = \"t\"\n[events.learn]\npositive = [\"view\", \"like\"]\nnegative = [\"dislike\"]\n"
      "[emit]\non = [\"view\", \"like\", \"request\"]\nmax_event_age = \"0\"\n" +
          more,
      ".");
  if (!config) std::fprintf(stderr, "%s\n", config.error().message.c_str());
  FOVEA_ASSERT(config.has_value());
  return *std::move(config);
}

// Records of one input partition, offsets counted up.
class Records {
 public:
  explicit Records(const Config& config, Partition partition = 0)
      : topic_(config.topics.input.front()), partition_(partition) {}

  ingest::SourceRecord raw(std::string value) {
    ingest::SourceRecord record;
    record.topic = topic_;
    record.partition = partition_;
    record.offset = next_++;
    record.record_time = TimeMs{10'000'000'000};
    record.value = std::move(value);
    return record;
  }

  ingest::SourceRecord event(const std::string& user, const std::string& type,
                             const std::string& item, std::int64_t ts,
                             const std::string& more = "") {
    const std::string named = item.empty() ? "" : ",\"item\":\"" + item + "\"";
    return raw("{\"user\":\"" + user + "\",\"type\":\"" + type + "\"" + named +
               ",\"ts\":" + std::to_string(ts) + more + "}");
  }

 private:
  std::string topic_;
  Partition partition_;
  Offset next_ = 0;
};

}  // namespace fovea::topologies
