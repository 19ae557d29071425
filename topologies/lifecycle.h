#pragma once

// The phases of a worker and of a commit, drawn, with their legal transitions.

#include <cstdint>
#include <string_view>

namespace fovea::topologies {

//   kJoining ──> kRunning ──> kDraining ──> kClosed
//      ▲            │             ▲
//      │            v             │ told to stop
//      └──── kRebuilding ─────────┘
//
// kRebuilding: the client of the broker is beyond repair; what was not stored is dropped and both
// handles are made anew, a bounded number of times.
enum class WorkerPhase : std::uint8_t { kJoining, kRunning, kRebuilding, kDraining, kClosed };

[[nodiscard]] constexpr bool may_follow(WorkerPhase from, WorkerPhase to) {
  using enum WorkerPhase;
  switch (from) {
    case kJoining:
      return to == kRunning || to == kRebuilding || to == kDraining;
    case kRunning:
      return to == kRebuilding || to == kDraining;
    case kRebuilding:
      return to == kJoining || to == kDraining || to == kClosed;
    case kDraining:
      return to == kClosed;
    case kClosed:
      return false;
  }
  return false;
}

//                                          ┌──> kStore ──> kOffsets ────────┐   at_least_once
//   kOpen ──> kOutputs ──> kChangelog ─────┤                                ├──> kOpen
//                                          └──> kTransaction ──> kStore ────┘   exactly_once
//
//   kOpen         records are folded; recommendations, examples and dead letters leave at once
//   kOutputs      until the broker has all of them
//   kChangelog    the changed profiles, until the broker has all of them
//   kTransaction  all of it and the group's offsets become visible, or nothing ever does
//   kStore        profiles and positions enter RocksDB in one write
//   kOffsets      the group's offsets
//
// At least once: outputs before the changelog, so that a profile that another process restores from
// there never stands for an event whose recommendation and example are lost. The store before the
// offsets: what the group believes is never ahead of what this process holds. A crash in between
// repeats the interval's outputs, never its effect on a profile.
//
// Exactly once: the store after the transaction, so that it never holds what may yet be aborted. A
// crash in between leaves the profiles in the changelog, where the next owner finds them.
//
// Each phase can be tried again.
enum class CommitPhase : std::uint8_t {
  kOpen,
  kOutputs,
  kChangelog,
  kTransaction,
  kStore,
  kOffsets
};

[[nodiscard]] constexpr bool may_follow(CommitPhase from, CommitPhase to, bool exactly_once) {
  using enum CommitPhase;
  switch (from) {
    case kOpen:
      return to == kOutputs;
    case kOutputs:
      return to == kChangelog;
    case kChangelog:
      return to == (exactly_once ? kTransaction : kStore);
    case kTransaction:
      return exactly_once && to == kStore;
    case kStore:
      return to == (exactly_once ? kOpen : kOffsets);
    case kOffsets:
      return !exactly_once && to == kOpen;
  }
  return false;
}

[[nodiscard]] constexpr std::string_view name(CommitPhase phase) {
  using enum CommitPhase;
  switch (phase) {
    case kOpen:
      return "open";
    case kOutputs:
      return "outputs";
    case kChangelog:
      return "changelog";
    case kTransaction:
      return "transaction";
    case kStore:
      return "store";
    case kOffsets:
      return "offsets";
  }
  return "";
}

}  // namespace fovea::topologies
