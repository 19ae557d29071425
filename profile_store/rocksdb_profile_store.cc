#include "profile_store/rocksdb_profile_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/statistics.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <limits>
#include <system_error>
#include <thread>
#include <utility>

#include "profile_store/profile_codec.h"
#include "profile_store/state_directory.h"
#include "profile_store/state_keys.h"
#include "vocab/assert.h"

namespace fovea::profile_store {
namespace {

rocksdb::CompressionType first_supported(std::initializer_list<rocksdb::CompressionType> wanted) {
  const std::vector<rocksdb::CompressionType> supported = rocksdb::GetSupportedCompressions();
  for (const rocksdb::CompressionType type : wanted) {
    if (std::find(supported.begin(), supported.end(), type) != supported.end()) return type;
  }
  return rocksdb::kNoCompression;
}

// The budget holds because everything is charged to one cache that refuses to grow: data blocks,
// indexes and filters live in it, and the write buffers, two of an eighth of the budget each, are
// charged to it by the write-buffer manager.
rocksdb::Options make_options(const RocksDbSettings& settings) {
  rocksdb::LRUCacheOptions cache_options;
  cache_options.capacity = settings.memory_bytes;
  cache_options.strict_capacity_limit = true;
  // The limit is kept by shard; with few shards no one of them is full while others have room.
  cache_options.num_shard_bits = 1;
  const std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(cache_options);

  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.block_size = std::size_t{16} << 10U;
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  // Partitioned, so that a large state pages its index and filters instead of pinning them whole.
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;

  rocksdb::Options options;
  options.create_if_missing = true;
  options.paranoid_checks = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.write_buffer_manager =
      std::make_shared<rocksdb::WriteBufferManager>(settings.memory_bytes / 4, cache);
  options.write_buffer_size = settings.memory_bytes / 8;
  options.max_write_buffer_number = 2;
  // Who is new is told from a filter of the memtable, too: a backfill meets many. Some
  // 17 bits a profile of a hundred bytes.
  options.memtable_whole_key_filtering = true;
  options.memtable_prefix_bloom_size_ratio = 0.02;
  options.level_compaction_dynamic_level_bytes = true;
  options.compression = first_supported({rocksdb::kLZ4Compression, rocksdb::kSnappyCompression});
  options.bottommost_compression =
      first_supported({rocksdb::kZSTD, rocksdb::kLZ4Compression, rocksdb::kSnappyCompression});
  options.max_background_jobs = 2;
  // A tail torn by a power cut is dropped: profiles and positions go back together.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.keep_log_file_num = 2;
  options.max_log_file_size = std::size_t{1} << 20U;
  options.stats_dump_period_sec = 0;
  // Counters by core, no timers: what the timers cost would be seen.
  options.statistics = rocksdb::CreateDBStatistics();
  options.statistics->set_stats_level(rocksdb::StatsLevel::kExceptHistogramOrTimers);
  // A follower must keep every file open: the owner deletes what it no longer needs.
  options.max_open_files = settings.read_only ? -1 : 512;
  return options;
}

// RocksDB blames the manifest that lists a truncated table, not the table. This finds the table.
std::string blame(const rocksdb::Options& options, const StateDirectory& directory,
                  const rocksdb::Status& status) {
  std::string said = status.ToString();
  if (!status.IsCorruption()) return said;
  for (const std::string& table : directory.tables()) {
    rocksdb::SstFileReader reader(options);
    const rocksdb::Status readable = reader.Open(table);
    if (!readable.ok()) return table + ": " + readable.ToString();
  }
  return said;
}

class RocksDbProfileStore final : public ProfileStore {
 public:
  RocksDbProfileStore(StateDirectory directory, std::unique_ptr<rocksdb::DB> db, bool read_only)
      : directory_(std::move(directory)), db_(std::move(db)), read_only_(read_only) {}

