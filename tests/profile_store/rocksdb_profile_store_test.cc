// What only the store on disk must stand: kills, full disks, damaged and foreign directories, a
// reader beside the writer. FOVEA_SEED=... plays a random case again.

#include "profile_store/rocksdb_profile_store.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/profile_store/counting_batches.h"
#include "tests/profile_store/random_profiles.h"
#include "tests/profile_store/temporary_directory.h"

namespace fovea::profile_store {
namespace {

namespace fs = std::filesystem;

const StateStamp kStamp = {"t", "g", "c"};

Result<std::unique_ptr<ProfileStore>> open(const std::string& directory, bool read_only = false) {
  return open_rocksdb_profile_store({directory, kStamp, kMemoryBytesMin, read_only});
}

std::string refusal(const Result<std::unique_ptr<ProfileStore>>& store) {
  if (store) return "";
  EXPECT_EQ(store.error().disposition, Disposition::kStop);
  EXPECT_EQ(store.error().message.find('\n'), std::string::npos);
  return store.error().message;
}

// The position of a consistent partition. Profiles are compared with what it says.
Offset expect_consistent(ProfileStore& store, Partition partition) {
  auto positions = store.positions(partition);
  EXPECT_TRUE(positions) << positions.error().message;
  const Offset next = positions && *positions ? (*positions)->input_next : 0;
  std::vector<UserId> users;
  for (Offset user = 0; user < kCountingUsers; ++user) users.push_back(counting_user(user));
  auto profiles = store.get(partition, users);
  EXPECT_TRUE(profiles) << profiles.error().message;
  for (Offset user = 0; profiles && user < kCountingUsers; ++user) {
    EXPECT_EQ((*profiles)[static_cast<std::size_t>(user)], counting_profile(user, next))
        << "partition " << partition << " at " << next << ", user " << user;
  }
  return next;
}

// A store with files on disk: enough batches that buffers were flushed.
void fill(const std::string& directory, Offset batches = 600) {
  auto store = open(directory);
  ASSERT_TRUE(store) << store.error().message;
  for (Offset i = 0; i < batches; ++i) {
    ASSERT_TRUE((*store)->apply(counting_batch(0, i * 37, (i + 1) * 37)));
  }
}

std::string file_ending(const std::string& directory, const std::string& ending) {
  for (const auto& entry : fs::directory_iterator(directory)) {
    const std::string path = entry.path();
    if (path.size() > ending.size() && path.ends_with(ending)) return path;
  }
  ADD_FAILURE() << "no *" << ending << " in " << directory;
  return "";
}

// A process of its own that applies counting batches.
class Child {
 public:
  explicit Child(std::vector<std::string> arguments) {
    int ends[2];
    if (pipe(ends) != 0) throw std::runtime_error("no pipe");
    arguments.insert(arguments.begin(), CRASH_CHILD);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      dup2(ends[1], STDOUT_FILENO);
      close(ends[0]);
      execv(CRASH_CHILD, argv.data());
      _exit(127);
    }
    close(ends[1]);
    out_ = fdopen(ends[0], "r");
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) finish(SIGKILL);
    std::fclose(out_);
  }

  std::string line() {
    std::string text;
    for (int c = std::fgetc(out_); c != EOF && c != '\n'; c = std::fgetc(out_)) {
      text.push_back(static_cast<char>(c));
    }
    return text;
  }
  int finish(int signal = 0) {
    if (signal != 0) kill(pid_, signal);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return status;
  }

 private:
  pid_t pid_ = 0;
  std::FILE* out_ = nullptr;
};

