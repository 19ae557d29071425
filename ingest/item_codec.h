#pragma once

// Bytes in, catalogue changes out: the item contract, version 1. Total on any bytes.
//
// Threads   Not thread-safe: an instance owns the parser's scratch memory.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ingest/event_codec.h"
#include "ingest/source.h"
#include "vocab/item.h"
#include "vocab/result.h"

namespace fovea::ingest {

struct ItemContract {
  std::map<std::string, std::int32_t> vector_dims;  // declared modality -> dimension
};

class ItemCodec {
 public:
  [[nodiscard]] static Result<ItemCodec> create(ItemContract contract);
  ItemCodec(ItemCodec&&) noexcept;
  ItemCodec& operator=(ItemCodec&&) noexcept;
  ~ItemCodec();

  // A tombstone removes the item named by the record's key.
  // Errors: kSkip, with one of item_reasons(): an undeclared vector, a wrong dimension, a NaN, ...
  [[nodiscard]] Result<ItemChange> decode(const SourceRecord& record);

 private:
  struct Impl;
  explicit ItemCodec(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

[[nodiscard]] std::string encode_item(const Item& item);
[[nodiscard]] const std::vector<Reason>& item_reasons();

}  // namespace fovea::ingest
