#pragma once

// What each subcommand of `fovea` is asked to do, and the function that does it.
//
// The command line fills an options struct, loads the Config and calls one of these. They print
// what the command is for to stdout, progress and logs to stderr, and return an error whose message
// becomes the one line on stderr before exit status 1.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scorer/baselines/spec.h"
#include "scorer/kernels.h"
#include "scorer/model_settings.h"
#include "topologies/config.h"
#include "vocab/result.h"

namespace fovea::topologies {

// When a new view of the model becomes visible, in terms of the stream. At most one is not 0; both
// 0: after every event.
struct PublishEvery {
  std::int64_t time_ms = 0;  // of event time
  std::int64_t events = 0;
  bool operator==(const PublishEvery&) const = default;
};

struct RunOptions {
  bool dry_run = false;    // read and score, but write to no topic and keep state in memory
  bool fail_fast = false;  // an unreachable broker ends the start instead of being waited for
  std::optional<std::string> from;  // "earliest", "latest" or milliseconds; overrides config.start
  bool leave = false;               // leave the group at the end: this process will not come back
};

// Until SIGTERM or SIGINT: drains, commits, snapshots, returns.
[[nodiscard]] Result<void> run(const Config& config, const RunOptions& options);

struct ReplayOptions {
  std::string events;           // NDJSON; "-" is standard input
  std::string items;            // NDJSON; empty: no catalogue
  std::string out;              // recommendations; "-" is standard output
  std::string profiles_out;     // empty: not written
  std::string dead_letter_out;  // empty: counted only
  std::string learning_log;     // kept here; empty: in memory
  scorer::KernelLevel kernels = scorer::KernelLevel::kPortable;
};

// The same topology from files to files. The same input gives the same bytes.
[[nodiscard]] Result<void> replay(const Config& config, const ReplayOptions& options);

struct EvaluateOptions {
  std::string events;
  std::string items;
  std::int64_t every = 1;  // score each so many-th eligible event; all are learned
  std::uint64_t seed = 1;
  scorer::Parts parts;  // what --without switched off
  PublishEvery publish_every;
  std::string triggers;               // a dump of recommendations: score only those triggers
  std::string json;                   // figures go to this file too
  std::optional<std::int64_t> limit;  // events read at most
  std::vector<baselines::Spec> baselines;
  std::string report;  // a page and its figures go to this folder
  scorer::KernelLevel kernels = scorer::KernelLevel::kPortable;
};

// Test, then learn, over a log; baselines ranked on the same events.
[[nodiscard]] Result<void> evaluate(const Config& config, const EvaluateOptions& options);

struct DemoOptions {
  std::optional<std::int64_t> events;  // stop after so many
  std::optional<double> seconds;       // stop after so long
  double rate = 1'500;                 // events a second; 0: as fast as it goes
  std::uint64_t seed = 1;
  bool plain = false;   // lines instead of the live view, even on a terminal
  std::string metrics;  // host:port, to be had or it is an error; empty: metrics.listen
};

// The whole pipeline in this process on generated users, with a live view.
[[nodiscard]] Result<void> demo(const Config& config, const DemoOptions& options);

struct TopicsOptions {
  bool create = false;  // else: check
};

[[nodiscard]] Result<void> topics(const Config& config, const TopicsOptions& options);

enum class ProduceKey : std::uint8_t { kUser, kNone };

struct ProduceOptions {
  std::string events;  // NDJSON; empty with `demo`
  std::string items;   // sent to the items topic first; may be empty
  bool demo = false;   // generated users and items instead of a file
  std::uint64_t seed = 1;
  double rate = 0;  // records a second; 0: as fast as the broker takes them
  ProduceKey key = ProduceKey::kUser;
  std::string topic;  // instead of the topology's first input topic
  std::optional<std::int64_t> limit;
  bool loop = false;  // start over at the end of the file
};

// Sends a log to Kafka on an open-loop schedule: a slow broker does not slow the clock.
[[nodiscard]] Result<void> produce(const Config& config, const ProduceOptions& options);

struct ValidateOptions {
  std::string events;  // at least one of the two
  std::string items;
};

// Errors: kStop when any record is not what the contract says.
[[nodiscard]] Result<void> validate(const Config& config, const ValidateOptions& options);

struct ProfileOptions {
  std::string user;  // get
  bool all = false;  // export: every profile as NDJSON
  bool json = false;
};

[[nodiscard]] Result<void> profile(const Config& config, const ProfileOptions& options);

struct ExplainOptions {
  std::string user;
  bool json = false;
  std::optional<std::int32_t> size;  // instead of slate.size
};

// A slate made now from the stored profile and the newest local snapshot, every part listed.
[[nodiscard]] Result<void> explain(const Config& config, const ExplainOptions& options);

struct ModelOptions {
  bool json = false;
};

[[nodiscard]] Result<void> model(const Config& config, const ModelOptions& options);

struct GenerateOptions {
  std::int64_t users = 1'000;
  std::int64_t items = 500;
  std::int64_t events = 20'000;
  std::uint64_t seed = 1;
  std::string out;        // events; "-" is standard output
  std::string items_out;  // empty: no catalogue is written
};

[[nodiscard]] Result<void> generate(const GenerateOptions& options);

struct WordsOptions {
  std::string in = "-";  // a text a line; "-" is standard input
};

// The words of each text as the model tells them apart, a line a text, a space between two.
[[nodiscard]] Result<void> words(const WordsOptions& options);

}  // namespace fovea::topologies