TEST(RocksDbProfileStore, SurvivesAKillAtAnyPoint) {
  Generator generate(test_seed());
  TemporaryDirectory directory;
  Offset before[2] = {0, 0};
  for (int round = 0; round < 12; ++round) {
    Child child({directory.path()});
    ASSERT_EQ(child.line(), "open");
    // Some of these fall into flushes and compactions, some before the first batch.
    const std::uint64_t delay_us = generate.below(round % 3 == 0 ? 2'000 : 150'000);
    std::this_thread::sleep_for(std::chrono::microseconds(delay_us));
    child.finish(SIGKILL);

    auto store = open(directory.path());
    ASSERT_TRUE(store) << store.error().message;
    for (Partition partition = 0; partition < 2; ++partition) {
      const Offset next = expect_consistent(**store, partition);
      EXPECT_GE(next, before[partition]) << "what was there stays";
      before[partition] = next;
    }
  }
  EXPECT_GT(before[0], 0);
}

TEST(RocksDbProfileStore, StopsAtAFullDiskAndReopensConsistent) {
  for (const char* bytes_max : {"200000", "1000003", "1300001"}) {
    TemporaryDirectory directory;
    Child child({directory.path(), bytes_max});
    ASSERT_EQ(child.line(), "open");
    const std::string message = child.line();
    const int status = child.finish();

    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 3) << status;
    EXPECT_EQ(message.rfind("state directory " + directory.path() + " cannot be written", 0), 0U)
        << message;
    EXPECT_NE(message.find("make room and start again: nothing is lost"), std::string::npos);
    auto store = open(directory.path());
    ASSERT_TRUE(store) << store.error().message;
    EXPECT_GT(expect_consistent(**store, 0), 0);
    EXPECT_GT(expect_consistent(**store, 1), 0);
    const Offset next = (*(*store)->positions(0))->input_next;
    EXPECT_TRUE((*store)->apply(counting_batch(0, next, next + 5))) << "and goes on";
    expect_consistent(**store, 0);
  }
}

TEST(RocksDbProfileStore, ALostTailOfTheLogMovesProfilesAndPositionsBackTogether) {
  TemporaryDirectory directory;
  for (const int cut : {1, 100, 5'000, 50'000}) {
    fs::remove_all(directory.path());
    {
      Child child({directory.path()});
      ASSERT_EQ(child.line(), "open");
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      child.finish(SIGKILL);
    }
    const std::string log = file_ending(directory.path(), ".log");
    const auto size = static_cast<std::int64_t>(fs::file_size(log));
    fs::resize_file(log, static_cast<std::uintmax_t>(std::max<std::int64_t>(0, size - cut)));

    auto store = open(directory.path());
    ASSERT_TRUE(store) << store.error().message;
    expect_consistent(**store, 0);
    expect_consistent(**store, 1);
  }
}

StoreBatch one_user(Partition partition, const std::string& user) {
  StoreBatch batch;
  batch.encoded = {{partition, {user}, encode_profile({})}};
  return batch;
}

TEST(RocksDbProfileStore, WhatIsLoadedStaysWithoutTheLogAndWhatItReplacedDoesNotComeBack) {
  TemporaryDirectory directory;
  TemporaryDirectory copy;
  auto store = open(directory.path());
  ASSERT_TRUE(store);
  ASSERT_TRUE((*store)->apply(counting_batch(0, 0, 100)));
  ASSERT_TRUE((*store)->apply({{}, {}, {0}}));
  ASSERT_TRUE((*store)->load(one_user(0, "loaded")));
  ASSERT_TRUE((*store)->apply(counting_batch(1, 0, 100)));

  // The machine is gone, and with it all that was not synced.
  fs::copy(directory.path(), copy.path(), fs::copy_options::recursive);
  for (const auto& file : fs::directory_iterator(copy.path())) {
    if (file.path().extension() == ".log") fs::resize_file(file, 0);
  }
  auto after = open(copy.path());

  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ((*after)->get(0, {{"loaded"}})->front(), Profile{});
  EXPECT_EQ(*(*after)->positions(0), std::nullopt);
  EXPECT_EQ((*after)->get(0, {counting_user(1)})->front(), std::nullopt);
}

TEST(RocksDbProfileStore, ALoadThatWasCutShortLeavesNothing) {
  TemporaryDirectory directory;
  ASSERT_TRUE(open(directory.path()));
  const fs::path left = fs::path(directory.path()) / "load-0.sst";
  std::ofstream(left) << "half a table";

  auto store = open(directory.path());

  ASSERT_TRUE(store) << store.error().message;
  EXPECT_FALSE(fs::exists(left));
}

