#pragma once

// The words of a text in any script, so that two texts about the same share words: a tokeniser.
//
//   folding   Unicode's NFKC_Casefold: case, width and the composition of accents tell no words
//             apart, and STRASSE is straße; accents do. It is of no language: I is i, and a Turkish
//             dotted I is i with a dot above.
//   word      a run of letters, numbers and the marks that follow them. All else separates: spaces,
//             punctuation (apostrophes, too), symbols, emoji, zero width spaces. Joiners and soft
//             hyphens are as if not there, like trade marks, the Arabic stretch (tatweel) and the
//             vowel points that Hebrew, Arabic and Syriac may leave out.
//   pairs     Han, Hiragana, Katakana, Bopomofo, Thai, Lao, Khmer and Myanmar put no spaces between
//             words: of n characters on end, each with its marks, the n - 1 pairs of neighbours
//             are the words; of one, itself. Likewise Hangul: its spaces stand between phrases, a
//             noun's particle or other half behind it or not, and pairs find what is shared.
//
// Numerics  The same words on every machine and with every ICU: no dictionary is asked, whose
//           answers differ from one release to the next, and text is read as of Unicode 15.0.
//           A character that a later version assigned separates (in what is not cut: is U+FFFD);
//           of older ones, Unicode's stability policy fixes the folding. The test has a checksum
//           of all code points. Another version, or rule, is another kLineage.
// Source    Normal forms: UAX #15. Word boundaries: UAX #29, whose letters, numerals and marks
//           are those here, but not its rules for punctuation inside a word. Pairs: Lucene's
//           CJKAnalyzer; for Hangul, Lee and Ahn, "Using n-grams for Korean text retrieval", 1996.
// Threads   Pure functions: any thread.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace fovea::scorer {

// The first `most` words of UTF-8 text, folded, in its order. Of any bytes: those that are no UTF-8
// separate. A word of more than 4,096 bytes that is not all ASCII may be cut.
[[nodiscard]] std::vector<std::string> words_in(std::string_view text, std::size_t most);

// UTF-8 text folded and not cut: equal for names that differ in nothing that matters.
[[nodiscard]] std::string folded(std::string_view text);

}  // namespace fovea::scorer
