#include "ingest/file_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace fovea::ingest {
namespace {

constexpr std::size_t kReadBytes = 256 * 1024;
constexpr std::size_t kLineBytesMax = 1024 * 1024;

class FileSource final : public Source {
 public:
  FileSource(int descriptor, std::string path, std::string topic)
      : descriptor_(descriptor), path_(std::move(path)), topic_(std::move(topic)) {}
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;
  ~FileSource() override {
    if (descriptor_ != STDIN_FILENO) ::close(descriptor_);
  }

  Result<void> poll(std::vector<SourceRecord>& out, std::size_t records_max,
                    std::chrono::milliseconds timeout) override {
    if (paused_) return {};
    const std::size_t before = out.size();
    while (out.size() - before < records_max) {
      if (take_line(out)) continue;
      if (end_of_file_) {
        take_last_line(out);
        break;
      }
      // What is at hand is worth more than a full batch.
      const auto wait = out.size() > before ? std::chrono::milliseconds{0} : timeout;
      const auto ready = read_more(wait);
      if (!ready) return ready.error();
      if (!*ready) break;
    }
    return {};
  }

  Result<void> commit(const std::vector<TopicPosition>&) override { return {}; }

  void pause(const std::vector<TopicPartition>& partitions) override {
    if (ours(partitions)) paused_ = true;
  }
  void resume(const std::vector<TopicPartition>& partitions) override {
    if (ours(partitions)) paused_ = false;
  }

  [[nodiscard]] bool finished() const override {
    return end_of_file_ && line_.empty() && at_ == bytes_.size();
  }

 private:
  [[nodiscard]] bool ours(const std::vector<TopicPartition>& partitions) const {
    return std::any_of(partitions.begin(), partitions.end(), [&](const TopicPartition& partition) {
      return partition.topic == topic_ && partition.partition == 0;
    });
  }

  // Moves bytes up to the next newline into the line; emits it and says true if there was one.
  bool take_line(std::vector<SourceRecord>& out) {
    if (at_ == bytes_.size()) return false;
    const char* const start = bytes_.data() + at_;
    const std::size_t left = bytes_.size() - at_;
    const void* const newline = std::memchr(start, '\n', left);
    const std::size_t length =
        newline == nullptr ? left
                           : static_cast<std::size_t>(static_cast<const char*>(newline) - start);
    line_.append(start, std::min(length, kLineBytesMax - line_.size()));
    at_ += length;
    if (newline == nullptr) return false;
    ++at_;
    emit(out);
    return true;
  }

  void take_last_line(std::vector<SourceRecord>& out) {
    if (!line_.empty()) emit(out);
  }

  void emit(std::vector<SourceRecord>& out) {
    if (!line_.empty() && line_.back() == '\r') line_.pop_back();
    const Offset offset = line_number_++;
    if (line_.empty()) return;
    SourceRecord& record = out.emplace_back();
    record.topic = topic_;
    record.offset = offset;
    record.record_time = kNoRecordTime;
    record.value = std::move(line_);
    line_.clear();
  }

  // False when nothing came within `timeout`.
  Result<bool> read_more(std::chrono::milliseconds timeout) {
    pollfd waiting{descriptor_, POLLIN, 0};
    const auto wait_ms = std::clamp<std::int64_t>(timeout.count(), 0, 3'600'000);
    const int ready = ::poll(&waiting, 1, static_cast<int>(wait_ms));
    if (ready == 0 || (ready < 0 && errno == EINTR)) return false;
    bytes_.resize(kReadBytes);
    at_ = 0;
    const ssize_t count = ::read(descriptor_, bytes_.data(), bytes_.size());
    if (count < 0) {
      const int error = errno;
      bytes_.clear();
      if (error == EINTR || error == EAGAIN) return false;
      return stop(fmt::format("{}: {}", path_, std::strerror(error)));
    }
    bytes_.resize(static_cast<std::size_t>(count));
    if (count == 0) end_of_file_ = true;
    return true;
  }

  int descriptor_;
  std::string path_;
  std::string topic_;
  std::string bytes_;  // as read; consumed up to at_
  std::size_t at_ = 0;
  std::string line_;  // the line being put together
  Offset line_number_ = 0;
  bool end_of_file_ = false;
  bool paused_ = false;
};

}  // namespace

Result<std::unique_ptr<Source>> open_file_source(const std::string& path,
                                                 const std::string& topic) {
  int descriptor = STDIN_FILENO;
  if (path != "-") descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return stop(fmt::format("{}: {}", path, std::strerror(errno)));
  struct stat status {};
  if (::fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode)) {
    ::close(descriptor);
    return stop(fmt::format("{}: is a directory", path));
  }
  return std::unique_ptr<Source>(std::make_unique<FileSource>(descriptor, path, topic));
}

}  // namespace fovea::ingest
