// The reference's parameters, read back from the bytes that each part saves.

#include "scorer/bytes.h"
#include "scorer/reference.h"
#include "vocab/assert.h"

namespace fovea::scorer::reference {
namespace {

Number read_number(ByteReader& in) {
  const double value = static_cast<double>(in.fixed<float>());
  return {value, static_cast<double>(in.fixed<float>())};
}

template <std::size_t N>
void read_numbers(ByteReader& in, std::array<Number, N>& numbers) {
  for (Number& number : numbers) number = read_number(in);
}

void read_numbers(ByteReader& in, std::vector<Number>& numbers) {
  numbers.resize(in.count(2 * sizeof(float)));
  for (Number& number : numbers) number = read_number(in);
}

std::vector<float> read_floats(ByteReader& in) {
  std::vector<float> values;
  in.array(values);
  return values;
}

std::vector<Number> numbers_of(const std::vector<float>& values, const std::vector<float>& sums,
                               std::size_t from, std::size_t n) {
  std::vector<Number> numbers(n);
  for (std::size_t d = 0; d < n; ++d) {
    numbers[d] = {static_cast<double>(values[from + d]), static_cast<double>(sums[from + d])};
  }
  return numbers;
}

std::vector<double> wide(const float* values, std::size_t n) {
  return {values, values + n};
}

std::vector<Row> read_rows(ByteReader& in, std::size_t dim, std::size_t stride) {
  const std::vector<float> values = read_floats(in);
  const std::vector<float> sums = read_floats(in);
  std::vector<Row> rows(sums.size());
  for (std::size_t r = 0; r < rows.size(); ++r) {
    rows[r] = {wide(&values[r * stride], dim), static_cast<double>(sums[r])};
  }
  return rows;
}

void read_items(const Model& model, Parameters& p) {
  ByteWriter saved;
  model.items.save(saved);
  ByteReader in(saved.bytes());
  std::array<std::vector<float>, 6> columns;  // a, S, their sums, c, its sum
  for (auto& column : columns) column = read_floats(in);
  FOVEA_ASSERT(in.at_end());
  const auto& [a, s, a_sums, b_sums, c, c_sums] = columns;
  const std::size_t stride = model.items.stride();
  p.items.resize(c.size());
  for (std::size_t i = 0; i < p.items.size(); ++i) {
    Item& item = p.items[i];
    item.in = {wide(&a[i * stride], p.dim), static_cast<double>(a_sums[i])};
    item.residual = {wide(&s[i * stride], p.dim), static_cast<double>(b_sums[i])};
    for (std::size_t d = 0; d < p.dim; ++d) item.residual.value[d] -= item.in.value[d];
    item.bias = {static_cast<double>(c[i]), static_cast<double>(c_sums[i])};
  }
}

void read_transitions(const Model& model, Parameters& p) {
  ByteWriter saved;
  model.transitions.save(saved);
  ByteReader in(saved.bytes());
  const auto read_row = [&](std::vector<std::pair<Slot, double>>& row, double& total,
                            double& increment) {
    total = static_cast<double>(in.fixed<float>());
    increment = static_cast<double>(in.fixed<float>());
    std::vector<Slot> items;
    in.array(items);
    const std::vector<float> weights = read_floats(in);
    for (std::size_t e = 0; e < items.size(); ++e) {
      row.emplace_back(items[e], static_cast<double>(weights[e]));
    }
  };
  for (Item& item : p.items) read_row(item.follows, item.follows_total, item.follows_increment);
  for (Item& item : p.items) read_row(item.precedes, item.precedes_total, item.precedes_increment);
  read_numbers(in, p.beta_position);
  read_numbers(in, p.beta_gap);
  FOVEA_ASSERT(in.at_end());
}

void read_pairs(const Model& model, Parameters& p) {
  ByteWriter saved;
  model.pairs.save(saved);
  ByteReader in(saved.bytes());
  for (std::uint64_t rows = in.varint(); rows > 0; --rows) {
    PairRow& row = p.pairs[in.fixed<std::uint32_t>()];
    row.total = static_cast<double>(in.fixed<float>());
    row.items.resize(in.count());
    for (auto& [slot, weight] : row.items) {
      slot = in.fixed<Slot>();
      weight = static_cast<double>(in.fixed<float>());
    }
  }
  FOVEA_ASSERT(in.at_end());
}

void read_neighbours(const Model& model, Parameters& p) {
  ByteWriter saved;
  model.neighbours.save(saved);
  ByteReader in(saved.bytes());
  (void)in.fixed<std::uint64_t>();
  p.choices.resize(in.count());
  for (auto& [user, item] : p.choices) {
    user = in.fixed<UserKey>();
    item = in.fixed<Slot>();
  }
  FOVEA_ASSERT(in.at_end());
}

void read_content(const Model& model, Parameters& p) {
  ByteWriter saved;
  model.content.save(saved);
  ByteReader in(saved.bytes());
  (void)in.fixed<std::uint32_t>();
  for (std::uint64_t words = in.varint(); words > 0; --words) {
    (void)in.fixed<std::uint16_t>();
    (void)in.varint();
  }
  p.content_sharpness = read_number(in);
  p.content_logits.resize(in.count());
  for (Number& logit : p.content_logits) {
    (void)in.text();
    logit = read_number(in);
  }
  for (Item& item : p.items) {
    if (in.fixed<std::uint64_t>() == 0) continue;
    for (std::uint64_t parts = in.varint(); parts > 0; --parts) {
      auto& of_kind = item.content[in.varint()];
      for (const std::int8_t x : in.fixed<std::array<std::int8_t, kCodeDim>>()) {
        of_kind.push_back(static_cast<double>(x));
      }
    }
    (void)in.fixed<ContentSigns>();
    item.alike.resize(in.count());
    for (auto& [slot, cosine] : item.alike) {
      slot = in.fixed<Slot>();
      cosine = static_cast<double>(in.fixed<float>());
    }
  }
  FOVEA_ASSERT(in.at_end());
}

void read_attention(const Model& model, Parameters& p) {
  ByteWriter saved;
  model.attention.save(saved);
  ByteReader in(saved.bytes());
  const std::size_t stride = model.items.stride();
  const std::vector<float> matrix = read_floats(in);
  const std::vector<float> matrix_sums = read_floats(in);
  for (std::size_t d = 0; d < p.dim; ++d) {
    p.matrix.push_back(numbers_of(matrix, matrix_sums, d * stride, p.dim));
  }
  const std::vector<float> offset = read_floats(in);
  const std::vector<float> offset_sums = read_floats(in);
  p.offset = numbers_of(offset, offset_sums, 0, p.dim);
  read_numbers(in, p.position);
  read_numbers(in, p.gap);
  read_numbers(in, p.lasting_factor);
  p.gap_rows = read_rows(in, p.dim, stride);
  p.length_rows = read_rows(in, p.dim, stride);
  p.context_rows = read_rows(in, p.dim, stride);
  FOVEA_ASSERT(in.at_end());
}

void read_slopes(ByteReader& in, std::array<Slope, kFeatureCount>& slopes) {
  for (Slope& slope : slopes) {
    slope.base = read_number(in);
    read_numbers(in, slope.length);
    read_numbers(in, slope.mass);
    read_numbers(in, slope.gap);
    read_numbers(in, slope.knots);
  }
}

void read_tables(ByteReader& in, std::array<LagTable, kLagClasses>& tables,
                 std::array<Number, kLagClasses>& gates) {
  for (LagTable& table : tables) {
    read_numbers(in, table.length);
    read_numbers(in, table.pair);
    read_numbers(in, table.gap);
    read_numbers(in, table.share);
  }
  read_numbers(in, gates);
}

void read_linear(const Model& model, Parameters& p) {
  ByteWriter saved;
  model.linear.save(saved);
  ByteReader in(saved.bytes());
  read_slopes(in, p.slopes);
  FOVEA_ASSERT(in.at_end());
}

void read_repeat(const Model& model, Parameters& p) {
  ByteWriter saved;
  model.repeat.save(saved);
  ByteReader in(saved.bytes());
  read_tables(in, p.tables, p.gates);
  for (LagTable& table : p.tables) table.rate = read_number(in);
  read_numbers(in, p.own_slopes);
  for (Curve* curve : {&p.own_recency, &p.own_count}) {
    read_numbers(in, *curve);
    (void)in.fixed<std::array<float, kKnots>>();  // gathered: zeros between examples
  }
  p.repeat_mean = static_cast<double>(in.fixed<float>());
  const std::vector<float> repeats = read_floats(in);
  for (std::size_t i = 0; i < p.items.size(); ++i) {
    p.items[i].repeats = static_cast<double>(repeats[i]);
  }
  FOVEA_ASSERT(in.at_end());
}

void read_head(const Model& model, Parameters& p) {
  ByteWriter saved;
  model.head.save(saved);
  ByteReader in(saved.bytes());
  read_slopes(in, p.head.slopes);
  read_tables(in, p.head.tables, p.head.gates);
  read_numbers(in, p.head.gap_gate);
  read_numbers(in, p.head.length_gate);
  read_numbers(in, p.head.mass_gate);
  FOVEA_ASSERT(in.at_end());
}

void read_calibration(const Model& model, Parameters& p) {
  ByteWriter saved;
  model.calibration.save(saved);
  ByteReader in(saved.bytes());
  p.calibration_slope = read_number(in);
  p.calibration_offset = read_number(in);
  FOVEA_ASSERT(in.at_end());
}

}  // namespace

Parameters read(const Model& model) {
  Parameters p;
  p.dim = static_cast<std::size_t>(model.settings.dim);
  p.half_life_s = model.settings.half_life_s;
  p.parts = model.settings.parts;
  read_items(model, p);
  read_transitions(model, p);
  read_pairs(model, p);
  read_neighbours(model, p);
  read_content(model, p);
  read_attention(model, p);
  read_linear(model, p);
  read_repeat(model, p);
  read_head(model, p);
  read_calibration(model, p);
  return p;
}

}  // namespace fovea::scorer::reference
