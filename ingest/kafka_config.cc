#include "ingest/kafka_config.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

namespace fovea::ingest {
namespace {

using Properties = std::map<std::string, std::string>;

// Whom a property concerns, as the client prints it: "C", "P" or "*".
using KnownProperties = std::map<std::string, char, std::less<>>;

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

// The client's own table of properties, aliases included; rd_kafka_conf_dump() leaves out aliases
// and whatever has no default, bootstrap.servers among them.
KnownProperties read_known_properties() {
  char* text = nullptr;
  std::size_t size = 0;
  KnownProperties known;
  FILE* memory = open_memstream(&text, &size);
  FOVEA_ASSERT(memory != nullptr);
  rd_kafka_conf_properties_show(memory);
  std::fclose(memory);
  std::string_view rest(text, size);
  while (!rest.empty()) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const auto first = line.find('|');
    if (first == std::string_view::npos) continue;
    const auto second = line.find('|', first + 1);
    if (second == std::string_view::npos) continue;
    const auto name = trimmed(line.substr(0, first));
    const auto whom = trimmed(line.substr(first + 1, second - first - 1));
    if (whom.size() != 1 || name.find(' ') != std::string_view::npos) continue;
    // A property of both scopes, global and topic, is listed twice.
    auto [at, inserted] = known.emplace(std::string(name), whom[0]);
    if (!inserted && at->second != whom[0]) at->second = '*';
  }
  std::free(text);
  return known;
}

const KnownProperties& known_properties() {
  static const KnownProperties known = read_known_properties();
  return known;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row[b.size()];
}

std::string nearest_property(std::string_view name) {
  std::string nearest;
  std::size_t least = static_cast<std::size_t>(-1);
  for (const auto& [candidate, whom] : known_properties()) {
    const std::size_t distance = edit_distance(name, candidate);
    if (distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

constexpr std::string_view kPositionsAreOurs =
    "positions are committed together with the state they stand for";
constexpr std::string_view kOneOrder =
    "every partition must be written in order, without holes and without repeats";
constexpr std::string_view kNeverGivenUp =
    "a record that is given up for its age leaves a hole which later ones would pass";
constexpr std::string_view kNamedByTheTopology = "the topology names it";

struct Reserved {
  std::string_view name;
  std::string_view reason;
};
constexpr Reserved kReserved[] = {
    {"acks", kOneOrder},
    {"allow.auto.create.topics", "a missing topic must be noticed; fovea topics create makes it"},
    {"auto.commit.enable", kPositionsAreOurs},
    {"auto.commit.interval.ms", kPositionsAreOurs},
    {"auto.offset.reset",
     "a position that is gone must be noticed; --from says where a first start begins"},
    {"delivery.timeout.ms", kNeverGivenUp},
    {"enable.auto.commit", kPositionsAreOurs},
    {"enable.auto.offset.store", kPositionsAreOurs},
    {"enable.gapless.guarantee", kOneOrder},
    {"enable.idempotence", kOneOrder},
    {"enable.partition.eof", "the end of a log is found by it"},
    {"group.id", kNamedByTheTopology},
    {"group.instance.id", kNamedByTheTopology},
    {"group.protocol", "partitions are handed over by the classic protocol's callbacks"},
    {"isolation.level", "what an aborted transaction wrote must not be seen"},
    {"max.in.flight", kOneOrder},
    {"max.in.flight.requests.per.connection", kOneOrder},
    {"message.timeout.ms", kNeverGivenUp},
    {"partition.assignment.strategy",
     "range assignment gives partitions of one number to one member"},
    {"partitioner", "keys go to the partition that Java clients choose"},
    {"request.required.acks", kOneOrder},
    {"transactional.id", kNamedByTheTopology},
};

// What we suggest to all, besides what we suggest to one.
Properties with_everybodys(Properties own) {
  own.insert({{"client.id", "fovea"},
              // A broker that is back is found within a second, not within ten.
              {"reconnect.backoff.max.ms", "1000"},
              // One that is cut off refuses nothing: only an answer overdue tells that another
              // leads its partitions by now. The client would wait for a minute.
              {"socket.timeout.ms", "10000"}});
  return own;
}

// Ours to suggest, the team's to change.
const Properties& suggested(KafkaRole role) {
  static const Properties everybody = with_everybodys({});
  static const Properties member = with_everybodys({
      // The shortest a broker allows: how long a member that was killed is waited for.
      {"session.timeout.ms", "6000"},
      {"heartbeat.interval.ms", "500"},
      {"fetch.wait.max.ms", "100"},
      {"fetch.error.backoff.ms", "50"},
      // Not 64 MiB: profiles need the memory more than records that wait.
      {"queued.max.messages.kbytes", "16384"},
  });
  // A reader finds the end of its log by an empty fetch, so it waits for as long as that lasts.
  static const Properties reader = with_everybodys({{"fetch.wait.max.ms", "20"},
                                                    {"fetch.error.backoff.ms", "50"},
                                                    {"queued.max.messages.kbytes", "16384"}});
  static const Properties producer =
      with_everybodys({{"linger.ms", "1"}, {"compression.codec", "lz4"}});
  switch (role) {
    case KafkaRole::kMember:
      return member;
    case KafkaRole::kReader:
      return reader;
    case KafkaRole::kProducer:
      return producer;
    case KafkaRole::kAdmin:
      return everybody;
  }
  return everybody;
}

// What the delivery protocol rests on.
const Properties& required(KafkaRole role) {
  static const Properties none{{"log.queue", "true"}};
  static const Properties member{{"log.queue", "true"},
                                 {"partition.assignment.strategy", "range"},
                                 {"isolation.level", "read_committed"},
                                 {"enable.auto.commit", "false"},
                                 {"enable.auto.offset.store", "false"},
                                 {"enable.partition.eof", "true"},
                                 {"auto.offset.reset", "error"}};
  static const Properties reader{{"log.queue", "true"},
                                 {"isolation.level", "read_committed"},
                                 {"enable.auto.commit", "false"},
                                 {"enable.auto.offset.store", "false"},
                                 {"enable.partition.eof", "true"},
                                 {"auto.offset.reset", "error"}};
  static const Properties producer{{"log.queue", "true"},
                                   {"enable.idempotence", "true"},
                                   {"enable.gapless.guarantee", "true"},
                                   // Without end: what the guarantee above does not cover.
                                   {"message.timeout.ms", "0"},
                                   {"partitioner", "murmur2_random"}};
  switch (role) {
    case KafkaRole::kMember:
      return member;
    case KafkaRole::kReader:
      return reader;
    case KafkaRole::kProducer:
      return producer;
    case KafkaRole::kAdmin:
      return none;
  }
  return none;
}

bool is_secret(std::string_view name) {
  for (const std::string_view part : {"password", "secret", ".pem", "oauthbearer.config", "jaas"}) {
    if (name.find(part) != std::string_view::npos) return true;
  }
  return false;
}

bool concerns(char whom, KafkaRole role) {
  return whom == '*' || whom == (role == KafkaRole::kProducer ? 'P' : 'C');
}

Result<void> set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  char words[512] = "";
  switch (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), words, sizeof words)) {
    case RD_KAFKA_CONF_OK:
      return {};
    case RD_KAFKA_CONF_UNKNOWN:
      return stop("unknown Kafka property " + name + ": the nearest known one is " +
                  nearest_property(name));
    case RD_KAFKA_CONF_INVALID:
      break;
  }
  // The client's words repeat the value.
  if (is_secret(name)) return stop("Kafka property " + name + " has a value that is not accepted");
  return stop("Kafka property " + name + " = " + value + ": " + words);
}

Result<void> check_names(const KafkaSettings& settings) {
  for (const auto& [name, value] : settings.properties) {
    for (const Reserved& reserved : kReserved) {
      if (name == reserved.name) {
        return stop("Kafka property " + name + " cannot be set: " + std::string(reserved.reason));
      }
    }
  }
  if (bootstrap_of(settings).empty()) return stop("Kafka property bootstrap.servers is not set");
  return {};
}

}  // namespace

