#include "topologies/snapshot_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace fovea::topologies {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "snapshot-";
constexpr std::string_view kSuffix = ".fvm";
constexpr std::size_t kKept = 2;

std::optional<Offset> position_of(std::string_view name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  name.remove_suffix(kSuffix.size());
  Offset position = kNoOffset;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), position);
  if (error != std::errc() || end != name.data() + name.size() || position < 0) return std::nullopt;
  return position;
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

}  // namespace

Result<std::vector<SnapshotFile>> list_snapshots(const std::string& directory) {
  std::vector<SnapshotFile> files;
  std::error_code error;
  fs::directory_iterator entries(directory, error);
  if (error == std::errc::no_such_file_or_directory) return files;
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    if (const auto position = position_of(entries->path().filename().string())) {
      files.push_back({entries->path().string(), *position});
    }
  }
  if (error) return stop(directory + ": " + error.message());
  std::sort(files.begin(), files.end(),
            [](const SnapshotFile& a, const SnapshotFile& b) { return a.position > b.position; });
  return files;
}

std::optional<SnapshotFile> newest_snapshot(const std::string& directory) {
  const auto files = list_snapshots(directory);
  if (!files || files->empty()) return std::nullopt;
  return files->front();
}

Result<void> write_snapshot(const std::string& directory, Offset position, std::string_view bytes) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return stop(directory + ": " + error.message());

  const std::string path = fmt::format("{}/{}{:020}{}", directory, kPrefix, position, kSuffix);
  const std::string unfinished = path + ".tmp";
  if (auto written = write_synced(unfinished, bytes); !written) {
    fs::remove(unfinished, error);
    return written;
  }
  fs::rename(unfinished, path, error);
  if (error) return stop(path + ": " + error.message());
  if (auto synced = sync_directory(directory); !synced) return synced;

  const auto files = list_snapshots(directory);
  if (!files) return files.error();
  for (std::size_t i = kKept; i < files->size(); ++i) fs::remove((*files)[i].path, error);
  return {};
}

Result<std::string> read_snapshot(const SnapshotFile& file) {
  std::ifstream in(file.path, std::ios::binary);
  if (!in) return system_error(file.path);
  std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (in.bad()) return system_error(file.path);
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
    const auto bytes = read_snapshot(file);
    const auto restored = bytes ? learner.restore(*bytes) : Result<void>(bytes.error());
    if (restored) return file;
    say(fmt::format("{} is not used: {}", file.path, restored.error().message));
  }
  return std::nullopt;
}

}  // namespace fovea::topologies
