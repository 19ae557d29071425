// A Result that nobody looks at is a failure lost.
// Expected: nodiscard
#include "vocab/result.h"

static fovea::Result<int> read() {
  return 7;
}

int main() {
#ifdef MUST_NOT_COMPILE
  read();
  return 0;
#else
  return read() ? 0 : 1;
#endif
}
