#include "scorer/model.h"

#include <algorithm>
#include <variant>

#include <xxhash.h>

#include "scorer/beside.h"
#include "scorer/model_info.h"
#include "scorer/own_items.h"

namespace fovea::scorer {

Model::Model(const ModelSettings& model_settings)
    : settings(model_settings),
      stamp{model_id(model_settings), kLineage, kNoOffset},
      popularity(model_settings.half_life_s),
      transitions(static_cast<std::size_t>(model_settings.transition_row_max),
                  static_cast<std::size_t>(model_settings.history_max)),
      pairs(static_cast<std::size_t>(model_settings.pair_rows)),
      neighbours(static_cast<std::size_t>(model_settings.neighbour_ring)),
      items(stamp.model_id, model_settings.dim),
      attention(model_settings.dim, items.stride(),
                static_cast<std::size_t>(model_settings.history_max),
                model_settings.context_fields.size()),
      linear(model_settings.parts),
      head(model_settings.parts) {}

Slot Model::add_item(const ItemRef& item, double now_s) {
  Slot slot = catalogue.find(item.key);
  if (slot != kNoSlot) {
    use.use(slot);
  } else if (full()) {
    slot = use.least_used();
    catalogue.replace(slot, item);
    use.announce(slot, false);
    popularity.reset(slot, now_s);
    transitions.reset(slot);
    pairs.reset(slot, item_count());
    neighbours.reset(slot);
    content.reset(slot);
    items.reset(slot, item.key);
    repeat.reset(slot);
  } else {
    slot = catalogue.add(item);
    use.add();
    popularity.add(now_s);
    transitions.add();
    neighbours.add();
    content.add();
    items.add(item.key);
    repeat.add();
  }
  return slot;
}

Slot Model::change(const ItemChange& change, double now_s, const Kernels& kernels) {
  const Slot slot = add_item(change.item.item, now_s);
  (void)catalogue.change(change);
  use.announce(slot, !change.removed);
  if (settings.parts.content && !change.removed && content.describe(slot, change.item)) {
    relate(slot, popularity.count(slot) > 0, kernels);
  }
  return slot;
}

void Model::meet(Slot slot, const Kernels& kernels) {
  if (settings.parts.content) relate(slot, true, kernels);
}

void Model::relate(Slot slot, bool is_chosen, const Kernels& kernels) {
  constexpr std::size_t kStartFrom = 5;
  // A whole catalogue may be announced before anything is chosen: there is nobody to find.
  if (!is_chosen && popularity.empty()) return;
  const auto nearest = content.link(slot, popularity.choices(), is_chosen, kernels);
  if (nearest.empty()) return;
  float sum = 0.0F;
  const std::size_t n = std::min(kStartFrom, nearest.size());
  for (std::size_t i = 0; i < n; ++i) sum += nearest[i].cosine * nearest[i].cosine;
  std::vector<float> like(items.stride(), 0.0F);
  for (std::size_t i = 0; i < n; ++i) {
    const float weight = nearest[i].cosine * nearest[i].cosine / sum;
    const float* in = items.in(nearest[i].slot);
    for (std::size_t d = 0; d < like.size(); ++d) like[d] = fma_same_bits(weight, in[d], like[d]);
  }
  items.start(slot, catalogue.key(slot), like);
}

void Model::copy_changed(Model& view, std::size_t view_index) {
  // A view made anew is as much to copy as a snapshot is to read, the vectors the greater part.
  const std::uint64_t anew = view.item_count() == 0 ? items.bytes() : 0;
  auto vectors = beside(anew, [&] { items.copy_changed(view.items, view_index); });
  view.stamp = stamp;
  view.parent = parent;
  catalogue.copy_changed(view.catalogue, view_index);
  popularity.copy_changed(view.popularity, view_index);
  transitions.copy_changed(view.transitions, view_index);
  pairs.copy_changed(view.pairs, view_index);
  neighbours.copy_changed(view.neighbours, view_index);
  content.copy_changed(view.content, view_index);
  view.attention = attention;
  view.linear = linear;
  view.head = head;
  view.calibration = calibration;
  repeat.copy_changed(view.repeat, view_index);
  vectors.get();
}

void Model::save(ByteWriter& out) const {
  scorer::save(settings, out);
  out.fixed(stamp.lineage);
  out.fixed(stamp.position);
  out.fixed(parent.model_id);
  out.fixed(parent.lineage);
  out.fixed(parent.position);
  catalogue.save(out);
  use.save(out);
  popularity.save(out);
  transitions.save(out);
  pairs.save(out);
  neighbours.save(out);
  content.save(out);
  items.save(out);
  attention.save(out);
  linear.save(out);
  repeat.save(out);
  head.save(out);
  calibration.save(out);
}

void Model::load(ByteReader& in, const std::shared_future<bool>& whole) {
  stamp.lineage = in.fixed<std::uint32_t>();
  stamp.position = in.fixed<Offset>();
  parent.model_id = in.fixed<std::uint64_t>();
  parent.lineage = in.fixed<std::uint32_t>();
  parent.position = in.fixed<Offset>();
  // Many small pieces are read last, while another thread reads the vectors, which takes as long.
  ByteReader catalogue_in = in;
  const std::size_t item_count = Catalogue::skip(in);
  if (item_count > static_cast<std::size_t>(settings.items_max)) return in.fail();
  use.load(in, item_count);
  popularity.load(in);
  ByteReader transitions_in = in;
  transitions.skip(in, item_count);
  pairs.load(in, item_count);
  neighbours.load(in, item_count);
  content.load(in, item_count);
  auto vectors = items.begin_load(in);
  if (!whole.get()) return in.fail();
  catalogue.load(catalogue_in);
  transitions.load(transitions_in, item_count);
  attention.load(in);
  linear.load(in);
  repeat.load(in, item_count);
  head.load(in);
  calibration.load(in);
  if (popularity.size() != item_count || items.size() != item_count) in.fail();
  if (catalogue_in.failed() || transitions_in.failed()) in.fail();
  if (!vectors.get()) in.fail();
}

FeatureValues whole_slopes(const Moment& moment) {
  FeatureValues slopes = moment.slope;
  for (std::size_t f = 0; f < kFeatureCount; ++f) slopes[f] += moment.head_slope[f];
  return slopes;
}

float whole_curve(const Model& model, Feature feature, float x) {
  return model.linear.curve(feature, x) + model.head.curve(feature, x);
}

float whole_gate(const Model& model, const Moment& moment, const QueryOwnItem* own) {
  const float gate = own == nullptr ? 1.0F : model.repeat.gate(*own);
  return gate + model.head.gate(own, moment.buckets);
}

void prepare(const Model& model, const Kernels& kernels, Moment& moment) {
  const Query& query = moment.query;
  moment.columns.clear(model.item_count());
  moment.buckets.length = length_bucket(query.history_length);
  if (query.empty()) {
    moment.buckets.gap = kGapBuckets - 1;
    moment.buckets.mass = 0;
  } else {
    moment.buckets.gap = gap_bucket(query.newest(0).age_ms);
    moment.buckets.mass = mass_bucket(model.transitions.mass(query.newest(0).slot));
  }
  moment.transition = {};
  moment.backoff = 0.0F;
  if (model.settings.parts.memory) {
    moment.transition = model.transitions.read(query, moment.columns);
    moment.backoff = moment.transition.backoff / model.popularity.total(query.now_s);
  }
  if (model.settings.parts.pairs) model.pairs.read(query, moment.columns);
  if (model.settings.parts.neighbours) {
    model.neighbours.read(query, moment.neighbourhood, moment.columns);
  }
  if (model.settings.parts.content) model.content.read(query, moment.columns);
  for (std::size_t k = 0; k < query.own_items.size(); ++k) {
    moment.columns.at(query.own_items[k].slot).own = static_cast<std::uint32_t>(k + 1);
  }
  moment.repeat = repeat_buckets(query, moment.buckets);
  moment.slope = model.linear.slopes(moment.buckets);
  moment.head_slope = model.head.slopes(moment.buckets);
  model.attention.forward(model.items, query, moment.buckets, kernels, moment.attended);
}

ItemTerms item_terms(const Model& model, const Kernels& kernels, const Moment& moment, Slot slot,
                     const ItemCounts& counts) {
  ItemTerms terms;
  const SparseLine& sparse = moment.columns.find(slot);
  terms.x = feature_values(model.popularity, counts, sparse, moment.query.now_s, moment.backoff);
  float sum = model.items.bias(slot);
  float head = 0.0F;
  Linear::add(terms.x, {model.linear, moment.slope, sum},
              {model.head.linear(), moment.head_slope, head});
  if (sparse.own != 0) {
    terms.own = &moment.query.own_items[sparse.own - 1];
    terms.gate = model.repeat.gate(*terms.own);
    sum += model.repeat.parts(*terms.own, moment.repeat, counts.count, terms.x, model.linear).sum();
  }
  if (model.settings.parts.attention) {
    terms.match =
        kernels.dot(model.items.out(slot), moment.attended.interest.data(), model.items.stride());
  }
  terms.base = fma_same_bits(terms.gate, terms.match, sum);
  head += model.head.had_before(terms.own, moment.repeat);
  head = fma_same_bits(model.head.gate(terms.own, moment.buckets), terms.match, head);
  terms.score = terms.base + head;
  return terms;
}

// ---- questions ----

std::uint32_t context_row(std::size_t field_index, const ContextField& field) {
  std::uint64_t hash = 0;
  if (const auto* text = std::get_if<std::string>(&field.value)) {
    hash = XXH3_64bits(text->data(), text->size());
  } else {
    const double number = std::get<double>(field.value);
    hash = XXH3_64bits(&number, sizeof number);
  }
  return static_cast<std::uint32_t>(field_index * kContextRows + hash % kContextRows);
}

namespace {

void find_context_rows(const ModelSettings& settings, const std::vector<ContextField>& fields,
                       Query& query) {
  query.context_rows.clear();
  for (const ContextField& field : fields) {
    const auto declared =
        std::find(settings.context_fields.begin(), settings.context_fields.end(), field.name);
    if (declared == settings.context_fields.end()) continue;
    query.context_rows.push_back(
        context_row(static_cast<std::size_t>(declared - settings.context_fields.begin()), field));
  }
}

void find_own_items(const Model& model, const std::vector<ExampleOwnItem>& own_items,
                    Query& query) {
  query.own_items.clear();
  if (!model.settings.parts.repeat) return;
  for (const ExampleOwnItem& own : own_items) {
    const Slot slot = model.catalogue.find(own.item);
    if (slot != kNoSlot) query.own_items.push_back({slot, own.lag_class, own.age_ms, own.count});
  }
}

double seconds(TimeMs time) {
  return static_cast<double>(value(time)) / 1000.0;
}

}  // namespace

void make_query(const Model& model, const Example& example, Query& query) {
  const ModelSettings& settings = model.settings;
  query.user = example.user;
  query.now_s = seconds(example.time);
  query.history_length = std::min<std::uint32_t>(example.history_length,
                                                 static_cast<std::uint32_t>(settings.history_max));
  query.history.clear();
  query.older.clear();
  // The log may hold examples written under a longer history_max.
  const auto most = static_cast<std::size_t>(settings.history_max);
  const std::size_t from = example.history.size() - std::min(example.history.size(), most);
  for (std::size_t k = from; k < example.history.size(); ++k) {
    const ExampleHistoryEntry& entry = example.history[k];
    query.history.push_back(
        {entry.item, model.catalogue.find(entry.item), std::max<std::int64_t>(0, entry.age_ms)});
  }
  for (const ItemKey key : example.older_history) {
    query.older.push_back({key, model.catalogue.find(key)});
  }
  find_own_items(model, example.own_items, query);
  find_context_rows(settings, example.context, query);
}

void make_query(const Model& model, UserKey user, const Behaviour& behaviour, TimeMs now,
                Query& query) {
  const ModelSettings& settings = model.settings;
  query.user = user;
  query.now_s = seconds(now);
  query.history.clear();
  query.older.clear();
  const auto entries = attended_entries(settings, behaviour);
  for (std::size_t k = entries.size(); k-- > 0;) {
    const HistoryEntry& entry = *entries[k];
    query.history.push_back({entry.item, model.catalogue.find(entry.item),
                             std::max<std::int64_t>(0, milliseconds_between(entry.time, now)),
                             entry.type});
  }
  query.history_length = static_cast<std::uint32_t>(query.history.size());
  if (query.history.size() > kLastingAfter) {
    query.older.assign(query.history.begin(),
                       query.history.end() - static_cast<std::ptrdiff_t>(kLastingAfter));
  }
  query.own_items.clear();
  if (!settings.exclude_seen) {
    find_own_items(model, own_items_at(behaviour, entries, now, kOlderOwnItemsScored), query);
  }
  find_context_rows(settings, behaviour.context, query);
}

// ---- what can be asked without knowing how a model is built ----

ModelStamp stamp(const Model& model) {
  return model.stamp;
}

std::optional<ModelStamp> parent(const Model& model) {
  if (model.parent.model_id == 0) return std::nullopt;
  return model.parent;
}

bool knows(const Model& model, ItemKey item) {
  return model.catalogue.find(item) != kNoSlot;
}

std::uint64_t choice_count(const Model& model, ItemKey item) {
  const Slot slot = model.catalogue.find(item);
  return slot == kNoSlot ? 0 : model.popularity.count(slot);
}

std::string_view item_id(const Model& model, ItemKey item) {
  const Slot slot = model.catalogue.find(item);
  return slot == kNoSlot ? std::string_view() : std::string_view(model.catalogue.info(slot).id);
}

std::size_t item_count(const Model& model) {
  return model.item_count();
}

std::vector<TableMemory> memory(const Model& model) {
  const std::uint64_t rows = model.item_count();
  return {{"catalogue", rows, model.catalogue.bytes()},
          {"order of use", rows, model.use.bytes()},
          {"popularity", rows, model.popularity.bytes()},
          {"transitions", rows, model.transitions.bytes()},
          {"pairs", static_cast<std::uint64_t>(model.settings.pair_rows), model.pairs.bytes()},
          {"neighbours", static_cast<std::uint64_t>(model.settings.neighbour_ring),
           model.neighbours.bytes()},
          {"content", rows, model.content.bytes()},
          {"repeats", rows, model.repeat.bytes()},
          {"item vectors", rows, model.items.bytes()}};
}

std::vector<std::pair<std::string, double>> content_attention(const Model& model) {
  double sum = 0.0;
  std::vector<std::pair<std::string, double>> shares;
  for (const ContentAttention::Kind& kind : model.content.attention().kinds()) {
    shares.emplace_back(kind.name, static_cast<double>(kind.weight));
    sum += shares.back().second;
  }
  for (auto& [name, share] : shares) share /= sum;
  return shares;
}

}  // namespace fovea::scorer