  Result<std::vector<std::optional<Profile>>> get(Partition partition,
                                                  const std::vector<UserId>& users) override {
    if (Result<void> caught_up = catch_up(); !caught_up) return caught_up.error();
    std::vector<std::string> keys;
    keys.reserve(users.size());
    for (const UserId& user : users) keys.push_back(profile_key(partition, user));
    const std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
    std::vector<rocksdb::PinnableSlice> values(users.size());
    std::vector<rocksdb::Status> statuses(users.size());
    db_->MultiGet(rocksdb::ReadOptions(), db_->DefaultColumnFamily(), slices.size(), slices.data(),
                  values.data(), statuses.data(), std::is_sorted(keys.begin(), keys.end()));

    std::vector<std::optional<Profile>> answers;
    answers.reserve(users.size());
    for (std::size_t i = 0; i < users.size(); ++i) {
      if (statuses[i].IsNotFound()) {
        answers.emplace_back();
        continue;
      }
      if (!statuses[i].ok()) return directory_.error(statuses[i].ToString());
      Result<Profile> profile = decode(partition, users[i], values[i]);
      if (!profile) return profile.error();
      answers.emplace_back(*std::move(profile));
    }
    return answers;
  }

  Result<void> apply(const StoreBatch& batch) override {
    if (read_only_) return stop("state directory " + directory_.path() + " is open read-only");
    rocksdb::WriteBatch writes;
    for (const Partition partition : batch.cleared) {
      const KeyRange all = partition_range(partition);
      const rocksdb::Status status = writes.DeleteRange(all.first, all.end);
      FOVEA_ASSERT(status.ok());
    }
    for (const ProfileWrite& write : batch.profiles) {
      const std::string key = profile_key(write.partition, write.user);
      const rocksdb::Status status =
          write.profile ? writes.Put(key, encode_profile(*write.profile)) : writes.Delete(key);
      FOVEA_ASSERT(status.ok());
    }
    for (const auto& [partition, user, bytes] : batch.encoded) {
      const std::string key = profile_key(partition, user);
      const rocksdb::Status status = bytes ? writes.Put(key, *bytes) : writes.Delete(key);
      FOVEA_ASSERT(status.ok());
    }
    for (const auto& [partition, positions] : batch.positions) {
      const rocksdb::Status status =
          writes.Put(positions_key(partition), encode_positions(positions));
      FOVEA_ASSERT(status.ok());
    }
    const rocksdb::Status status = db_->Write(rocksdb::WriteOptions(), &writes);
    if (!status.ok()) return directory_.write_error(status.ToString());
    return {};
  }

  // As a table of its own, which neither the log nor a write buffer sees.
  Result<void> load(const StoreBatch& batch) override {
    if (read_only_) return stop("state directory " + directory_.path() + " is open read-only");
    FOVEA_ASSERT(batch.cleared.empty() && batch.profiles.empty() && batch.positions.empty());
    if (batch.encoded.empty()) return {};
    // One task owns a partition.
    const std::string path = directory_.load_file(batch.encoded.front().partition);
    std::error_code failed;
    std::filesystem::remove(path, failed);  // it may be another name of a table that is in use
    if (failed) return directory_.write_error(path + ": " + failed.message());
    rocksdb::Status status = write_table(batch.encoded, path);
    if (status.ok()) {
      wait_for_compaction();
      rocksdb::IngestExternalFileOptions options;
      options.move_files = true;
      options.write_global_seqno = false;  // the manifest has it
      status = db_->IngestExternalFile({path}, options);
    }
    if (status.ok()) return {};
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    return directory_.write_error(status.ToString());
  }

  Result<std::optional<PartitionPositions>> positions(Partition partition) override {
    if (Result<void> caught_up = catch_up(); !caught_up) return caught_up.error();
    std::string bytes;
    const rocksdb::Status status =
        db_->Get(rocksdb::ReadOptions(), positions_key(partition), &bytes);
    if (status.IsNotFound()) return std::optional<PartitionPositions>();
    if (!status.ok()) return directory_.error(status.ToString());
    std::optional<PartitionPositions> positions = decode_positions(bytes);
    if (!positions) {
      return directory_.error("positions of partition " + std::to_string(partition) +
                              " do not decode");
    }
    return positions;
  }