// What RocksDB takes over it links, and then removes the first name; that may fail.
TEST(RocksDbProfileStore, ALoadLeavesATableAloneThatHasItsNameToo) {
  TemporaryDirectory directory;
  auto store = open(directory.path());
  ASSERT_TRUE(store);
  ASSERT_TRUE((*store)->load(one_user(0, "a")));
  const fs::path folder(directory.path());
  int linked = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".sst") continue;
    fs::create_hard_link(entry.path(), folder / "load-0.sst");
    ++linked;
    break;
  }
  ASSERT_EQ(linked, 1);

  ASSERT_TRUE((*store)->load(one_user(0, "b")));
  (*store).reset();
  store = open(directory.path());

  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ((*store)->get(0, {{"a"}})->front(), Profile{});
  EXPECT_EQ((*store)->get(0, {{"b"}})->front(), Profile{});
}

TEST(RocksDbProfileStore, ALoadThatCannotBeWrittenChangesNothing) {
  TemporaryDirectory directory;
  auto store = open(directory.path());
  ASSERT_TRUE(store);
  fs::create_directories(fs::path(directory.path()) / "load-0.sst" / "in the way");

  const auto refused = (*store)->load(one_user(0, "a"));

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().disposition, Disposition::kStop);
  EXPECT_NE(refused.error().message.find("cannot be written"), std::string::npos)
      << refused.error().message;
  EXPECT_EQ((*store)->get(0, {{"a"}})->front(), std::nullopt);
}

TEST(RocksDbProfileStore, AReaderBesideTheWriterSeesWhatWasLoadedAndMayNotLoad) {
  TemporaryDirectory directory;
  auto writer = open(directory.path());
  ASSERT_TRUE(writer);
  auto reader = open(directory.path(), true);
  ASSERT_TRUE(reader);

  ASSERT_TRUE((*writer)->load(one_user(0, "a")));

  EXPECT_EQ((*reader)->get(0, {{"a"}})->front(), Profile{});
  EXPECT_FALSE((*reader)->load(one_user(0, "b")));
}

TEST(RocksDbProfileStore, IsRefusedWhileAnotherProcessHoldsIt) {
  TemporaryDirectory directory;
  Child child({directory.path()});
  ASSERT_EQ(child.line(), "open");

  EXPECT_EQ(refusal(open(directory.path())),
            "state directory " + directory.path() + " is in use: " + directory.path() +
                "/LOCK is held by a running process: stop it, or set another state.directory");
}

TEST(RocksDbProfileStore, IsRefusedTwiceInOneProcess) {
  TemporaryDirectory directory;
  auto store = open(directory.path());
  ASSERT_TRUE(store);

  EXPECT_NE(refusal(open(directory.path())).find("/LOCK is held"), std::string::npos);
}

TEST(RocksDbProfileStore, AReaderBesideTheWriterSeesWhatWasWritten) {
  TemporaryDirectory directory;
  auto writer = open(directory.path());
  ASSERT_TRUE(writer);
  ASSERT_TRUE((*writer)->apply(counting_batch(0, 0, 10)));
  auto reader = open(directory.path(), true);
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_EQ(expect_consistent(**reader, 0), 10);

  for (Offset next = 10; next < 60'000; next += 200) {
    ASSERT_TRUE((*writer)->apply(counting_batch(0, next, next + 200)));
    if (next % 6'000 == 10) {
      ASSERT_EQ(expect_consistent(**reader, 0), next + 200);
    }
  }
  EXPECT_EQ((*reader)->apply({}).error().message,
            "state directory " + directory.path() + " is open read-only");
}

