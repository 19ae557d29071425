#include "ingest/file_sink.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "ingest/dead_letter.h"
#include "ingest/json_writer.h"

namespace fovea::ingest {
namespace {

constexpr std::size_t kBufferBytes = 256 * 1024;

// One open file and what is not yet written to it.
struct OutputFile {
  OutputFile(int opened, std::string named) : descriptor(opened), path(std::move(named)) {}
  OutputFile(OutputFile&& other) noexcept
      : descriptor(std::exchange(other.descriptor, -1)),
        path(std::move(other.path)),
        pending(std::move(other.pending)) {}
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile() {
    if (descriptor < 0) return;
    (void)write_pending();
    if (descriptor != STDOUT_FILENO) ::close(descriptor);
  }

  Result<void> write_pending() {
    std::size_t written = 0;
    while (written < pending.size()) {
      const ssize_t count = ::write(descriptor, pending.data() + written, pending.size() - written);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) {
        const int error = errno;
        // What is written stays written: a second try goes on, it does not repeat.
        pending.erase(0, written);
        return stop(fmt::format("{}: {}", path, std::strerror(error)));
      }
      written += static_cast<std::size_t>(count);
    }
    pending.clear();
    return {};
  }

  int descriptor;
  std::string path;
  std::string pending;
};

std::string dead_letter_line(const OutputRecord& record) {
  std::string line = "{\"headers\":{";
  for (std::size_t i = 0; i < record.headers.size(); ++i) {
    if (i > 0) line += ',';
    append_json_string(line, record.headers[i].first);
    line += ':';
    append_json_string(line, record.headers[i].second);
  }
  line += '}';
  if (record.key) {
    line += ",\"key\":";
    append_json_string(line, *record.key);
  }
  if (record.value) {
    line += ",\"value\":";
    append_json_string(line, *record.value);
  }
  line += '}';
  return line;
}

class FileSink final : public Sink {
 public:
  explicit FileSink(std::map<std::string, OutputFile> files) : files_(std::move(files)) {}

  Result<void> append(const OutputRecord& record) override {
    ++appended_[{record.topic, record.partition.value_or(0)}];
    const auto at = files_.find(record.topic);
    if (at == files_.end()) return {};
    OutputFile& file = at->second;
    if (is_dead_letter(record)) {
      file.pending += dead_letter_line(record);
    } else if (record.value) {
      const std::size_t start = file.pending.size();
      file.pending += *record.value;
      std::replace(file.pending.begin() + static_cast<std::ptrdiff_t>(start), file.pending.end(),
                   '\n', ' ');
    } else {
      return {};
    }
    file.pending += '\n';
    if (file.pending.size() >= kBufferBytes) return file.write_pending();
    return {};
  }

  Result<void> flush(std::chrono::milliseconds) override {
    for (auto& [topic, file] : files_) {
      if (auto written = file.write_pending(); !written) return written;
    }
    for (const auto& [at, count] : appended_) delivered_[at] = count;
    return {};
  }

  [[nodiscard]] std::optional<Offset> delivered_next(const TopicPartition& at) const override {
    const auto found = delivered_.find(at);
    if (found == delivered_.end()) return std::nullopt;
    return found->second;
  }

 private:
  std::map<std::string, OutputFile> files_;
  std::map<TopicPartition, Offset> appended_;
  std::map<TopicPartition, Offset> delivered_;
};

}  // namespace

Result<std::unique_ptr<Sink>> open_file_sink(const std::map<std::string, std::string>& paths) {
  std::map<std::string, OutputFile> files;
  for (const auto& [topic, path] : paths) {
    int descriptor = STDOUT_FILENO;
    if (path != "-") {
      descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    }
    if (descriptor < 0) return stop(fmt::format("{}: {}", path, std::strerror(errno)));
    files.emplace(topic, OutputFile(descriptor, path));
  }
  return std::unique_ptr<Sink>(std::make_unique<FileSink>(std::move(files)));
}

}  // namespace fovea::ingest
