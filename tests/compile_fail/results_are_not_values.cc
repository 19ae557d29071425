// A Result is unwrapped where its failure was looked at, never by conversion.
// Expected: cannot convert|no viable conversion|cannot initialize
#include "vocab/result.h"

static fovea::Result<int> read() {
  return 7;
}

int main() {
  const auto got = read();
#ifdef MUST_NOT_COMPILE
  const int number = got;
#else
  const int number = got ? *got : 0;
#endif
  return number == 7 ? 0 : 1;
}