TEST(RocksDbProfileStore, AReaderBesideARunningProcessIsAlwaysConsistent) {
  TemporaryDirectory directory;
  fill(directory.path(), 1);
  Child child({directory.path()});
  ASSERT_EQ(child.line(), "open");
  Offset before = 0;
  for (int round = 0; round < 10; ++round) {
    auto reader = open(directory.path(), true);
    ASSERT_TRUE(reader) << reader.error().message;
    int users = 0;
    ASSERT_TRUE((*reader)->for_each([&](Partition, const UserId&, const Profile&) {
      ++users;
      return Result<void>();
    }));
    EXPECT_GE(users, kCountingUsers);
    const auto positions = (*reader)->positions(0);
    ASSERT_TRUE(positions) << positions.error().message;
    EXPECT_GE((*positions)->input_next, before);
    before = (*positions)->input_next;
  }
}

TEST(RocksDbProfileStore, AReaderLeavesNothingBehind) {
  TemporaryDirectory directory;
  fill(directory.path(), 1);
  std::vector<std::string> before;
  for (const auto& entry : fs::directory_iterator(directory.path())) before.push_back(entry.path());
  ASSERT_TRUE(open(directory.path(), true));

  std::vector<std::string> after;
  for (const auto& entry : fs::directory_iterator(directory.path())) after.push_back(entry.path());
  EXPECT_EQ(after, before);
}

TEST(RocksDbProfileStore, AReaderOfNothingSaysSo) {
  TemporaryDirectory directory;

  EXPECT_EQ(refusal(open(directory.path(), true)),
            "state directory " + directory.path() + " holds no profiles: CURRENT is missing");
  EXPECT_NE(refusal(open(directory.path() + "/none", true)).find("cannot be read: No such file"),
            std::string::npos);
}

TEST(RocksDbProfileStore, RefusesTheStateOfAnotherTopologyGroupOrCluster) {
  TemporaryDirectory directory;
  fill(directory.path(), 1);
  const auto with = [&](StateStamp stamp, bool read_only) {
    return refusal(open_rocksdb_profile_store(
        {directory.path(), std::move(stamp), kMemoryBytesMin, read_only}));
  };
  const std::string head = "state directory " + directory.path() + " is not ours: it belongs to ";
  const std::string tail = ": set another state.directory, or move this one away";

  EXPECT_EQ(with({"x", "g", "c"}, false), head + "topology \"t\", not \"x\"" + tail);
  EXPECT_EQ(with({"t", "x", "c"}, false), head + "group \"g\", not \"x\"" + tail);
  EXPECT_EQ(with({"t", "g", "x"}, false), head + "cluster \"c\", not \"x\"" + tail);
  EXPECT_EQ(with({"t", "g", ""}, false), head + "cluster \"c\", not \"\"" + tail);
  EXPECT_EQ(with({"t", "g", ""}, true), "") << "a reader may not know the cluster";
  EXPECT_EQ(with({"t", "g", "c"}, false), "");
}

TEST(RocksDbProfileStore, RefusesADirectoryThatHoldsSomethingElse) {
  TemporaryDirectory directory;
  std::ofstream(directory.path() + "/thesis.tex") << "x";

  EXPECT_EQ(
      refusal(open(directory.path()))
          .rfind("state directory " + directory.path() + " holds thesis.tex but no CURRENT", 0),
      0U);
  EXPECT_TRUE(fs::exists(directory.path() + "/thesis.tex"));
}

TEST(RocksDbProfileStore, RefusesADirectoryThatLostItsCurrentFile) {
  TemporaryDirectory directory;
  fill(directory.path());
  fs::remove(directory.path() + "/CURRENT");

  const std::string message = refusal(open(directory.path()));

  EXPECT_NE(message.find("but no CURRENT"), std::string::npos) << message;
  EXPECT_TRUE(fs::exists(file_ending(directory.path(), ".sst"))) << "nothing was deleted";
}

