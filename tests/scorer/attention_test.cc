// The attention pooling alone: its weights, its edge cases, and its values against the reference.

#include "scorer/attention.h"

#include <gtest/gtest.h>

#include <cmath>

#include "scorer/model.h"
#include "scorer/reference.h"
#include "tests/scorer/small_stream.h"

namespace fovea::scorer {
namespace {

const Kernels& fast() {
  return kernels(fastest_kernel_level());
}

// A model that has learned for a while, and what its users would ask now.
struct Learned {
  explicit Learned(const ModelSettings& settings = small_settings())
      : stream(settings), learner(new_learner(settings)) {
    fold(*learner, stream, 2000);
  }
  [[nodiscard]] Query query(std::size_t user) const {
    Query out;
    make_query(learner->model(), UserKey{user}, stream.users[user], stream.now(), out);
    return out;
  }

  SmallStream stream;
  std::unique_ptr<Learner> learner;
};

Attended attend(const Model& model, const Query& query, const Kernels& with = fast()) {
  Moment moment;
  moment.query = query;
  prepare(model, with, moment);
  return moment.attended;
}

TEST(Attention, WeightsArePositiveAndSumToOne) {
  const Learned learned;
  for (std::size_t user = 0; user < SmallStream::kUsers; ++user) {
    const Query query = learned.query(user);
    const Attended attended = attend(learned.learner->model(), query);
    double sum = 0.0;
    for (const float alpha : attended.alpha) {
      EXPECT_GT(alpha, 0.0F);
      sum += static_cast<double>(alpha);
    }
    EXPECT_EQ(attended.alpha.size(), query.history.size());
    EXPECT_NEAR(sum, 1.0, 1e-5);
  }
}

TEST(Attention, AgreesWithTheReference) {
  const Learned learned;
  const Model& model = learned.learner->model();
  const reference::Parameters parameters = reference::read(model);
  for (std::size_t user = 0; user < SmallStream::kUsers; ++user) {
    const Query query = learned.query(user);
    ASSERT_FALSE(query.older.empty());
    const Attended attended = attend(model, query);

    const reference::Interest exact =
        reference::attend(parameters, reference::ask(parameters, model, query));

    for (std::size_t k = 0; k < exact.alpha.size(); ++k) {
      EXPECT_NEAR(static_cast<double>(attended.alpha[k]), exact.alpha[k], 1e-5);
    }
    for (std::size_t d = 0; d < exact.j.size(); ++d) {
      EXPECT_NEAR(static_cast<double>(attended.interest[d]), exact.j[d],
                  1e-5 * (1.0 + std::fabs(exact.j[d])));
    }
  }
}

TEST(Attention, HasTheSameBitsOnEveryKernelLevel) {
  const Learned learned;
  const Query query = learned.query(3);
  const Attended expected =
      attend(learned.learner->model(), query, kernels(KernelLevel::kPortable));
  for (const KernelLevel level : supported_levels()) {
    const Attended found = attend(learned.learner->model(), query, kernels(level));
    EXPECT_EQ(found.alpha, expected.alpha) << name(level);
    EXPECT_EQ(found.interest, expected.interest) << name(level);
  }
}

TEST(Attention, BeginsWithANewerEntryAheadByATenth) {
  const auto learner = new_learner(small_settings());
  Query query;
  for (const std::uint64_t item : {1U, 1U, 1U}) {
    query.history.push_back({small_key(item), kNoSlot, 1000});
  }
  query.history_length = 3;
  const Attended attended = attend(learner->model(), query);
  EXPECT_NEAR(attended.alpha[2] / attended.alpha[1], std::exp(.1F), 1e-5F);
  EXPECT_NEAR(attended.alpha[1] / attended.alpha[0], std::exp(.1F), 1e-5F);
}

TEST(Attention, OneEntryHasAllTheWeight) {
  const Learned learned;
  Query query = learned.query(0);
  query.history.resize(1);
  EXPECT_EQ(attend(learned.learner->model(), query).alpha, std::vector<float>{1.0F});
}

TEST(Attention, IsNothingWithoutAHistory) {
  const Learned learned;
  Query query;
  query.now_s = 1.7e9;
  const Attended attended = attend(learned.learner->model(), query);
  EXPECT_TRUE(attended.alpha.empty());
  for (const float x : attended.interest) EXPECT_EQ(x, 0.0F);
}

TEST(Attention, AnItemTheModelDoesNotKnowYetHasItsFirstVector) {
  Learned learned;
  Model model = learned.learner->model();
  Query query = learned.query(0);
  const ItemKey stranger = small_key(1'000'000);
  query.history.back() = {stranger, kNoSlot, 5000};
  const Attended before = attend(model, query);

  query.history.back().slot = model.add_item({stranger, "stranger"}, query.now_s);
  const Attended after = attend(model, query);

  EXPECT_EQ(before.alpha, after.alpha);
  EXPECT_EQ(before.interest, after.interest);
}

TEST(Attention, FirstVectorsArePseudonormalWithTheStatedSpread) {
  const ItemParameters items(123, 64);
  std::vector<float> vector(items.stride());
  double square = 0.0;
  double sum = 0.0;
  for (std::uint64_t key = 0; key < 1000; ++key) {
    items.initial_vector(ItemKey{key}, vector.data());
    for (const float x : vector) {
      sum += static_cast<double>(x);
      square += static_cast<double>(x) * static_cast<double>(x);
    }
  }
  const double deviation = .3 / 8.0;
  EXPECT_NEAR(sum / 64'000.0, 0.0, 5.0 * deviation / std::sqrt(64'000.0));
  EXPECT_NEAR(std::sqrt(square / 64'000.0), deviation, .02 * deviation);
}

TEST(Attention, TheLastingInterestIsTheMeanOfWhatTheModelKnows) {
  const Learned learned;
  const Model& model = learned.learner->model();
  Query query = learned.query(0);
  query.older = {{small_key(1), model.catalogue.find(small_key(1))},
                 {small_key(999'999), kNoSlot},
                 {small_key(2), model.catalogue.find(small_key(2))}};

  const Attended attended = attend(model, query);

  const float* a = model.items.in(query.older[0].slot);
  const float* b = model.items.in(query.older[2].slot);
  for (std::size_t d = 0; d < 16; ++d) {
    EXPECT_NEAR(attended.lasting_mean[d], (a[d] + b[d]) / 2.0F, 1e-6F);
  }
}

}  // namespace
}  // namespace fovea::scorer
