// An item's key is not a user's, and neither is a number.
// Expected: cannot convert|no viable conversion|cannot initialize
#include "vocab/ids.h"

int main() {
  const fovea::UserKey user{7};
#ifdef MUST_NOT_COMPILE
  const fovea::ItemKey item = user;
#else
  const fovea::ItemKey item{7};
#endif
  return fovea::value(item) == fovea::value(user) ? 0 : 1;
}
