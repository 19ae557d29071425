// Writes the seeds of the binary targets into CORPUS/<target>/seed-*: what the codecs themselves
// write, and the golden files. usage: fuzz_binary_seeds CORPUS

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "profile_store/profile_codec.h"
#include "profile_store/state_keys.h"
#include "scorer/learning_record_codec.h"
#include "tests/fuzz/small_learner.h"
#include "tests/profile_store/random_profiles.h"
#include "topologies/model_topic.h"

namespace {

namespace fs = std::filesystem;
using fovea::profile_store::Generator;

class Folder {
 public:
  Folder(const std::string& corpus, const char* target) : path_(fs::path(corpus) / target) {
    fs::create_directories(path_);
  }
  void write(const std::string& bytes) {
    char name[32];
    std::snprintf(name, sizeof name, "seed-%03d", number_++);
    std::ofstream(path_ / name, std::ios::binary) << bytes;
  }

 private:
  fs::path path_;
  int number_ = 0;
};

std::string golden(const char* path) {
  std::ifstream file(std::string(FOVEA_SOURCE_DIR "/tests/") + path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_profiles(Folder out) {
  using namespace fovea::profile_store;
  out.write(golden("profile_store/golden/profile_v1.bin"));
  out.write(encode_profile({}));
  Generator random(1);
  for (int i = 0; i < 12; ++i) out.write(encode_profile(random.profile(small_settings(), 30, 4)));
}

void write_state(Folder out) {
  using namespace fovea::profile_store;
  out.write(profile_key(7, {"u1"}));
  out.write(positions_key(7));
  out.write(stamp_key());
  out.write(encode_positions({17, 18, fovea::TimeMs{1'700'000'000'000}, fovea::TimeMs{-1}}));
  out.write(encode_stamp({"video", "video", "cluster"}));
}

void write_learning_records(Folder out) {
  using namespace fovea;
  out.write(golden("scorer/golden/learning_record_v1.bin"));
  scorer::SmallStream stream(fuzz::tiny_settings());
  for (int i = 1; i <= 100; ++i) {
    const LearningRecord record = stream.next();
    if (i % 10 == 0 || i == 1) out.write(scorer::encode_learning_record(record));
  }
  LearningRecord mark;
  mark.body = Mark{"host-1", 7, 100, 0x1234, 3};
  out.write(scorer::encode_learning_record(mark));
}

void write_snapshots(Folder out) {
  using namespace fovea;
  const auto learner = scorer::new_learner(fuzz::tiny_settings());
  out.write(learner->snapshot());
  scorer::SmallStream stream(fuzz::tiny_settings());
  scorer::fold(*learner, stream, 12);
  out.write(learner->snapshot());
  out.write(fuzz::trained_snapshot());
}

void write_model_topic(Folder out) {
  using namespace fovea::topologies;
  out.write(encode_model_key({0x0123456789abcdef, 1, 7}));
  out.write(encode_model_key({0x0123456789abcdef, 0, {}}));
  out.write(encode_model_chunk({1, 4'711, 0, "snapshot bytes"}));
  out.write(encode_model_manifest(
      {{0x0123456789abcdef, 1, 4'711}, 1, 3, 2 * kModelChunkBytes + 5, 0xfeedface, 17}));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 1;
  write_profiles({argv[1], "profile_codec"});
  write_state({argv[1], "state_keys"});
  write_learning_records({argv[1], "learning_record"});
  write_snapshots({argv[1], "model_snapshot"});
  write_model_topic({argv[1], "model_topic"});
  return 0;
}
