// Words of real text: what must be the same word is, what must not is not, and no ICU reads a code
// point otherwise than the next.

#include "scorer/words.h"

#include <gtest/gtest.h>
#include <xxhash.h>

#include <cstdint>
#include <string>
#include <vector>

namespace fovea::scorer {
namespace {

using Words = std::vector<std::string>;

Words words(std::string_view text) {
  return words_in(text, 1000);
}

std::string utf8(std::uint32_t c) {
  const auto tail = [c](unsigned shift) { return static_cast<char>(0x80U | (c >> shift & 0x3FU)); };
  if (c < 0x80) return {static_cast<char>(c)};
  if (c < 0x800) return {static_cast<char>(0xC0U | c >> 6U), tail(0)};
  if (c < 0x10000) return {static_cast<char>(0xE0U | c >> 12U), tail(6), tail(0)};
  return {static_cast<char>(0xF0U | c >> 18U), tail(12), tail(6), tail(0)};
}

// ---- ASCII ----

// ASCII letters and digits on end, without case.
Words words_of_ascii(std::string_view text) {
  Words out;
  bool inside = false;
  for (char c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    const bool joins = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (joins && !inside) out.emplace_back();
    if (joins) out.back() += c;
    inside = joins;
  }
  return out;
}

constexpr const char* kTitles[] = {
    "WHITE HANGING HEART T-LIGHT HOLDER",       "Don't Look Up (2021)",
    "SET/20 RED RETROSPOT PAPER NAPKINS ",      "iPhone 13 Pro Max, 256GB - Graphite_v2",
    "Ocean's Eleven: Director's Cut [Blu-ray]", "50% off! C++ & C# in 24h @home #deal",
};

TEST(TextWords, OfAsciiAreLettersAndDigitsWithoutCase) {
  EXPECT_EQ(words("Don't Look Up (2021)"), (Words{"don", "t", "look", "up", "2021"}));
  for (const char* title : kTitles) EXPECT_EQ(words(title), words_of_ascii(title)) << title;
  std::string all;
  for (int c = 0; c < 128; ++c) all += {'x', static_cast<char>(c)};
  EXPECT_EQ(words(all), words_of_ascii(all));
}

TEST(TextWords, OfAsciiAreTheSameWhereIcuReadsThem) {
  for (const char* title : kTitles) {
    std::string with_soft_hyphens;
    for (const char* c = title; *c != 0; ++c) (with_soft_hyphens += *c) += "\u00AD";
    EXPECT_EQ(words(with_soft_hyphens), words_of_ascii(title)) << title;
  }
}

// ---- folding ----

TEST(TextWords, HaveNoCase) {
  EXPECT_EQ(words("Élan ÅNGSTRÖM"), (Words{"élan", "ångström"}));
  EXPECT_EQ(words("STRASSE"), words("straße"));
  EXPECT_EQ(words("ΟΔΟΣ"), words("οδος"));
  EXPECT_EQ(words("ΟΔΟΣ"), words("οδοσ"));
  EXPECT_EQ(words("ВОЙНА и Мир"), (Words{"война", "и", "мир"}));
  EXPECT_EQ(words("ՀԱՅ"), words("հայ"));
}

TEST(TextWords, AreFoldedInNoLanguage) {
  EXPECT_EQ(words("TITANIC"), (Words{"titanic"}));
  EXPECT_EQ(words("İstanbul"), (Words{"i\u0307stanbul"}));
  EXPECT_EQ(words("ılık"), (Words{"ılık"}));
}

TEST(TextWords, KeepTheirAccents) {
  EXPECT_NE(words("pâte"), words("pâté"));
  EXPECT_NE(words("schon"), words("schön"));
}

TEST(TextWords, AreTheSameComposedAndDecomposed) {
  EXPECT_EQ(words("Cafe\u0301 No\u0308el"), words("Café Nöel"));
  EXPECT_EQ(words("Vie\u0323\u0302t"), words("Vi\u1EC7t"));
  EXPECT_EQ(words("か\u3099く"), words("がく"));
  EXPECT_EQ(words("\u1112\u1161\u11AB\u1100\u116E\u11A8"), words("한국"));
}

TEST(TextWords, AreTheSameInEveryWidthAndForm) {
  EXPECT_EQ(words("ＲＥＤ　ｍｕｇ　２０２４"), (Words{"red", "mug", "2024"}));
  EXPECT_EQ(words("ｽﾏｰﾄﾌｫﾝ"), words("スマートフォン"));
  EXPECT_EQ(words("ｶﾞﾝﾀﾞﾑ"), words("ガンダム"));
  EXPECT_EQ(words("ﬁlm Ⅻ x² 5㎏"), (Words{"film", "xii", "x2", "5kg"}));
}

// ---- what joins and what separates ----

TEST(TextWords, AreSeparatedByPunctuationOfAllScripts) {
  EXPECT_EQ(words("l’été “noir”—fin…"), (Words{"l", "été", "noir", "fin"}));
  EXPECT_EQ(words("об’єкт обʼєкт об'єкт"), (Words{"об", "єкт", "об", "єкт", "об", "єкт"}));
  EXPECT_EQ(words("春，夏。秋・冬"), (Words{"春", "夏", "秋", "冬"}));
  EXPECT_EQ(words("¿qué?¡sí!«no»"), (Words{"qué", "sí", "no"}));
  EXPECT_EQ(words("राम।सीता"), (Words{"राम", "सीता"}));
  EXPECT_EQ(words("قلم،كتاب؟"), (Words{"قلم", "كتاب"}));
  EXPECT_EQ(words("a\u00A0b\u2009c\u3000d\u200Be\u2028f"), (Words{"a", "b", "c", "d", "e", "f"}));
}

TEST(TextWords, AreSeparatedBySymbolsAndEmoji) {
  EXPECT_EQ(words("pizza🍕party"), (Words{"pizza", "party"}));
  EXPECT_EQ(words("❤️ 👩🏽‍🚀 🇯🇵 ★"), Words{});
  EXPECT_EQ(words("1️⃣ first"), (Words{"1", "first"}));
  EXPECT_EQ(words("10€→20£"), (Words{"10", "20"}));
}

TEST(TextWords, LeaveOutWhatIsNotSeen) {
  EXPECT_EQ(words("Zeit\u00ADgeist"), (Words{"zeitgeist"}));
  EXPECT_EQ(words("می\u200Cخواهم"), words("میخواهم"));
  EXPECT_EQ(words("\uFEFFred\u200E"), (Words{"red"}));
}

TEST(TextWords, HaveNoTradeMark) {
  EXPECT_EQ(words("LEGO™ Duplo® Geek℠"), (Words{"lego", "duplo", "geek"}));
}

TEST(TextWords, BeginWithNoMark) {
  EXPECT_EQ(words("l´amour"), (Words{"l", "amour"}));
  EXPECT_EQ(words("- \u0301- \u0301x"), (Words{"x"}));
}

TEST(TextWords, HoldTheMarksOfTheirLetters) {
  EXPECT_EQ(words("हिन्दी सिनेमा"), (Words{"हिन्दी", "सिनेमा"}));
  EXPECT_EQ(words("தமிழ் படம்"), (Words{"தமிழ்", "படம்"}));
  EXPECT_EQ(words("বাংলা গান"), (Words{"বাংলা", "গান"}));
}

TEST(TextWords, DoWithoutTheVowelPointsThatMayBeLeftOut) {
  EXPECT_EQ(words("كِتَابٌ"), words("كتاب"));
  EXPECT_EQ(words("مُحَمَّد"), words("محمد"));
  EXPECT_EQ(words("كتـــاب"), words("كتاب"));
  EXPECT_EQ(words("שָׁלוֹם"), words("שלום"));
  EXPECT_EQ(words("كتاب").size(), 1U);
}

// ---- scripts without spaces ----

TEST(TextWords, OfScriptsWithoutSpacesArePairs) {
  EXPECT_EQ(words("红楼梦"), (Words{"红楼", "楼梦"}));
  EXPECT_EQ(words("食べ物"), (Words{"食べ", "べ物"}));
  EXPECT_EQ(words("コーヒー"), (Words{"コー", "ーヒ", "ヒー"}));
  EXPECT_EQ(words("บ้านไร่"), (Words{"บ้า", "าน", "นไ", "ไร่"}));
  EXPECT_EQ(words("ລາວ"), (Words{"ລາ", "າວ"}));
  EXPECT_EQ(words("ខ្មែរ"), (Words{"ខ្មែ", "មែរ"}));
  EXPECT_EQ(words("မြန်မာ"), (Words{"မြန်", "န်မာ"}));
  EXPECT_EQ(words("고양이가 고양이"), (Words{"고양", "양이", "이가", "고양", "양이"}));
  EXPECT_EQ(words("𠮷野家"), (Words{"𠮷野", "野家"}));
}

TEST(TextWords, OfOneCharacterAreThatCharacter) {
  EXPECT_EQ(words("梦"), (Words{"梦"}));
  EXPECT_EQ(words("梦 红楼"), (Words{"梦", "红楼"}));
  EXPECT_EQ(words("がが\u3099 が"), (Words{"がが\u3099", "が"}));
}

TEST(TextWords, OfMixedScriptsEndWhereScriptsWithoutSpacesBegin) {
  EXPECT_EQ(words("iPhone15手机壳Pro"), (Words{"iphone15", "手机", "机壳", "pro"}));
  EXPECT_EQ(words("第2季"), (Words{"第", "2", "季"}));
  EXPECT_EQ(words("ปี๒๕๖๗"), (Words{"ปี", "๒๕๖๗"}));
}

// ---- any bytes ----

TEST(TextWords, AreSeparatedByBytesThatAreNoUtf8) {
  EXPECT_EQ(words("caf\xC3\xA9\xFFnoir"), (Words{"café", "noir"}));
  EXPECT_EQ(words("caf\xE9 noir"), (Words{"caf", "noir"}));  // Latin-1
  EXPECT_EQ(words("a\xC0\xAF"
                  "b\xED\xA0\x80"
                  "c\xF4\x90\x80\x80"
                  "d"),
            (Words{"a", "b", "c", "d"}));
  EXPECT_EQ(words("梦\xE6\xA2"), (Words{"梦"}));  // cut short
  EXPECT_EQ(words("\x80\xBF\xFF"), Words{});
}

TEST(TextWords, AreSeparatedByNul) {
  using namespace std::string_literals;
  EXPECT_EQ(words("é\0é"s), (Words{"é", "é"}));
  EXPECT_EQ(words("a\0b"s), (Words{"a", "b"}));
}

TEST(TextWords, OfALongTextAreTheFirstOnes) {
  std::string text, without_spaces, accents;
  for (int i = 0; i < 20'000; ++i) {
    text += "été ";
    without_spaces += "梦";
    accents += "é";
  }
  EXPECT_EQ(words_in(text, 256), Words(256, "été"));
  EXPECT_EQ(words_in(without_spaces, 256), Words(256, "梦梦"));
  EXPECT_EQ(words_in(text, 0), Words{});
  EXPECT_EQ(words_in("梦梦", 0), Words{});
  for (const std::string& word : words(accents)) EXPECT_LE(word.size(), 4096U);
  EXPECT_EQ(words(accents).size(), 10U);
  EXPECT_EQ(words(std::string(10'000, 'a')).size(), 1U);
  EXPECT_EQ(words(std::string(10'000, '\xBF')), Words{});
}

// ---- not cut ----

TEST(Folded, IsWholeAndHasNoCase) {
  EXPECT_EQ(folded("Kitchen & Dining"), "kitchen & dining");
  EXPECT_EQ(folded("Crème Brûlée & CAFÉ"), folded("cre\u0300me bru\u0302le\u0301e & cafe\u0301"));
  EXPECT_EQ(folded("ＡＶ機器・家電"), "av機器・家電");
  EXPECT_EQ(folded("a\xFF"
                   "é"),
            "a\uFFFDé");
  EXPECT_EQ(folded(""), "");
}

// ---- every ICU ----

TEST(TextWords, KnowNoCharacterOfALaterUnicode) {
  EXPECT_EQ(words("a\U0002EBF0"
                  "b"),
            (Words{"a", "b"}));  // Han, of 15.1
  EXPECT_EQ(words("a\u1C8A"
                  "b"),
            (Words{"a", "b"}));             // a small letter, of 16.0
  EXPECT_EQ(folded("A\u1C89"), "a\uFFFD");  // its capital
}

TEST(TextWords, OfEveryCodePointAreThoseOfUnicode15) {
  std::string read;
  for (std::uint32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    for (const std::string& word : words("a" + utf8(c) + "é" + utf8(c) + utf8(c))) {
      (read += word) += '\n';
    }
    read += folded(utf8(c) + "É");
  }
  EXPECT_EQ(XXH3_64bits(read.data(), read.size()), 11012226904913468138U)
      << "this ICU reads a character of Unicode 15.0 otherwise: another kLineage is due";
}

}  // namespace
}  // namespace fovea::scorer
