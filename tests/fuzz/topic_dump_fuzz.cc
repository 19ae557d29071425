// Any bytes as a file of `kcat -C -J`, read from a file without a name. Records that are visited
// have the coordinates that a topic can have.

#include "ingest/topic_dump.h"

#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "tests/fuzz/target.h"
#include "vocab/assert.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fovea;
  static const int file = memfd_create("dump", MFD_CLOEXEC);
  FOVEA_ASSERT(file >= 0 && ftruncate(file, 0) == 0);
  FOVEA_ASSERT(pwrite(file, data, size, 0) == static_cast<ssize_t>(size));
  std::size_t records = 0;
  const auto read =
      ingest::read_topic_dump("/proc/self/fd/" + std::to_string(file),
                              [&](const ingest::SourceRecord& record) -> Result<void> {
                                FOVEA_ASSERT(record.partition >= 0 && record.offset >= 0);
                                ++records;
                                return {};
                              });
  if (!read) FOVEA_ASSERT(read.error().disposition == Disposition::kStop);
  FOVEA_ASSERT(records <= size);
  return 0;
}
