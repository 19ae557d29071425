// What a process that starts from nothing finds in T.model, in whatever state a writer left it.

#include "topologies/published_model.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "tests/topologies/fake_model_topic.h"

namespace fovea::topologies {
namespace {

constexpr std::uint64_t kModel = 0xabc;

// A snapshot's bytes: three chunks, and no two positions alike.
std::string snapshot_at(Offset position) {
  std::string bytes(2 * kModelChunkBytes + 100, static_cast<char>('a' + position % 26));
  bytes += std::to_string(position);
  return bytes;
}

class PublishedModel : public testing::Test {
 protected:
  // The first `records` of a publication, which are three chunks and the manifest.
  void publish(Offset position, std::uint32_t slot, std::size_t records = 4,
               std::uint64_t model = kModel) {
    const std::string bytes = snapshot_at(position);
    ModelManifest manifest{{model, 1, position}, slot, 3, bytes.size(), 0, kNoOffset};
    std::vector<std::uint64_t> checksums;
    for (std::uint32_t i = 0; i < manifest.chunks && records > 0; ++i, --records) {
      const std::string record = encode_model_chunk(
          {1, position, i, bytes.substr(i * kModelChunkBytes, kModelChunkBytes)});
      checksums.push_back(model_chunk_checksum(record));
      topic_.append(encode_model_key({model, slot, i}), record);
    }
    if (records == 0) return;
    manifest.checksum = checksum_of(checksums);
    topic_.append(encode_model_key({model, slot, {}}), encode_model_manifest(manifest));
  }

  [[nodiscard]] PublishedModels open() {
    return {[this](Offset start) { return topic_.open_reader(start); }, stopping_};
  }

  static bool ours(const ModelStamp& stamp) { return stamp.model_id == kModel; }

  // Positions of the whole snapshots found, in the order in which they are offered.
  std::vector<Offset> whole() {
    std::vector<Offset> positions;
    PublishedModels models = open();
    for (;;) {
      const auto next = models.next(ours);
      EXPECT_TRUE(next) << next.error().message;
      if (!next || !*next) return positions;
      const auto bytes = models.fetch(**next);
      if (!bytes) {
        EXPECT_EQ(bytes.error().disposition, Disposition::kSkip) << bytes.error().message;
        said_ += bytes.error().message;
        continue;
      }
      EXPECT_EQ(*bytes, snapshot_at((*next)->manifest.stamp.position));
      positions.push_back((*next)->manifest.stamp.position);
    }
  }

  FakeModelTopic topic_;
  std::atomic<bool> stopping_{false};
  std::string said_;
};

using Positions = std::vector<Offset>;

TEST_F(PublishedModel, AnEmptyTopicHasNone) {
  EXPECT_EQ(whole(), Positions{});
}

TEST_F(PublishedModel, TheLatestIsFoundFirstThenTheOtherSlots) {
  publish(10, 0);
  publish(20, 1);

  EXPECT_EQ(whole(), (Positions{20, 10}));
}

TEST_F(PublishedModel, OfASlotOnlyTheLatestCounts) {
  for (Offset position = 10; position <= 50; position += 10) {
    publish(position, static_cast<std::uint32_t>(position / 10 % 2));
  }

  EXPECT_EQ(whole(), (Positions{50, 40}));
}

// So many records of the third publication got through.
class HalfOverwritten : public PublishedModel, public testing::WithParamInterface<std::size_t> {};

TEST_P(HalfOverwritten, SlotIsPassedOverInFavourOfTheOther) {
  publish(10, 0);
  publish(20, 1);
  publish(30, 0, GetParam());
  topic_.compact();

  EXPECT_EQ(whole(), (Positions{20}));
  EXPECT_NE(said_.find("slot 0 at position 10: chunk 0 of 3 is missing"), std::string::npos)
      << said_;
}

INSTANTIATE_TEST_SUITE_P(OfThreeChunks, HalfOverwritten, testing::Values(1U, 2U, 3U));

TEST_F(PublishedModel, BeforeCompactionAHalfOverwrittenSlotIsStillThere) {
  publish(10, 0);
  publish(20, 1);
  publish(30, 0, 2);

  EXPECT_EQ(whole(), (Positions{20, 10}));
}

TEST_F(PublishedModel, ADamagedChunkMakesItsSnapshotUnusable) {
  publish(10, 0);
  publish(20, 1);
  topic_.change(5, [](auto& record) { record.value->back() = '?'; });

  EXPECT_EQ(whole(), (Positions{10}));
  EXPECT_NE(said_.find("slot 1 at position 20: chunk 1 of 3"), std::string::npos) << said_;
}

TEST_F(PublishedModel, ChunksOfAnotherSnapshotAtTheSamePositionAreNotTaken) {
  publish(10, 0);
  topic_.change(1, [](auto& record) {
    record.value = encode_model_chunk({1, 10, 1, std::string(kModelChunkBytes, '?')});
  });

  EXPECT_EQ(whole(), Positions{});
  EXPECT_NE(said_.find("not those of its manifest"), std::string::npos) << said_;
}

TEST_F(PublishedModel, ADamagedManifestIsPassedOver) {
  publish(10, 0);
  publish(20, 1);
  topic_.change(7, [](auto& record) { record.value->back() = '?'; });

  EXPECT_EQ(whole(), (Positions{10}));
}

TEST_F(PublishedModel, AManifestUnderAnotherModelsKeyIsPassedOver) {
  publish(10, 0);
  publish(20, 1);
  topic_.change(7, [](auto& record) { record.key = encode_model_key({kModel + 1, 1, {}}); });

  EXPECT_EQ(whole(), (Positions{10}));
}

TEST_F(PublishedModel, OtherModelsAndForeignRecordsLieBetween) {
  publish(10, 0);
  topic_.append("their key", "their value");
  for (Offset position = 1; position < 40; ++position) {
    publish(position, static_cast<std::uint32_t>(position % 2), 4, kModel + 1);
  }
  topic_.append(encode_model_key({kModel, 1, {}}), std::nullopt);

  EXPECT_EQ(whole(), (Positions{10}));
}

TEST_F(PublishedModel, AMissingTopicIsAnErrorThatNamesIt) {
  topic_.open_failures.add(stop("topic t.model does not exist"));
  PublishedModels models = open();

  const auto next = models.next(ours);

  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().message, "topic t.model does not exist");
}

TEST_F(PublishedModel, EndsWhenToldToStop) {
  publish(10, 0);
  PublishedModels models = open();
  stopping_ = true;

  const auto next = models.next(ours);

  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().disposition, Disposition::kStop);
}

}  // namespace
}  // namespace fovea::topologies
