#include "scorer/words.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>
#include <unicode/utf8.h>

#include "vocab/assert.h"

namespace fovea::scorer {
namespace {

constexpr std::uint8_t kUnicodeVersion = 15;
constexpr std::size_t kPieceBytes = 4096;

constexpr UChar32 kApostropheLetter = 0x02BC;  // Ukrainian writes it for U+0027 and U+2019
constexpr UChar32 kArabicStretch = 0x0640;
constexpr UChar32 kZeroWidthSpace = 0x200B;
constexpr UChar32 kServiceMark = 0x2120;
constexpr UChar32 kTradeMark = 0x2122;
constexpr UChar32 kLongVowel = 0x30FC;  // of Hiragana and Katakana, so of neither by its property
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

bool is_ascii(char c) {
  return static_cast<unsigned char>(c) < 0x80;
}

// Of ASCII, letters and digits.
bool joins(char c) {
  return !is_ascii(c) || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool starts_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
}

std::string lower(std::string_view ascii) {
  std::string out(ascii);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// The code point at `at`, negative for bytes that are none; `at` is behind it then.
UChar32 next_character(std::string_view text, std::int32_t& at) {
  UChar32 c = 0;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"  // ICU's macro narrows
  U8_NEXT(text.data(), at, static_cast<std::int32_t>(text.size()), c);
#pragma GCC diagnostic pop
  return c;
}

// visit(code point, its bytes), until that says false.
template <class Visit>
void visit_characters(std::string_view text, Visit&& visit) {
  std::int32_t at = 0;
  while (static_cast<std::size_t>(at) < text.size()) {
    const auto from = static_cast<std::size_t>(at);
    const UChar32 c = next_character(text, at);
    if (!visit(c, text.substr(from, static_cast<std::size_t>(at) - from))) return;
  }
}

bool is_known(UChar32 c) {
  if (c < 0) return false;
  UVersionInfo age;
  u_charAge(c, age);
  return age[0] >= 1 && (age[0] < kUnicodeVersion || (age[0] == kUnicodeVersion && age[1] == 0));
}

// What is left to fold when what must not be folded has been taken out.
std::string readable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  visit_characters(text, [&](UChar32 c, std::string_view bytes) {
    if (c == kTradeMark || c == kServiceMark) return true;  // else it is the word's last letters
    if (c == kZeroWidthSpace) {
      out += ' ';  // else it joins
    } else {
      out += is_known(c) ? bytes : kReplacement;
    }
    return true;
  });
  return out;
}

std::string fold(std::string_view text) {
  UErrorCode error = U_ZERO_ERROR;
  const auto* const folding = icu::Normalizer2::getNFKCCasefoldInstance(error);
  FOVEA_ASSERT(U_SUCCESS(error));
  std::string out;
  icu::StringByteSink<std::string> sink(&out);
  folding->normalizeUTF8(0, readable(text), sink, nullptr, error);
  FOVEA_ASSERT(U_SUCCESS(error));
  return out;
}

enum class Kind { kSeparator, kLeftOut, kMark, kSpaced, kUnspaced };

bool is_unspaced(UChar32 c) {
  UErrorCode error = U_ZERO_ERROR;
  switch (uscript_getScript(c, &error)) {
    case USCRIPT_HAN:
    case USCRIPT_HIRAGANA:
    case USCRIPT_KATAKANA:
    case USCRIPT_BOPOMOFO:
    case USCRIPT_HANGUL:
    case USCRIPT_THAI:
    case USCRIPT_LAO:
    case USCRIPT_KHMER:
    case USCRIPT_MYANMAR:
      return true;
    default:
      return c == kLongVowel;
  }
}

Kind kind_of(UChar32 c) {
  const std::uint32_t category = U_GET_GC_MASK(c);
  if ((category & (U_GC_MN_MASK | U_GC_MC_MASK)) != 0) {
    const std::uint8_t order = u_getCombiningClass(c);
    return order >= 10 && order <= 36 ? Kind::kLeftOut : Kind::kMark;  // vowel points have these
  }
  if (c == kArabicStretch) return Kind::kLeftOut;
  if (c == kApostropheLetter || (category & (U_GC_L_MASK | U_GC_N_MASK)) == 0) {
    return Kind::kSeparator;
  }
  return category != U_GC_ND_MASK && is_unspaced(c) ? Kind::kUnspaced : Kind::kSpaced;
}

// Takes folded text character by character.
class Cutter {
 public:
  Cutter(std::size_t most, std::vector<std::string>& words) : most_(most), words_(words) {}

  // False once there are enough.
  bool take(Kind kind, std::string_view bytes) {
    if (kind == Kind::kLeftOut) return true;
    if (kind == Kind::kMark) {
      if (kind_ != Kind::kSeparator) word_ += bytes;
      return true;
    }
    if (kind != kind_) {
      end_run();
      kind_ = kind;
    } else if (kind == Kind::kUnspaced) {
      if (!before_.empty()) add(before_ + word_);
      before_ = std::exchange(word_, {});
    }
    if (kind != Kind::kSeparator) word_ += bytes;
    return words_.size() < most_;
  }

  void end_run() {
    if (!word_.empty()) add(before_ + word_);
    before_.clear();
    word_.clear();
  }

 private:
  void add(std::string word) {
    if (words_.size() < most_) words_.push_back(std::move(word));
  }

  std::size_t most_;
  std::vector<std::string>& words_;
  Kind kind_ = Kind::kSeparator;  // of the run
  std::string before_;            // the last character but one, where there are no spaces
  std::string word_;
};

void cut(std::string_view text, std::size_t most, std::vector<std::string>& words) {
  Cutter cutter(most, words);
  visit_characters(
      text, [&](UChar32 c, std::string_view bytes) { return cutter.take(kind_of(c), bytes); });
  cutter.end_run();
}

}  // namespace

// Between two ASCII separators nothing depends on what is beyond them, so most words of most
// texts need no ICU, and a long text is folded only as far as it has words to give.
std::vector<std::string> words_in(std::string_view text, std::size_t most) {
  std::vector<std::string> words;
  std::size_t at = 0;
  while (at < text.size() && words.size() < most) {
    if (!joins(text[at])) {
      ++at;
      continue;
    }
    std::size_t end = at;
    bool ascii = true;
    while (end < text.size() && joins(text[end])) {
      if (!ascii && end - at >= kPieceBytes && starts_character(text[end])) break;
      ascii = ascii && is_ascii(text[end]);
      ++end;
    }
    const std::string_view piece = text.substr(at, end - at);
    if (ascii) {
      words.push_back(lower(piece));
    } else {
      cut(fold(piece), most, words);
    }
    at = end;
  }
  return words;
}

std::string folded(std::string_view text) {
  return std::all_of(text.begin(), text.end(), is_ascii) ? lower(text) : fold(text);
}

}  // namespace fovea::scorer
