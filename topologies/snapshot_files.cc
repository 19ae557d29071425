#include "topologies/snapshot_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace fovea::topologies {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "snapshot-";
constexpr std::string_view kSuffix = ".fvm";
constexpr std::string_view kUnfinished = ".tmp";
constexpr std::size_t kKept = 2;
constexpr std::chrono::hours kForeignKept{7 * 24};

template <class T>
std::optional<T> number(std::string_view digits, int base) {
  T value{};
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::string name_of(const ModelStamp& stamp) {
  return fmt::format("{}{:016x}-{}-{:020}{}", kPrefix, stamp.model_id, stamp.lineage,
                     stamp.position, kSuffix);
}

std::optional<ModelStamp> stamp_of(const std::string& name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
  std::string_view rest = name;
  rest.remove_prefix(kPrefix.size());
  rest.remove_suffix(kSuffix.size());
  const auto first = rest.find('-');
  const auto second = rest.rfind('-');
  if (first == std::string_view::npos || first == second) return std::nullopt;
  const auto id = number<std::uint64_t>(rest.substr(0, first), 16);
  const auto lineage = number<std::uint32_t>(rest.substr(first + 1, second - first - 1), 10);
  const auto position = number<Offset>(rest.substr(second + 1), 10);
  if (!id || !lineage || !position || *position < 0) return std::nullopt;
  const ModelStamp stamp{*id, *lineage, *position};
  return name_of(stamp) == name ? std::optional(stamp) : std::nullopt;
}

bool same_model(const ModelStamp& a, const ModelStamp& b) {
  return a.model_id == b.model_id && scorer::same_arithmetic(a.lineage, b.lineage);
}

Error system_error(const std::string& path) {
  return stop(path + ": " + std::strerror(errno));
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return number_; }

 private:
  int number_;
};

Result<void> write_synced(const std::string& path, std::string_view bytes) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file.get() < 0) return system_error(path);
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_error(path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(file.get()) != 0) return system_error(path);
  return {};
}

// Without this a machine that loses power may come back without the new name.
Result<void> sync_directory(const std::string& path) {
  const Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || ::fsync(directory.get()) != 0) return system_error(path);
  return {};
}

void remove_unfinished(const std::string& directory) {
  std::error_code error;
  std::vector<fs::path> found;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name.starts_with(kPrefix) && name.ends_with(kUnfinished)) found.push_back(at->path());
  }
  for (const fs::path& path : found) fs::remove(path, error);
}

// Removes what the snapshot just written makes needless.
Result<void> prune(const std::string& directory, const ModelStamp& written) {
  remove_unfinished(directory);
  const auto files = list_snapshots(directory);
  if (!files) return files.error();
  std::error_code error;
  std::size_t own = 0;
  const SnapshotFile* foreign = nullptr;  // the latest written that may stay
  fs::file_time_type foreign_time = fs::file_time_type::clock::now() - kForeignKept;
  for (const SnapshotFile& file : *files) {
    if (same_model(file.stamp, written)) {
      if (++own > kKept) fs::remove(file.path, error);
      continue;
    }
    const auto time = fs::last_write_time(file.path, error);
    if (!error && time > foreign_time) {
      foreign = &file;
      foreign_time = time;
    }
  }
  for (const SnapshotFile& file : *files) {
    if (!same_model(file.stamp, written) && &file != foreign) fs::remove(file.path, error);
  }
  return {};
}

}  // namespace

Result<std::vector<SnapshotFile>> list_snapshots(const std::string& directory) {
  std::vector<SnapshotFile> files;
  std::error_code error;
  fs::directory_iterator entries(directory, error);
  if (error == std::errc::no_such_file_or_directory) return files;
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    if (const auto stamp = stamp_of(entries->path().filename().string())) {
      files.push_back({entries->path().string(), *stamp});
    }
  }
  if (error) return stop(directory + ": " + error.message());
  std::sort(files.begin(), files.end(), [](const SnapshotFile& a, const SnapshotFile& b) {
    return a.stamp.position != b.stamp.position ? a.stamp.position > b.stamp.position
                                                : a.path < b.path;
  });
  return files;
}

std::optional<SnapshotFile> newest_snapshot(const std::string& directory) {
  const auto files = list_snapshots(directory);
  if (!files || files->empty()) return std::nullopt;
  return files->front();
}

Result<SnapshotFile> write_snapshot(const std::string& directory, const ModelStamp& stamp,
                                    std::string_view bytes) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return stop(directory + ": " + error.message());

  const std::string path = directory + "/" + name_of(stamp);
  const std::string unfinished = path + std::string(kUnfinished);
  if (auto written = write_synced(unfinished, bytes); !written) {
    fs::remove(unfinished, error);
    return written.error();
  }
  fs::rename(unfinished, path, error);
  if (error) return stop(path + ": " + error.message());
  if (auto synced = sync_directory(directory); !synced) return synced.error();
  if (auto pruned = prune(directory, stamp); !pruned) return pruned.error();
  return SnapshotFile{path, stamp};
}

Result<void> remove_snapshots(const std::string& directory, const ModelStamp& model) {
  const auto files = list_snapshots(directory);
  if (!files) return files.error();
  for (const SnapshotFile& file : *files) {
    if (!same_model(file.stamp, model)) continue;
    std::error_code error;
    fs::remove(file.path, error);
    if (error) return stop(file.path + ": " + error.message());
  }
  return {};
}

SnapshotBytes::~SnapshotBytes() {
  if (size_ > 0) ::munmap(at_, size_);
}

Result<SnapshotBytes> read_snapshot(const SnapshotFile& file) {
  const Descriptor in(::open(file.path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (in.get() < 0 || ::fstat(in.get(), &status) != 0) return system_error(file.path);
  if (!S_ISREG(status.st_mode)) return stop(file.path + ": not a file");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return SnapshotBytes(nullptr, 0);
  void* const at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, in.get(), 0);
  if (at == MAP_FAILED) return system_error(file.path);
  SnapshotBytes bytes(at, size);
  // What the disk does not give is an error here, and would be a signal later. Linux before 5.14
  // cannot be asked.
  if (::madvise(at, size, MADV_POPULATE_READ) != 0 && errno != EINVAL) {
    return system_error(file.path);
  }
  return bytes;
}

std::optional<SnapshotFile> restore_newest(const std::string& directory, scorer::Learner& learner,
                                           const std::function<void(const std::string&)>& say) {
  const auto files = list_snapshots(directory);
  if (!files) {
    say(files.error().message);
    return std::nullopt;
  }
  for (const SnapshotFile& file : *files) {
    if (!same_model(file.stamp, learner.stamp())) continue;
    const auto bytes = read_snapshot(file);
    const auto restored = bytes ? learner.restore(bytes->view()) : Result<void>(bytes.error());
    if (restored) return file;
    say(fmt::format("{} is not used: {}", file.path, restored.error().message));
  }
  return std::nullopt;
}

}  // namespace fovea::topologies
