// Compiled for the oldest x86-64, see CMakeLists.txt: this must run where nothing else does.

#include "topologies/processor.h"

#include <cstdio>
#include <cstdlib>

namespace fovea::topologies {

const char* processor_problem() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
      !__builtin_cpu_supports("bmi2")) {
    return "this processor lacks AVX2, FMA or BMI2, which fovea is built for (x86-64-v3, Intel "
           "Haswell or AMD Excavator and later); build it with -DFOVEA_ARCH=x86-64 to run here";
  }
#endif
  return nullptr;
}

// Before every other constructor of the program: those are built for the newer processor, too.
[[gnu::constructor(101)]] static void refuse_processor() {
  const char* const problem = processor_problem();
  if (problem == nullptr) return;
  std::fprintf(stderr, "fovea: %s\n", problem);
  std::_Exit(1);
}

}  // namespace fovea::topologies