  Result<std::vector<Partition>> partitions() override {
    if (Result<void> caught_up = catch_up(); !caught_up) return caught_up.error();
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(rocksdb::ReadOptions()));
    std::vector<Partition> found;
    // Of a partition's keys its positions come first.
    for (at->Seek(positions_key(0)); at->Valid();) {
      const std::optional<Partition> partition = partition_of_key(at->key().ToStringView());
      if (!partition) break;
      found.push_back(*partition);
      if (*partition == std::numeric_limits<Partition>::max()) break;
      at->Seek(positions_key(*partition + 1));
    }
    if (!at->status().ok()) return directory_.error(at->status().ToString());
    return found;
  }

  Result<void> for_each(const Visitor& visitor) override {
    if (Result<void> caught_up = catch_up(); !caught_up) return caught_up;
    rocksdb::ReadOptions options;
    options.fill_cache = false;  // a walk must not push out what is in use
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(options));
    for (at->SeekToFirst(); at->Valid(); at->Next()) {
      const std::optional<ProfileKey> key = parse_profile_key(at->key().ToStringView());
      if (!key) continue;
      Result<Profile> profile = decode(key->partition, key->user, at->value());
      if (!profile) return profile.error();
      if (Result<void> visited = visitor(key->partition, key->user, *profile); !visited) {
        return visited;
      }
    }
    if (!at->status().ok()) return directory_.error(at->status().ToString());
    return {};
  }

  [[nodiscard]] std::optional<StoreStatistics> statistics() const override {
    using Properties = rocksdb::DB::Properties;
    const auto property = [this](const std::string& name) {
      std::uint64_t value = 0;
      return db_->GetIntProperty(name, &value) ? value : 0;
    };
    StoreStatistics now;
    now.block_cache_bytes = property(Properties::kBlockCacheUsage);
    now.block_cache_pinned_bytes = property(Properties::kBlockCachePinnedUsage);
    now.memtable_bytes = property(Properties::kCurSizeAllMemTables);
    now.live_data_bytes = property(Properties::kEstimateLiveDataSize);
    now.files_bytes = property(Properties::kTotalSstFilesSize);
    now.compaction_pending_bytes = property(Properties::kEstimatePendingCompactionBytes);
    now.keys = property(Properties::kEstimateNumKeys);
    const std::shared_ptr<rocksdb::Statistics> tickers = db_->GetDBOptions().statistics;
    if (tickers == nullptr) return now;
    now.block_cache_hits = tickers->getTickerCount(rocksdb::BLOCK_CACHE_HIT);
    now.block_cache_misses = tickers->getTickerCount(rocksdb::BLOCK_CACHE_MISS);
    now.written_bytes = tickers->getTickerCount(rocksdb::BYTES_WRITTEN);
    now.read_bytes = tickers->getTickerCount(rocksdb::BYTES_READ) +
                     tickers->getTickerCount(rocksdb::NUMBER_MULTIGET_BYTES_READ);
    now.compacted_bytes = tickers->getTickerCount(rocksdb::COMPACT_WRITE_BYTES);
    now.stall_us = tickers->getTickerCount(rocksdb::STALL_MICROS);
    return now;
  }

