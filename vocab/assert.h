#pragma once

// States what must be true. Always on: a broken invariant stops the process before it can spread.

#include <cstdio>
#include <cstdlib>

#define FOVEA_ASSERT(condition)                                                              \
  do {                                                                                       \
    if (!(condition)) [[unlikely]] {                                                         \
      std::fprintf(stderr, "%s:%d: broken invariant: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                          \
    }                                                                                        \
  } while (false)
