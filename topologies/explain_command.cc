// fovea explain: a slate made from the stored profile and the newest local snapshot, every part
// listed.

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "ingest/keys.h"
#include "ingest/recommendation_codec.h"
#include "scorer/model_info.h"
#include "scorer/slate_scorer.h"
#include "topologies/commands.h"
#include "topologies/local_state.h"
#include "topologies/slate_text.h"

namespace fovea::topologies {

Result<void> explain(const Config& config, const ExplainOptions& options) {
  auto store = open_profiles_to_read(config);
  if (!store) return store.error();
  const UserId user{options.user};
  const auto found = find_profile(**store, user);
  if (!found) return found.error();
  if (!*found) {
    return stop(
        fmt::format("user {} has no profile in {}", options.user, profiles_directory(config)));
  }
  const auto local = open_local_model(config);
  if (!local) return local.error();
  if (local->learner == nullptr) return stop(local->why_not);

  const Behaviour& behaviour = (*found)->profile.behaviour;
  scorer::SlateRequest request;
  request.user = ingest::user_key(config.name, user.value);
  // As of the user's last event, which is when the last slate was made: ages and popularity are
  // what they were then.
  if (!behaviour.history.empty()) request.now = behaviour.history.back().time;
  request.size = options.size.value_or(config.slate.size);
  request.explain = scorer::ExplainLevel::kFull;
  request.temperature = config.slate.temperature;
  scorer::SlateScorer scorer(config.model);

  Recommendation slate;
  slate.id = "explain";
  slate.user = user;
  slate.trigger.topic = config.topics.events;
  slate.trigger.partition = (*found)->partition;
  slate.trigger.offset = behaviour.applied;
  slate.covers = 0;
  slate.event_time = request.now;
  slate.emitted_at = request.now;
  slate.topology = config.name;
  slate.model = local->learner->stamp();
  slate.items = scorer.slate(local->learner->model(), behaviour, request);

  if (options.json) {
    fmt::print("{}\n", ingest::encode_recommendation(slate, ingest::RecommendationDetail::kFull));
    return {};
  }
  fmt::print("user {}, as of {}; model {:016x} at position {} ({})\n\n", options.user,
             time_text(request.now), slate.model.model_id, slate.model.position, local->path);
  if (slate.items.empty()) fmt::print("no items: the model knows none that may be shown\n");
  fmt::print("{}", draw_slate(slate.items, {}));
  return {};
}

}  // namespace fovea::topologies
