#include "scorer/content_code.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <string>
#include <string_view>

#include <xxhash.h>

#include "scorer/random.h"
#include "scorer/same_bits.h"
#include "scorer/words.h"

namespace fovea::scorer {
namespace {

constexpr std::size_t kWordsMax = 256;  // of title and text

// A category is not the word of the same spelling in a title.
enum class WordKind : std::uint64_t { kText, kCategory, kTag };

std::uint64_t hash_of(std::string_view word, WordKind kind) {
  return XXH3_64bits_withSeed(word.data(), word.size(), static_cast<XXH64_hash_t>(kind));
}

using Sums = std::array<float, kCodeDim>;

// Adds `weight` times 256 random signs.
void project(std::uint64_t seed, float weight, Sums& sums) {
  const auto bits_of_weight = std::bit_cast<std::uint32_t>(weight);
  for (std::size_t block = 0; block < kCodeDim / 64; ++block) {
    const std::uint64_t signs = mix64(seed + (block + 1) * 0x9E3779B97F4A7C15ULL);
    for (std::size_t bit = 0; bit < 64; ++bit) {
      const auto sign = static_cast<std::uint32_t>(signs >> bit & 1U) << 31U;
      sums[64 * block + bit] += std::bit_cast<float>(bits_of_weight ^ sign);
    }
  }
}

// Adds `part` at length 1.
void add_normalised(const Sums& part, Sums& sums) {
  float square = 0.0F;
  for (const float x : part) square = fma_same_bits(x, x, square);
  if (!(square > 0.0F) || !std::isfinite(square)) return;
  const float scale = 1.0F / sqrt_same_bits(square);
  for (std::size_t d = 0; d < kCodeDim; ++d) sums[d] = fma_same_bits(scale, part[d], sums[d]);
}

ContentCode rounded(const Sums& sums) {
  ContentCode code;
  float most = 0.0F;
  for (const float x : sums) most = std::max(most, std::fabs(x));
  if (most == 0.0F) return code;
  for (std::size_t d = 0; d < kCodeDim; ++d) {
    const float scaled = sums[d] * 127.0F / most;
    code.values[d] = static_cast<std::int8_t>(scaled + (scaled < 0.0F ? -0.5F : 0.5F));
  }
  code.inverse_length = inverse_length(code.values);
  return code;
}

}  // namespace

float inverse_length(const std::array<std::int8_t, kCodeDim>& values) {
  std::int32_t square = 0;
  for (const std::int8_t x : values) square += std::int32_t{x} * std::int32_t{x};
  return square == 0 ? 0.0F : 1.0F / sqrt_same_bits(static_cast<float>(square));
}

ContentSigns signs_of(const ContentCode& code) {
  ContentSigns signs{};
  for (std::size_t d = 0; d < kCodeDim; ++d) {
    if (code.values[d] < 0) signs[d / 64] |= std::uint64_t{1} << d % 64;
  }
  return signs;
}

float similarity(const ContentCode& a, const ContentCode& b, const Kernels& kernels) {
  const std::int32_t product = kernels.dot_bytes(a.values.data(), b.values.data(), kCodeDim);
  return static_cast<float>(product) * a.inverse_length * b.inverse_length;
}

std::vector<std::uint64_t> words_of(const Item& item) {
  std::vector<std::uint64_t> words;
  for (const std::string& text : {std::cref(item.title), std::cref(item.text)}) {
    for (const std::string& word : words_in(text, kWordsMax - words.size())) {
      words.push_back(hash_of(word, WordKind::kText));
    }
  }
  for (const std::string& category : item.categories) {
    words.push_back(hash_of(folded(category), WordKind::kCategory));
  }
  for (const std::string& tag : item.tags) {
    words.push_back(hash_of(folded(tag), WordKind::kTag));
  }
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

std::uint64_t fingerprint(const std::vector<std::uint64_t>& words, const Item& item) {
  if (words.empty() && item.vectors.empty()) return 0;
  ByteWriter out;
  out.array(words);
  for (const auto& [name, vector] : item.vectors) {
    out.text(name);
    out.array(vector);
  }
  return std::max<std::uint64_t>(1, XXH3_64bits(out.bytes().data(), out.bytes().size()));
}

void WordCounts::add(const std::vector<std::uint64_t>& words) {
  ++described_;
  for (const std::uint64_t word : words) ++counts_[word % kRows];
}

float WordCounts::weight(std::uint64_t word) const {
  return log2_same_bits((static_cast<float>(described_) + 1.0F) /
                        (static_cast<float>(counts_[word % kRows]) + 0.5F));
}

void WordCounts::save(ByteWriter& out) const {
  out.fixed(described_);
  const auto rows = static_cast<std::uint64_t>(
      std::count_if(counts_.begin(), counts_.end(), [](std::uint32_t count) { return count > 0; }));
  out.varint(rows);
  for (std::size_t row = 0; row < kRows; ++row) {
    if (counts_[row] == 0) continue;
    out.fixed(static_cast<std::uint16_t>(row));
    out.varint(counts_[row]);
  }
}

void WordCounts::load(ByteReader& in) {
  described_ = in.fixed<std::uint32_t>();
  std::fill(counts_.begin(), counts_.end(), 0U);
  const std::size_t rows = in.count(3);
  std::int32_t before = -1;
  for (std::size_t i = 0; i < rows && !in.failed(); ++i) {
    const auto row = in.fixed<std::uint16_t>();
    const std::uint64_t count = in.varint();
    // In order and none twice: what is read has one spelling.
    if (row <= before || count == 0 || count > UINT32_MAX) return in.fail();
    before = row;
    counts_[row] = static_cast<std::uint32_t>(count);
  }
}

ContentCode make_code(const std::vector<std::uint64_t>& words, const WordCounts& counts,
                      const Item& item) {
  Sums sums{};
  Sums part{};
  for (const std::uint64_t word : words) {
    if (const float weight = counts.weight(word); weight > 0.0F) project(word, weight, part);
  }
  add_normalised(part, sums);
  for (const auto& [name, vector] : item.vectors) {
    part = {};
    const std::uint64_t modality = XXH3_64bits(name.data(), name.size());
    for (std::size_t k = 0; k < vector.size(); ++k) {
      project(mix64(modality + k), vector[k], part);
    }
    add_normalised(part, sums);
  }
  return rounded(sums);
}

}  // namespace fovea::scorer
