// fovea generate: a log of made-up users, as files.

#include <fmt/format.h>

#include <map>
#include <string>
#include <utility>

#include "ingest/event_codec.h"
#include "ingest/file_sink.h"
#include "ingest/item_codec.h"
#include "topologies/commands.h"
#include "topologies/generated_log.h"
#include "topologies/progress.h"

namespace fovea::topologies {
namespace {

Result<void> write(ingest::Sink& sink, const char* topic, std::string line) {
  ingest::OutputRecord record;
  record.topic = topic;
  record.value = std::move(line);
  return sink.append(record);
}

}  // namespace

Result<void> generate(const GenerateOptions& options) {
  std::map<std::string, std::string> paths{{"events", options.out}};
  if (!options.items_out.empty()) paths["items"] = options.items_out;
  auto sink = ingest::open_file_sink(paths);
  if (!sink) return sink.error();

  GeneratedLogSettings settings;
  settings.users = static_cast<std::uint64_t>(options.users);
  settings.items = static_cast<std::uint64_t>(options.items);
  settings.seed = options.seed;
  GeneratedLog log(settings);
  for (const Item& item : log.catalogue()) {
    if (auto done = write(**sink, "items", ingest::encode_item(item)); !done) return done;
  }
  Progress progress("generate", static_cast<std::uint64_t>(options.events));
  for (std::int64_t i = 0; i < options.events; ++i) {
    const GeneratedStep step = log.next();
    for (const ItemChange& change : step.catalogue) {
      // A file of items is read before the events: what is withdrawn later must still be in it.
      if (!change.item.available) continue;
      if (auto done = write(**sink, "items", ingest::encode_item(change.item)); !done) return done;
    }
    if (auto done = write(**sink, "events", ingest::encode_event(step.event)); !done) return done;
    progress.advance();
  }
  progress.finish();
  return (*sink)->flush(std::chrono::seconds(10));
}

}  // namespace fovea::topologies