void KafkaConfDeleter::operator()(rd_kafka_conf_s* conf) const {
  rd_kafka_conf_destroy(conf);
}

std::string bootstrap_of(const KafkaSettings& settings) {
  for (const char* name : {"bootstrap.servers", "metadata.broker.list"}) {
    const auto found = settings.properties.find(name);
    if (found != settings.properties.end()) return found->second;
  }
  return {};
}

Result<KafkaConf> make_kafka_conf(const KafkaSettings& settings, KafkaRole role,
                                  const Properties& own) {
  if (auto checked = check_names(settings); !checked) return checked.error();
  KafkaConf conf(rd_kafka_conf_new());
  for (const auto& [name, value] : suggested(role)) {
    if (auto done = set(conf.get(), name, value); !done) return done.error();
  }
  for (const auto& [name, value] : settings.properties) {
    const auto known = known_properties().find(name);
    // A producer's property on a consumer would only make the client complain. One that is not in
    // the table goes to the client: it knows best whether it exists.
    if (known != known_properties().end() && !concerns(known->second, role)) continue;
    if (auto done = set(conf.get(), name, value); !done) return done.error();
  }
  for (const auto* layer : {&required(role), &own}) {
    for (const auto& [name, value] : *layer) {
      if (auto done = set(conf.get(), name, value); !done) return done.error();
    }
  }
  return conf;
}

Result<void> check_kafka_settings(const KafkaSettings& settings) {
  for (const KafkaRole role : {KafkaRole::kMember, KafkaRole::kProducer}) {
    if (auto conf = make_kafka_conf(settings, role); !conf) return conf.error();
  }
  return {};
}

}  // namespace fovea::ingest
