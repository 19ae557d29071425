#pragma once

// Random values of the vocabulary, for properties. All of them shrink: to fewer entries, shorter
// texts, smaller numbers.
//
// What the contracts and the stores allow is generated, and nothing else: finite numbers, ids of 1
// to 256 bytes of UTF-8, history and own items in order of time.

#include <rapidcheck.h>

#include <cstdint>
#include <iosfwd>
#include <string>
#include <variant>
#include <vector>

#include "vocab/event.h"
#include "vocab/item.h"
#include "vocab/learning_record.h"
#include "vocab/profile.h"
#include "vocab/recommendation.h"

namespace fovea::generate {

// ---- texts and numbers ----

// UTF-8, with what JSON must escape.
[[nodiscard]] rc::Gen<std::string> text();
// 1 to 256 bytes of it; the longest now and then.
[[nodiscard]] rc::Gen<std::string> id();
[[nodiscard]] rc::Gen<std::string> id_or_nothing();

// Every finite float there is, the edges often.
[[nodiscard]] rc::Gen<float> number32();
[[nodiscard]] rc::Gen<double> number64();
// Exact in float16, as interest vectors are stored.
[[nodiscard]] rc::Gen<float> number16();
[[nodiscard]] rc::Gen<std::variant<double, std::string>> value();

// Few keys, so that repeats are common; or any.
[[nodiscard]] rc::Gen<ItemKey> few_keys();
[[nodiscard]] rc::Gen<ItemKey> any_key();
[[nodiscard]] rc::Gen<EventType> event_type();
// What the event contract takes: 1970..9999.
[[nodiscard]] rc::Gen<TimeMs> contract_time();
[[nodiscard]] rc::Gen<TimeMs> any_time();
// kNoOffset or a real one.
[[nodiscard]] rc::Gen<Offset> offset();

// ---- what the folders exchange ----

// Names differ.
[[nodiscard]] rc::Gen<std::vector<ContextField>> context();

// For the fold: few users, items, ids and seconds, so that repeats, ties and late ones are common.
[[nodiscard]] rc::Gen<Event> small_event();

// Any event of the contract, with the fields that its type has. Item keys are left at zero: they
// are hashes, which the codec's side computes.
[[nodiscard]] rc::Gen<Event> contract_event();

// With a vector of the modality that tests declare now and then: "image", three numbers.
[[nodiscard]] rc::Gen<Item> item();

[[nodiscard]] rc::Gen<Behaviour> behaviour();
[[nodiscard]] rc::Gen<Profile> profile();
[[nodiscard]] rc::Gen<LearningRecord> learning_record();

// A slate whose parts add up. Item keys are left at zero, as above.
[[nodiscard]] rc::Gen<Recommendation> recommendation();

// One line of a made-up learning log (tests/property/random_log.h), in small numbers.
struct LogStep {
  enum class Kind : std::uint8_t { kChoice, kRefusal, kAnnouncement, kRemoval };
  Kind kind = Kind::kChoice;
  std::uint32_t user = 0;
  std::uint32_t item = 0;
  std::int32_t gap_s = 0;  // since the line before; a late event goes back
  std::uint32_t circumstances = 0;
  bool count_only = false;
};
[[nodiscard]] rc::Gen<std::vector<LogStep>> log_steps(int most);

}  // namespace fovea::generate

// What a counterexample is printed as.
namespace fovea {

void showValue(const Event& event, std::ostream& out);
void showValue(const Behaviour& behaviour, std::ostream& out);
void showValue(const Profile& profile, std::ostream& out);

namespace generate {
void showValue(const LogStep& step, std::ostream& out);
}  // namespace generate

}  // namespace fovea
