// Attention over kinds of content: the cosine by its definition, and that what tells nothing of
// what follows is left out of account. The gradient is held against the reference by
// learn_step_test.cc.

#include "scorer/content_attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "scorer/random.h"

namespace fovea::scorer {
namespace {

const Kernels& fast() {
  return kernels(fastest_kernel_level());
}

ContentPart part(std::uint32_t kind, const std::vector<float>& vector) {
  return {kind, code_of_vector("any", vector)};
}

std::vector<float> random_vector(Random& random) {
  std::vector<float> out(32);
  for (float& x : out) x = random.uniform() - .5F;
  return out;
}

// Kinds 0 and 1, of which `telling` is the same for both items of a pair and the other is not.
struct Pairs {
  explicit Pairs(std::uint32_t telling) {
    Random random(7, 0);
    for (int i = 0; i < 40; ++i) {
      const std::vector<float> shared = random_vector(random);
      for (int k = 0; k < 2; ++k) {
        const std::vector<float> own = random_vector(random);
        items.push_back(
            {part(0, telling == 0 ? shared : own), part(1, telling == 1 ? shared : own)});
      }
    }
  }
  void teach(ContentAttention& attention, int times, float strength = 1.0F) const {
    Random random(8, 0);
    const auto count = static_cast<std::uint32_t>(items.size());
    for (int i = 0; i < times; ++i) {
      const std::uint32_t newest = random.below(count);
      std::vector<const ContentParts*> choices{&items[newest ^ 1U]};
      while (choices.size() < 9) {
        const std::uint32_t other = random.below(count);
        if (other != newest) choices.push_back(&items[other]);
      }
      attention.learn(items[newest], choices, strength, fast());
    }
  }
  std::vector<ContentParts> items;
};

ContentAttention of_two_kinds() {
  ContentAttention attention;
  EXPECT_EQ(attention.kind("words"), 0U);
  EXPECT_EQ(attention.kind("vectors.image"), 1U);
  return attention;
}

TEST(ContentAttention, BeginsWithTheMeanOfWhatBothHave) {
  const ContentAttention attention = of_two_kinds();
  const std::vector<float> words{1, 2, -1, .5F}, image{-1, 1, 3, 0}, other{1, 1, -1, -5};
  const ContentParts both{part(0, words), part(1, image)};
  const auto cosine = [&](const ContentParts& a, const ContentParts& b) {
    return static_cast<double>(attention.similarity(a, b, fast()));
  };
  EXPECT_NEAR(cosine(both, both), 1.0, 1e-6);
  EXPECT_NEAR(cosine(both, {part(0, words)}), std::sqrt(.5), 1e-6) << "the other has no image";
  const ContentParts half{part(0, words), part(1, other)};
  EXPECT_NEAR(cosine(both, half), .5 + .5 * cosine({part(1, image)}, {part(1, other)}), 1e-6);
  EXPECT_EQ(cosine({part(0, words)}, {part(1, words)}), 0.0) << "nothing in common";
  EXPECT_EQ(cosine(both, {}), 0.0);
}

TEST(ContentAttention, ASignIsThatOfTheWeightedSum) {
  ContentAttention attention = of_two_kinds();
  const Pairs pairs(1);
  pairs.teach(attention, 300);
  for (const ContentParts& parts : pairs.items) {
    const ContentSigns signs = attention.signs(parts);
    for (std::size_t d = 0; d < kCodeDim; ++d) {
      double sum = 0.0;
      for (const ContentPart& one : parts) {
        sum += std::sqrt(static_cast<double>(attention.kinds()[one.kind].weight)) *
               static_cast<double>(one.code.inverse_length) * one.code.values[d];
      }
      if (std::fabs(sum) < 1e-6) continue;
      EXPECT_EQ((signs[d / 64] >> d % 64 & 1U) != 0, sum < 0.0);
    }
  }
}

class TellingKind : public testing::TestWithParam<std::uint32_t> {};

TEST_P(TellingKind, GetsTheAttention) {
  const std::uint32_t telling = GetParam();
  const Pairs pairs(telling);
  ContentAttention attention = of_two_kinds();
  const auto cosine = [&] {
    return static_cast<double>(attention.similarity(pairs.items[0], pairs.items[1], fast()));
  };
  const double before = cosine();
  EXPECT_LT(before, .7);
  pairs.teach(attention, 1'000);
  EXPECT_GT(attention.kinds()[telling].weight, 5.0F * attention.kinds()[1 - telling].weight);
  EXPECT_GT(cosine(), .75) << "as alike as what tells says";
}
INSTANTIATE_TEST_SUITE_P(EitherWay, TellingKind, testing::Values(0U, 1U));

TEST(ContentAttention, WhatHasNoStrengthTeachesNothing) {
  ContentAttention attention = of_two_kinds();
  Pairs(0).teach(attention, 100, 0.0F);
  EXPECT_EQ(attention.kinds()[0].weight, 1.0F);
  EXPECT_EQ(attention.kinds()[1].weight, 1.0F);
}

TEST(ContentAttention, StaysANumberHoweverLongItLearnsTheSame) {
  ContentAttention attention = of_two_kinds();
  const ContentParts newest{part(0, {1, 2}), part(1, {5, -1})};
  const ContentParts alike{part(0, {1, 2}), part(1, {-5, 1})};
  const ContentParts unlike{part(0, {-1, -2}), part(1, {5, -1})};
  const std::vector<const ContentParts*> choices{&alike, &unlike};
  const auto cosine = [&] { return attention.similarity(newest, alike, fast()); };
  const float before = cosine();
  for (int i = 0; i < 200'000; ++i) attention.learn(newest, choices, 1.0F, fast());
  EXPECT_GT(cosine(), before + .5F);
  EXPECT_LE(cosine(), 1.001F);
}

TEST(ContentAttention, HasSixtyFourKindsAtMost) {
  ContentAttention attention;
  for (std::uint32_t k = 0; k < 64; ++k) {
    EXPECT_EQ(attention.kind("vectors." + std::to_string(k)), k);
  }
  EXPECT_EQ(attention.kind("vectors.64"), std::nullopt);
  EXPECT_EQ(attention.kind("vectors.63"), 63U);
}

TEST(ContentAttention, GoesOnFromItsBytes) {
  ContentAttention attention = of_two_kinds();
  const Pairs pairs(0);
  pairs.teach(attention, 100);
  ByteWriter saved;
  attention.save(saved);
  ByteReader in(saved.bytes());
  ContentAttention again;
  again.load(in);
  ASSERT_TRUE(in.at_end());
  for (ContentAttention* each : {&attention, &again}) pairs.teach(*each, 100);
  ByteWriter a, b;
  attention.save(a);
  again.save(b);
  EXPECT_EQ(a.bytes(), b.bytes());
}

// Whether it takes `count` kinds that have learned this.
bool loads(const Scalar& sharpness, const Scalar& logit, std::size_t count,
           ContentAttention& attention) {
  ByteWriter out;
  out.fixed(sharpness);
  out.varint(count);
  for (std::size_t k = 0; k < count; ++k) {
    out.text("vectors." + std::to_string(k));
    out.fixed(logit);
  }
  ByteReader in(out.bytes());
  attention.load(in);
  return in.at_end();
}

TEST(ContentAttention, RefusesWhatNoLearningLeads) {
  const float none = std::numeric_limits<float>::quiet_NaN();
  ContentAttention attention;
  EXPECT_TRUE(loads({5.0F}, {9.0F}, 64, attention));
  EXPECT_FALSE(loads({5.0F}, {9.0F}, 65, attention));
  EXPECT_FALSE(loads({5.0F}, {11.0F}, 1, attention));
  EXPECT_FALSE(loads({5.0F}, {none}, 1, attention));
  EXPECT_FALSE(loads({5.0F}, {1.0F, 0.0F}, 1, attention));
  EXPECT_FALSE(loads({none}, {1.0F}, 1, attention));
  EXPECT_FALSE(loads({.5F}, {1.0F}, 1, attention));
}

TEST(ContentAttention, AWeightHasABound) {
  const ContentParts newest{part(0, {1, 2}), part(1, {5, -1})};
  const ContentParts alike{part(0, {1, 2}), part(1, {-5, 1})};
  const ContentParts unlike{part(0, {-1, -2}), part(1, {5, -1})};
  const std::vector<const ContentParts*> choices{&unlike, &alike};
  ContentAttention attention;
  // All attention is on what is about to be found misleading: long steps.
  ASSERT_TRUE(loads({30.0F}, {9.99F, 1e-12F}, 2, attention));
  attention.learn(newest, choices, 1.0F, fast());
  for (const auto& kind : attention.kinds()) EXPECT_LE(std::fabs(kind.logit.value), 10.0F);
}

}  // namespace
}  // namespace fovea::scorer
