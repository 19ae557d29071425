#include "profile_store/state_directory.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "profile_store/state_keys.h"

namespace fovea::profile_store {
namespace {

namespace fs = std::filesystem;

// What RocksDB may have left behind when it was stopped before it wrote its first CURRENT.
bool is_left_by_an_unfinished_start(const std::string& file) {
  return file == "LOCK" || file == "IDENTITY" || file.rfind("LOG", 0) == 0 ||
         file.rfind("OPTIONS-", 0) == 0 || file == "MANIFEST-000001" || file == "000001.dbtmp";
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// One line, without RocksDB's own trailing stop.
std::string one_line(std::string_view status) {
  std::string line(status);
  std::replace(line.begin(), line.end(), '\n', ' ');
  // A missing table is named by the oldest spelling that RocksDB tried.
  if (const std::size_t ending = line.find(".ldb"); ending != std::string::npos) {
    line.replace(ending, 4, ".sst");
  }
  while (!line.empty() && (line.back() == ' ' || line.back() == '.')) line.pop_back();
  return line;
}

constexpr std::string_view kLoad = "load-";

constexpr std::string_view kMoveAway =
    "move the directory away and start again: profiles are restored from the changelog topic";

}  // namespace

struct StateDirectory::Scratch {
  explicit Scratch(std::string path_in) : path(std::move(path_in)) {}
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;  // a leftover in the temporary directory harms nobody
    fs::remove_all(path, ignored);
  }
  std::string path;
};

Result<StateDirectory> StateDirectory::prepare(const std::string& path, bool read_only) {
  std::error_code failure;
  if (!read_only) fs::create_directories(path, failure);
  if (failure) {
    return stop("state directory " + path + " cannot be created: " + failure.message());
  }

  bool has_current = false;
  std::string stranger;
  fs::directory_iterator at(path, failure);
  for (; !failure && at != fs::directory_iterator(); at.increment(failure)) {
    const std::string file = at->path().filename();
    if (file == "CURRENT") has_current = true;
    if (!is_left_by_an_unfinished_start(file)) stranger = std::max(stranger, file);
  }
  if (failure) return stop("state directory " + path + " cannot be read: " + failure.message());
  if (!has_current && read_only) {
    return stop("state directory " + path + " holds no profiles: CURRENT is missing");
  }
  if (!has_current && !stranger.empty()) {
    return stop("state directory " + path + " holds " + stranger +
                " but no CURRENT: name an empty directory, or " + std::string(kMoveAway));
  }

  std::shared_ptr<Scratch> scratch;
  if (read_only) {
    std::string pattern = (fs::temp_directory_path(failure) / "fovea-follower-XXXXXX").string();
    if (failure || mkdtemp(pattern.data()) == nullptr) {
      return stop("temporary directory " + pattern + " cannot be created");
    }
    scratch = std::make_shared<Scratch>(pattern);
  }
  return StateDirectory(path, std::move(scratch));
}

std::string StateDirectory::scratch() const {
  return scratch_ ? scratch_->path : std::string();
}

std::vector<std::string> StateDirectory::tables() const {
  std::vector<std::string> paths;
  std::error_code ignored;  // what cannot be listed cannot be blamed
  for (fs::directory_iterator at(path_, ignored); at != fs::directory_iterator();
       at.increment(ignored)) {
    if (at->path().extension() != ".sst") continue;
    if (at->path().filename().string().starts_with(kLoad)) continue;  // not the store's yet
    paths.push_back(at->path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string StateDirectory::load_file(Partition partition) const {
  return path_ + "/" + std::string(kLoad) + std::to_string(partition) + ".sst";
}

void StateDirectory::remove_load_files() const {
  std::vector<fs::path> left;
  std::error_code ignored;  // the next of that partition tries again, and says so
  for (fs::directory_iterator at(path_, ignored); at != fs::directory_iterator();
       at.increment(ignored)) {
    if (at->path().filename().string().starts_with(kLoad)) left.push_back(at->path());
  }
  for (const fs::path& path : left) fs::remove(path, ignored);
}

Error StateDirectory::error(std::string_view status) const {
  const std::string said = one_line(status);
  if (contains(said, "lock file") || contains(said, "/LOCK")) {
    if (contains(said, "Permission denied")) {
      return stop("state directory " + path_ + " is not writable: " + said);
    }
    return stop("state directory " + path_ + " is in use: " + path_ +
                "/LOCK is held by a running process: stop it, or set another state.directory");
  }
  if (contains(said, "No space left")) return write_error(status);
  return stop("state directory " + path_ + " is damaged (" + said + "): " + std::string(kMoveAway));
}

Error StateDirectory::write_error(std::string_view status) const {
  const std::string said = one_line(status);
  const std::string_view what =
      contains(said, "No space left") ? " is on a full disk (" : " cannot be written (";
  return stop("state directory " + path_ + std::string(what) + said +
              "): make room and start again: nothing is lost, the input is read again from where "
              "the store stands");
}

Error StateDirectory::foreign(std::string_view why) const {
  return stop("state directory " + path_ + " is not ours: " + std::string(why) +
              ": set another state.directory, or move this one away");
}

Result<void> StateDirectory::check_stamp(std::string_view stored, const StateStamp& asked,
                                         bool lenient) const {
  const std::optional<StateStamp> stamp = decode_stamp(stored);
  if (!stamp) return foreign("its state stamp was written by a newer version");
  const std::pair<const char*, std::string StateStamp::*> fields[] = {
      {"topology", &StateStamp::topology},
      {"group", &StateStamp::group_id},
      {"cluster", &StateStamp::cluster_id}};
  for (const auto& [what, field] : fields) {
    const std::string& wanted = asked.*field;
    if (wanted == (*stamp).*field || (lenient && wanted.empty())) continue;
    return foreign("it belongs to " + std::string(what) + " \"" + (*stamp).*field + "\", not \"" +
                   wanted + "\"");
  }
  return {};
}

}  // namespace fovea::profile_store
