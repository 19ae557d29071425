// A time is not made of a bare number by accident.
// Expected: cannot convert|no viable conversion|cannot initialize
#include "vocab/ids.h"

int main() {
  const std::int64_t now = 1000;
#ifdef MUST_NOT_COMPILE
  const fovea::TimeMs time = now;
#else
  const fovea::TimeMs time{now};
#endif
  return fovea::value(time) == now ? 0 : 1;
}
