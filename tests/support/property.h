#pragma once

// A claim tried on many random inputs; of those that break it, the smallest is printed.
//
// rapidcheck draws the inputs and shrinks what fails. The seed is printed as FOVEA_SEED=N, which
// plays the same inputs again; RC_PARAMS="max_success=5000" tries more of them, and
// RC_PARAMS="reproduce=..." (printed on failure) goes straight to the smallest that failed.
//
// Source    QuickCheck: Claessen and Hughes, ICFP 2000.

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <utility>

namespace fovea {

// Hands FOVEA_SEED, or a new seed, to rapidcheck, which reads its environment once.
inline void seed_properties() {
  static const bool seeded = [] {
    const char* given = std::getenv("RC_PARAMS");
    std::string parameters = given != nullptr ? given : "";
    const bool has_its_own = parameters.find("seed=") != std::string::npos ||
                             parameters.find("reproduce=") != std::string::npos;
    if (has_its_own) return true;
    const char* text = std::getenv("FOVEA_SEED");
    const std::string seed =
        text != nullptr ? std::string(text) : std::to_string(std::random_device{}());
    std::cout << "FOVEA_SEED=" << seed << "\n";
    parameters += (parameters.empty() ? "seed=" : " seed=") + seed;
    return setenv("RC_PARAMS", parameters.c_str(), 1) == 0;
  }();
  ASSERT_TRUE(seeded);
}

// `property` takes generated values, or draws them with `*generator`, and uses RC_ASSERT.
template <class Property>
void expect_holds(Property&& property) {
  seed_properties();
  const auto* const test = testing::UnitTest::GetInstance()->current_test_info();
  EXPECT_TRUE(rc::check(std::string(test->test_suite_name()) + "." + test->name(),
                        std::forward<Property>(property)));
}

}  // namespace fovea
