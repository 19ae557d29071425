#pragma once

// From [kafka] to a client's configuration. Private to ingest.
//
// Three layers, later ones win: defaults of ours that a team may change, the team's properties,
// and what the delivery protocol needs, which nobody may change.

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "ingest/kafka.h"
#include "vocab/result.h"

struct rd_kafka_conf_s;

namespace fovea::ingest {

enum class KafkaRole : std::uint8_t { kMember, kReader, kProducer, kAdmin };

struct KafkaConfDeleter {
  void operator()(rd_kafka_conf_s* conf) const;
};
using KafkaConf = std::unique_ptr<rd_kafka_conf_s, KafkaConfDeleter>;

// `own` is set last: group.id and the like, which depend on the handle.
// Errors: kStop as check_kafka_settings.
[[nodiscard]] Result<KafkaConf> make_kafka_conf(const KafkaSettings& settings, KafkaRole role,
                                                const std::map<std::string, std::string>& own = {});

// The bootstrap address as given, for messages.
[[nodiscard]] std::string bootstrap_of(const KafkaSettings& settings);

}  // namespace fovea::ingest
