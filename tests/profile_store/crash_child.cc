// Applies counting batches until it is killed, or until a write fails: prints that error, exits 3.
//
//   profile_store_crash_child DIR [FILE_BYTES_MAX]

#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "profile_store/rocksdb_profile_store.h"
#include "tests/profile_store/counting_batches.h"

namespace {

using namespace fovea;
using namespace fovea::profile_store;

int fail(const Error& error) {
  std::printf("%s\n", error.message.c_str());
  return 3;
}

}  // namespace

int main(int argc, char** argv) {
  auto store =
      open_rocksdb_profile_store({argv[1], {"t", "g", "c"}, std::size_t{16} << 20U, false});
  if (!store) return fail(store.error());
  if (argc > 2) {
    // A disk that fills up: writes beyond the limit fail with an error instead of a signal.
    const rlim_t bytes_max = std::strtoull(argv[2], nullptr, 10);
    const rlimit limit{bytes_max, bytes_max};
    std::signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
  }
  std::puts("open");
  std::fflush(stdout);

  Offset next[2] = {0, 0};
  for (Partition partition = 0; partition < 2; ++partition) {
    auto positions = (*store)->positions(partition);
    if (!positions) return fail(positions.error());
    if (*positions) next[partition] = (*positions)->input_next;
  }
  for (Offset round = 0;; ++round) {
    const Partition partition = static_cast<Partition>(round % 2);
    const Offset to = next[partition] + 1 + round * 7 % 23;
    const Result<void> applied = (*store)->apply(counting_batch(partition, next[partition], to));
    if (!applied) return fail(applied.error());
    next[partition] = to;
  }
}
