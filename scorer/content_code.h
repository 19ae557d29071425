#pragma once

// What an item is about: 256 small numbers for each kind of content that it has. Items near in
// content are near in angle.
//
//   words    of title and text, as words.h cuts them; categories and tags, whole. A word weighs
//            log2((N + 1) / (n_w + 1/2)): N items were described so far, n_w of them with it
//   vectors  of any modality and dimension, as the catalogue carries them
//
// Each kind is projected by random signs. The error of one cosine is about 1/16.
// content_attention.h says how the kinds are taken together.
//
// Numerics  Signs are a function of the word, or of modality and index; every sum has one order;
//           a cosine is an integer product: the same bits on every machine.
// Source    Random projections: Charikar 2002; Achlioptas, "Database-friendly random projections",
//           2003. Weights: inverse document frequency, Sparck Jones 1972.

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "scorer/bytes.h"
#include "scorer/kernels.h"
#include "vocab/item.h"

namespace fovea::scorer {

inline constexpr std::size_t kCodeDim = 256;

struct ContentCode {
  std::array<std::int8_t, kCodeDim> values{};
  float inverse_length = 0.0F;  // 0: nothing is known
};

// Of the numbers alone: 1 / sqrt(sum of squares), 0 for zeros.
[[nodiscard]] float inverse_length(const std::array<std::int8_t, kCodeDim>& values);

// One bit a number: set where it is negative. The share of bits that differ estimates the angle.
using ContentSigns = std::array<std::uint64_t, kCodeDim / 64>;

// Cosine; 0 where nothing is known of either.
[[nodiscard]] float similarity(const ContentCode& a, const ContentCode& b, const Kernels& kernels);

struct ContentPart {
  std::uint32_t kind = 0;  // as ContentAttention counts them
  ContentCode code;
};
using ContentParts = std::vector<ContentPart>;  // one a kind, by kind

// Distinct words, each as a hash, in the order of the hashes.
using Words = std::vector<std::uint64_t>;
struct ItemWords {
  Words text;  // the first 256 of title and text together
  Words categories, tags;
};
[[nodiscard]] ItemWords words_of(const Item& item);

// What the item says of its content, as one number: another one, another content. 0: nothing.
[[nodiscard]] std::uint64_t fingerprint(const ItemWords& words, const Item& item);

// In how many descriptions each word was.
class WordCounts {
 public:
  WordCounts() : counts_(kRows, 0) {}
  void add(const ItemWords& words);
  [[nodiscard]] float weight(std::uint64_t word) const;
  void save(ByteWriter& out) const;
  void load(ByteReader& in);
  [[nodiscard]] std::uint64_t bytes() const { return counts_.capacity() * sizeof(std::uint32_t); }

 private:
  static constexpr std::size_t kRows = 65'536;  // two words may share one
  std::uint32_t described_ = 0;                 // N
  std::vector<std::uint32_t> counts_;           // n_w
};

[[nodiscard]] ContentCode code_of_words(const Words& words, const WordCounts& counts);
[[nodiscard]] ContentCode code_of_vector(std::string_view modality,
                                         const std::vector<float>& vector);

}  // namespace fovea::scorer
