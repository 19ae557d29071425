// Words of any text: a function of it, bounded, and local between ASCII separators.

#include "scorer/words.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/property.h"

namespace fovea::scorer {
namespace {

using Words = std::vector<std::string>;

// Bytes, many of them letters of real scripts and pieces of such.
rc::Gen<std::string> text() {
  const auto part = rc::gen::weightedOneOf<std::string>({
      {3, rc::gen::element<std::string>("É", "e\u0301", "ß", "ς", "ﬁ", "梦", "ー", "ｶﾞ", "한", "ก็",
                                        "क्षि", "كِ", "שׁ", "™", "\u00AD", "\u200B", "\u0301", "🍕",
                                        "ʼ", "½", "\uFFFD", "\U0002EBF0")},
      {1, rc::gen::container<std::string>(rc::gen::inRange<char>(0, 127))},
      {1, rc::gen::arbitrary<std::string>()},
  });
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(part),
                      [](const std::vector<std::string>& parts) {
                        std::string joined;
                        for (const std::string& one : parts) joined += one;
                        return joined;
                      });
}

TEST(WordLaw, AnyBytesHaveWordsAndTheSameOnesAgain) {
  expect_holds([] {
    const std::string bytes = *text();
    const Words words = words_in(bytes, 1000);
    RC_ASSERT(words == words_in(bytes, 1000));
    RC_ASSERT(words.size() <= bytes.size());
    for (const std::string& word : words) {
      RC_ASSERT(!word.empty());
      RC_ASSERT(folded(word) == word);
    }
  });
}

TEST(WordLaw, FewerWordsAreTheFirstOnes) {
  expect_holds([] {
    const std::string bytes = *text();
    Words all = words_in(bytes, 1000);
    const auto most = *rc::gen::inRange<std::size_t>(0, all.size() + 2);
    all.resize(std::min(all.size(), most));
    RC_ASSERT(words_in(bytes, most) == all);
  });
}

TEST(WordLaw, TextsSideBySideHaveTheWordsOfBoth) {
  expect_holds([] {
    const std::string left = *text(), right = *text();
    const char between = *rc::gen::element(' ', ',', '\'', '-', '\n', '\0', '(');
    Words both = words_in(left, 1000);
    for (std::string& word : words_in(right, 1000)) both.push_back(std::move(word));
    RC_ASSERT(words_in(left + between + right, 2000) == both);
  });
}

}  // namespace
}  // namespace fovea::scorer