  // Reads the stamp, or writes it where the directory is new.
  Result<void> check_stamp(const StateStamp& asked) {
    std::string bytes;
    const rocksdb::Status status = db_->Get(rocksdb::ReadOptions(), stamp_key(), &bytes);
    if (status.ok()) return directory_.check_stamp(bytes, asked, read_only_);
    if (!status.IsNotFound()) return directory_.error(status.ToString());

    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(rocksdb::ReadOptions()));
    at->SeekToFirst();
    if (!at->status().ok()) return directory_.error(at->status().ToString());
    // The stamp is the first thing written, so a directory with anything else is not ours.
    if (at->Valid() || read_only_) return directory_.foreign("it has no state stamp");
    const rocksdb::Status written =
        db_->Put(rocksdb::WriteOptions(), stamp_key(), encode_stamp(asked));
    if (!written.ok()) return directory_.write_error(written.ToString());
    return {};
  }

 private:
  // Synced when it returns. Keys are in the order of their users.
  rocksdb::Status write_table(const std::vector<EncodedWrite>& writes, const std::string& path) {
    rocksdb::Options options = db_->GetOptions();
    options.bottommost_compression = rocksdb::kDisableCompressionOption;  // whoever compacts it
    rocksdb::SstFileWriter table(rocksdb::EnvOptions(), options, nullptr, false);
    rocksdb::Status status = table.Open(path);
    for (const auto& [partition, user, bytes] : writes) {
      if (!status.ok()) break;
      const std::string key = profile_key(partition, user);
      status = bytes ? table.Put(key, *bytes) : table.Delete(key);
    }
    return status.ok() ? table.Finish() : status;
  }

  // Tables come past the brake of those who write, and many would stop them: it is felt here.
  // No longer than this: where nothing is compacted any more, that is not what is said of it.
  void wait_for_compaction() const {
    constexpr std::chrono::seconds kMost{10};
    const auto most = static_cast<std::uint64_t>(db_->GetOptions().level0_slowdown_writes_trigger);
    const auto deadline = std::chrono::steady_clock::now() + kMost;
    std::uint64_t tables = 0;
    while (db_->GetIntProperty(rocksdb::DB::Properties::kNumFilesAtLevelPrefix + "0", &tables) &&
           tables >= most && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }

  Result<void> catch_up() {
    if (!read_only_) return {};
    const rocksdb::Status status = db_->TryCatchUpWithPrimary();
    if (!status.ok()) return directory_.error(status.ToString());
    return {};
  }

  Result<Profile> decode(Partition partition, const UserId& user,
                         const rocksdb::Slice& bytes) const {
    Result<Profile> profile = decode_profile(bytes.ToStringView());
    if (profile) return profile;
    return directory_.error("partition " + std::to_string(partition) + ", user \"" + user.value +
                            "\": " + profile.error().message);
  }

  StateDirectory directory_;
  std::unique_ptr<rocksdb::DB> db_;  // closed before the directory lets go of its scratch
  bool read_only_;
};

}  // namespace

Result<std::unique_ptr<ProfileStore>> open_rocksdb_profile_store(const RocksDbSettings& settings) {
  if (settings.memory_bytes < kMemoryBytesMin) {
    return stop("memory budget of the store is " + std::to_string(settings.memory_bytes) +
                " bytes, at least " + std::to_string(kMemoryBytesMin) + " are needed");
  }
  Result<StateDirectory> directory =
      StateDirectory::prepare(settings.directory, settings.read_only);
  if (!directory) return directory.error();

  const rocksdb::Options options = make_options(settings);
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status =
      settings.read_only
          ? rocksdb::DB::OpenAsSecondary(options, settings.directory, directory->scratch(), &opened)
          : rocksdb::DB::Open(options, settings.directory, &opened);
  std::unique_ptr<rocksdb::DB> db(opened);
  if (!status.ok()) return directory->error(blame(options, *directory, status));

  if (!settings.read_only) directory->remove_load_files();
  auto store = std::make_unique<RocksDbProfileStore>(*std::move(directory), std::move(db),
                                                     settings.read_only);
  if (Result<void> checked = store->check_stamp(settings.stamp); !checked) return checked.error();
  return std::unique_ptr<ProfileStore>(std::move(store));
}

}  // namespace fovea::profile_store