TEST(RocksDbProfileStore, NamesATruncatedOrMissingFile) {
  TemporaryDirectory directory;
  fill(directory.path());
  const std::string table = file_ending(directory.path(), ".sst");
  fs::resize_file(table, fs::file_size(table) - 1);

  const std::string truncated = refusal(open(directory.path()));
  fs::remove(table);
  const std::string missing = refusal(open(directory.path()));

  for (const std::string& message : {truncated, missing}) {
    EXPECT_NE(message.find(fs::path(table).filename().string()), std::string::npos) << message;
    EXPECT_NE(message.find("is damaged"), std::string::npos) << message;
    EXPECT_NE(message.find("move the directory away"), std::string::npos) << message;
  }
}

TEST(RocksDbProfileStore, NamesACorruptedManifestOrCurrent) {
  TemporaryDirectory directory;
  fill(directory.path());
  std::ofstream(directory.path() + "/CURRENT") << "nonsense";

  const std::string message = refusal(open(directory.path()));

  EXPECT_NE(message.find("CURRENT"), std::string::npos) << message;
  EXPECT_NE(message.find("move the directory away"), std::string::npos) << message;
}

TEST(RocksDbProfileStore, NamesACorruptedBlockWhenItIsRead) {
  TemporaryDirectory directory;
  fill(directory.path());
  const std::string table = file_ending(directory.path(), ".sst");
  {
    std::fstream file(table, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(fs::file_size(table) / 8));
    file << std::string(64, 'x');
  }
  std::string message;
  auto store = open(directory.path());
  if (!store) {
    message = store.error().message;
  } else {
    const Result<void> walked =
        (*store)->for_each([](Partition, const UserId&, const Profile&) { return Result<void>(); });
    ASSERT_FALSE(walked);
    EXPECT_EQ(walked.error().disposition, Disposition::kStop);
    message = walked.error().message;
  }

  EXPECT_NE(message.find(fs::path(table).filename().string()), std::string::npos) << message;
}

TEST(RocksDbProfileStore, SaysThatADirectoryCannotBeMade) {
  TemporaryDirectory directory;
  std::ofstream(directory.path() + "/file") << "x";

  EXPECT_EQ(
      refusal(open(directory.path() + "/file/state")),
      "state directory " + directory.path() + "/file/state cannot be created: Not a directory");
}

TEST(RocksDbProfileStore, RefusesABudgetItCannotKeep) {
  TemporaryDirectory directory;
  const auto store =
      open_rocksdb_profile_store({directory.path(), kStamp, kMemoryBytesMin - 1, false});

  EXPECT_EQ(refusal(store),
            "memory budget of the store is 16777215 bytes, at least 16777216 are needed");
}

TEST(RocksDbProfileStore, ServesAStateLargerThanItsBudget) {
  TemporaryDirectory directory;
  auto store = open(directory.path());
  ASSERT_TRUE(store);
  Generator generate(test_seed());
  constexpr int kUsers = 20'000;  // 2 KB each, 40 MB in all, against 16 MB
  const auto user = [](int i) { return UserId{"user " + std::to_string(i)}; };
  const auto profile = [&](int i) {
    Profile made;
    made.behaviour.applied = i;
    Generator numbers(static_cast<std::uint64_t>(i));
    for (int n = 0; n < 250; ++n) made.behaviour.recent_event_ids.push_back(numbers.bits());
    return made;
  };
  for (int i = 0; i < kUsers; i += 100) {
    StoreBatch batch;
    for (int n = i; n < i + 100; ++n) batch.profiles.push_back({0, user(n), profile(n)});
    ASSERT_TRUE((*store)->apply(batch));
  }
  for (int round = 0; round < 40; ++round) {
    std::vector<UserId> users;
    std::vector<int> numbers;
    for (int n = 0; n < 500; ++n) {
      numbers.push_back(static_cast<int>(generate.below(kUsers)));
      users.push_back(user(numbers.back()));
    }
    auto profiles = (*store)->get(0, users);
    ASSERT_TRUE(profiles) << profiles.error().message;
    for (std::size_t n = 0; n < users.size(); n += 50) {
      ASSERT_EQ((*profiles)[n], profile(numbers[n]));
    }
  }
}

}  // namespace
}  // namespace fovea::profile_store
