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

ContentCode rounded(const Sums& sums) {
  ContentCode code;
  float most = 0.0F;
  float square = 0.0F;  // beyond what a float holds: as if nothing had been said
  for (const float x : sums) {
    most = std::max(most, std::fabs(x));
    square = fma_same_bits(x, x, square);
  }
  if (!(square > 0.0F) || !std::isfinite(square)) return code;
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

float similarity(const ContentCode& a, const ContentCode& b, const Kernels& kernels) {
  const std::int32_t product = kernels.dot_bytes(a.values.data(), b.values.data(), kCodeDim);
  return static_cast<float>(product) * a.inverse_length * b.inverse_length;
}

ItemWords words_of(const Item& item) {
  ItemWords words;
  for (const std::string& text : {std::cref(item.title), std::cref(item.text)}) {
    for (const std::string& word : words_in(text, kWordsMax - words.text.size())) {
      words.text.push_back(hash_of(word, WordKind::kText));
    }
  }
  for (const std::string& category : item.categories) {
    words.categories.push_back(hash_of(folded(category), WordKind::kCategory));
  }
  for (const std::string& tag : item.tags) {
    words.tags.push_back(hash_of(folded(tag), WordKind::kTag));
  }
  for (Words* list : {&words.text, &words.categories, &words.tags}) {
    std::sort(list->begin(), list->end());
    list->erase(std::unique(list->begin(), list->end()), list->end());
  }
  return words;
}

std::uint64_t fingerprint(const ItemWords& words, const Item& item) {
  ByteWriter out;
  bool anything = !item.vectors.empty();
  for (const Words* list : {&words.text, &words.categories, &words.tags}) {
    anything = anything || !list->empty();
    out.array(*list);
  }
  if (!anything) return 0;
  for (const auto& [name, vector] : item.vectors) {
    out.text(name);
    out.array(vector);
  }
  return std::max<std::uint64_t>(1, XXH3_64bits(out.bytes().data(), out.bytes().size()));
}

void WordCounts::add(const ItemWords& words) {
  ++described_;
  for (const Words* list : {&words.text, &words.categories, &words.tags}) {
    for (const std::uint64_t word : *list) ++counts_[word % kRows];
  }
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

ContentCode code_of_words(const Words& words, const WordCounts& counts) {
  Sums sums{};
  for (const std::uint64_t word : words) {
    if (const float weight = counts.weight(word); weight > 0.0F) project(word, weight, sums);
  }
  return rounded(sums);
}

ContentCode code_of_vector(std::string_view modality, const std::vector<float>& vector) {
  Sums sums{};
  const std::uint64_t seed = XXH3_64bits(modality.data(), modality.size());
  for (std::size_t k = 0; k < vector.size(); ++k) project(mix64(seed + k), vector[k], sums);
  return rounded(sums);
}

}  // namespace fovea::scorer
