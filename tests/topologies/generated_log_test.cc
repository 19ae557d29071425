// The generated log: a function of its settings, honest about its catalogue, and a world in which
// there is something to learn.

#include "topologies/generated_log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace fovea::topologies {
namespace {

std::vector<GeneratedStep> steps(const GeneratedLogSettings& settings, std::size_t count) {
  GeneratedLog log(settings);
  std::vector<GeneratedStep> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(log.next());
  return out;
}

std::string trace(const std::vector<GeneratedStep>& log) {
  std::string out;
  for (const GeneratedStep& step : log) {
    for (const ItemChange& change : step.catalogue) out += change.item.item.id + "!";
    out += step.event.user.value + " " + step.event.item.id + " " +
           std::string(name(step.event.type)) + ",";
  }
  return out;
}

// Share of events whose item is among the ten that `rank` gives for it, over the second half.
template <class Score>
double hit_rate(const std::vector<GeneratedStep>& log, Score score) {
  std::map<std::string, std::string> last;
  std::map<std::string, double> popularity;
  std::map<std::string, std::map<std::string, double>> follows;
  int hits = 0, asked = 0;
  for (std::size_t i = 0; i < log.size(); ++i) {
    const Event& event = log[i].event;
    const std::string before = last[event.user.value];
    if (i > log.size() / 2 && !before.empty()) {
      const std::map<std::string, double> scores = score(popularity, follows[before]);
      const auto mine = scores.find(event.item.id);
      int better = 0;
      for (const auto& entry : scores) {
        if (mine != scores.end() && entry.second > mine->second) ++better;
      }
      ++asked;
      if (mine != scores.end() && better < 10) ++hits;
    }
    popularity[event.item.id] += 1;
    if (!before.empty()) follows[before][event.item.id] += 1;
    last[event.user.value] = event.item.id;
  }
  return static_cast<double>(hits) / asked;
}

TEST(GeneratedLog, IsAFunctionOfItsSettings) {
  GeneratedLogSettings settings;
  settings.users = 50;
  const std::string once = trace(steps(settings, 2'000));

  EXPECT_EQ(once, trace(steps(settings, 2'000)));
  settings.seed = 2;
  EXPECT_NE(once, trace(steps(settings, 2'000)));
}

TEST(GeneratedLog, AnnouncesEveryItemBeforeItIsChosenAndNeverChoosesAWithdrawnOne) {
  GeneratedLogSettings settings;
  settings.users = 200;
  settings.items = 60;
  GeneratedLog log(settings);
  std::map<std::string, bool> available;
  for (const Item& item : log.catalogue()) available[item.item.id] = item.available;
  EXPECT_EQ(available.size(), 60U);

  std::size_t withdrawn = 0;
  for (int i = 0; i < 10'000; ++i) {
    const GeneratedStep step = log.next();
    for (const ItemChange& change : step.catalogue) {
      available[change.item.item.id] = change.item.available;
      withdrawn += change.item.available ? 0 : 1;
    }
    ASSERT_TRUE(available.count(step.event.item.id) == 1 && available[step.event.item.id])
        << "event " << i << " chooses " << step.event.item.id;
  }
  EXPECT_GT(withdrawn, 100U);
}

TEST(GeneratedLog, NeverGoesBackInTimeNorRepeatsAnId) {
  std::set<std::string> ids;
  TimeMs before{};
  for (const GeneratedStep& step : steps({}, 5'000)) {
    EXPECT_GE(step.event.event_time, before);
    EXPECT_TRUE(ids.insert(step.event.id).second);
    before = step.event.event_time;
  }
}

TEST(GeneratedLog, DrawsFromTheTypesItIsGiven) {
  GeneratedLogSettings settings;
  settings.types.insert(EventType::kPurchase);
  settings.types.insert(EventType::kView);
  std::set<EventType> drawn;

  for (const GeneratedStep& step : steps(settings, 500)) drawn.insert(step.event.type);

  EXPECT_EQ(drawn, (std::set<EventType>{EventType::kView, EventType::kPurchase}));
}

TEST(GeneratedLog, HoldsMoreToLearnThanPopularity) {
  const std::vector<GeneratedStep> log = steps({}, 20'000);

  const double popularity = hit_rate(log, [](const auto& popular, const auto&) { return popular; });
  const double transitions =
      hit_rate(log, [](const auto&, const auto& follows) { return follows; });

  // What a count of followers alone finds; an upper bound there is far above it.
  EXPECT_GT(transitions, 2.5 * popularity) << transitions << " against " << popularity;
  EXPECT_GT(popularity, 0.01);
}

TEST(GeneratedLog, HardlyEverShowsAThingTwiceToAPerson) {
  std::set<std::string> had;
  std::size_t repeats = 0;
  for (const GeneratedStep& step : steps({}, 20'000)) {
    repeats += had.insert(step.event.user.value + " " + step.event.item.id).second ? 0 : 1;
  }
  EXPECT_LT(repeats, 400U) << "of 20,000";
}

TEST(GeneratedLog, TellsTheTasteOfItsUsersOnly) {
  const GeneratedLog log({});

  EXPECT_NE(log.taste(UserId{"u7"}).find(", then "), std::string::npos);
  EXPECT_EQ(log.taste(UserId{"u1000"}), "");
  EXPECT_EQ(log.taste(UserId{"somebody"}), "");
}

}  // namespace
}  // namespace fovea::topologies
