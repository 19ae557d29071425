// A user's id is not taken for any string.
// Expected: invalid initialization|no matching function
#include "vocab/ids.h"

static bool known(const fovea::UserId& user) {
  return !user.value.empty();
}

int main() {
  const std::string text = "ann";
#ifdef MUST_NOT_COMPILE
  return known(text) ? 0 : 1;
#else
  return known(fovea::UserId{text}) ? 0 : 1;
#endif
}
