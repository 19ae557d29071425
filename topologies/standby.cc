#include "topologies/standby.h"

#include <fmt/format.h>

#include <optional>

#include "topologies/log.h"
#include "topologies/restore.h"

namespace fovea::topologies {
namespace {

using std::chrono::milliseconds;

// Between two rounds.
constexpr milliseconds kPause{1'000};
constexpr milliseconds kNap{50};

}  // namespace

Standby::Standby(const ProcessShared& shared)
    : shared_(shared), store_(shared.store, shared.claims, this) {}

void Standby::run() {
  while (!stopping_) {
    const auto turned = turn();
    if (!turned && turned.error().disposition == Disposition::kRetry) {
      log_limited(LogLevel::kWarning, "standby", "standby: " + turned.error().message);
    }
    if (next_ != 0) continue;
    for (milliseconds slept{0}; slept < kPause && !stopping_; slept += kNap) {
      shared_.clock.sleep(kNap);
    }
  }
}

Result<void> Standby::turn() {
  if (next_ == 0) round_began_ = shared_.clock.monotonic();
  const Partition partition = next_;
  next_ = (next_ + 1) % shared_.input_partitions;
  Result<void> outcome;
  if (!given_up_.contains(partition) && shared_.claims.claim_free(partition, this)) {
    outcome = keep(partition);
    kept_ += outcome ? 1 : 0;
    away_ = away_ || (!outcome && outcome.error().disposition == Disposition::kRetry);
    if (!outcome && outcome.error().disposition == Disposition::kStop && !stopping_) {
      given_up_.insert(partition);
      log_warning(fmt::format("standby: partition {} is kept no more: {}", partition,
                              outcome.error().message));
    }
  }
  if (next_ == 0) note_round();
  return outcome;
}

Result<void> Standby::keep(Partition partition) {
  const auto stored = store_.positions(partition);
  if (!stored) return stored.error();
  RestoreRequest request;
  request.partition = partition;
  request.stored = *stored;
  request.changelog_from = *stored ? (*stored)->changelog_next : 0;
  if (!*stored) request.input_next = kNoOffset;
  request.only_stable = true;
  request.is_over = [&] { return !shared_.claims.claim_free(partition, this); };
  const auto kept =
      restore_from_changelog({shared_.clients, shared_.kafka, shared_.config.topics.profiles,
                              shared_.tombstones_kept, store_, shared_.clock, stopping_},
                             request);
  if (!kept) return kept.error();
  return {};
}

void Standby::note_round() {
  if (shared_.metrics) {
    shared_.metrics->standby().partitions.set(kept_);
    if (!away_) {
      shared_.metrics->standby().as_of.set(round_began_.time_since_epoch().count());
    }
  }
  if (!said_ && kept_ > 0) {
    said_ = true;
    log_info(fmt::format("standby: {} partitions of others are kept", kept_));
  }
  kept_ = 0;
  away_ = false;
}

}  // namespace fovea::topologies
