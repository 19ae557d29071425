// Content by its definition: codes against the cosines they stand for, links against a search of
// everything, and what a new item begins with.

#include "scorer/content.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "scorer/model.h"
#include "tests/scorer/small_stream.h"

namespace fovea::scorer {
namespace {

const Kernels& fast() {
  return kernels(fastest_kernel_level());
}

Item titled(const std::string& title) {
  Item item;
  item.title = title;
  return item;
}

std::string numbered(std::string_view word, std::uint64_t number) {
  std::string out(word);
  out += std::to_string(number);
  out += ' ';
  return out;
}

ContentCode code_of(const Item& item) {
  return code_of_words(words_of(item).text, WordCounts());
}

ContentCode code_of(const std::vector<float>& vector) {
  return code_of_vector("image", vector);
}

// Of every kind.
Words all_words(const Item& item) {
  const ItemWords words = words_of(item);
  Words all = words.text;
  for (const Words* list : {&words.categories, &words.tags}) {
    all.insert(all.end(), list->begin(), list->end());
  }
  std::sort(all.begin(), all.end());
  return all;
}

double exact_cosine(const std::vector<float>& a, const std::vector<float>& b) {
  double product = 0.0, square_a = 0.0, square_b = 0.0;
  for (std::size_t d = 0; d < a.size(); ++d) {
    product += static_cast<double>(a[d]) * static_cast<double>(b[d]);
    square_a += static_cast<double>(a[d]) * static_cast<double>(a[d]);
    square_b += static_cast<double>(b[d]) * static_cast<double>(b[d]);
  }
  return product / std::sqrt(square_a * square_b);
}

// ---- words and codes ----

TEST(Words, AreLettersAndDigitsWithoutCase) {
  EXPECT_EQ(all_words(titled("Red MUG, 2nd (red)")), all_words(titled("mug 2nd-red")));
  EXPECT_EQ(all_words(titled("Red MUG, 2nd (red)")).size(), 3U);
  EXPECT_EQ(all_words(titled("caf\xC3\xA9 noir")).size(), 2U);
  EXPECT_TRUE(all_words(titled(" .,- ")).empty());
  Item split;
  split.title = "red";
  split.text = "mug 2nd";
  EXPECT_EQ(all_words(split), all_words(titled("red mug 2nd")));
}

TEST(Words, OfAsciiHaveTheHashesTheyAlwaysHad) {
  Item item = titled("Red RETROSPOT mug, 2nd");
  item.categories = {"Kitchen & Dining"};
  item.tags = {"Gift"};
  EXPECT_EQ(all_words(item), (std::vector<std::uint64_t>{0x1512114C71A2352B, 0x6527C1A4BD78BBCF,
                                                         0x67B1DC007BBE6755, 0x6827F4AB7CD1A723,
                                                         0x733A7168E35B29C6, 0xC71AE6537F373939}));
}

TEST(Words, OfCategoriesAndTagsHaveNeitherCaseNorForm) {
  Item item, same;
  item.categories = {"Crème & CAFÉ"};
  item.tags = {"ＡＶ機器"};
  same.categories = {"cre\u0300me & café"};
  same.tags = {"av機器"};
  EXPECT_EQ(all_words(item), all_words(same));
  EXPECT_EQ(all_words(item).size(), 2U);
}

TEST(Words, OfCategoriesAndTagsAreNotThoseOfTitles) {
  Item category, tag;
  category.categories = {"Red Mugs"};
  tag.tags = {"Red Mugs"};
  const std::set<std::uint64_t> all{all_words(category).at(0), all_words(tag).at(0),
                                    all_words(titled("red")).at(0),
                                    all_words(titled("mugs")).at(0)};
  EXPECT_EQ(all.size(), 4U);
  EXPECT_EQ(all_words(category).size(), 1U);
}

TEST(Words, OfALongTextAreTheFirstOnes) {
  std::string text;
  for (std::uint64_t word = 0; word < 10'000; ++word) text += numbered("w", word);
  EXPECT_EQ(all_words(titled(text)).size(), 256U);
  Item with_text = titled("mug");
  with_text.text = text;
  EXPECT_EQ(all_words(with_text).size(), 256U);
}

TEST(Words, WeighMoreTheRarerTheyAre) {
  WordCounts counts;
  const auto common = words_of(titled("mug"));
  const auto rare = words_of(titled("lantern"));
  for (int i = 0; i < 100; ++i) counts.add(common);
  counts.add(rare);
  EXPECT_NEAR(static_cast<double>(counts.weight(common.text[0])), std::log2(102.0 / 100.5), 1e-6);
  EXPECT_NEAR(static_cast<double>(counts.weight(rare.text[0])), std::log2(102.0 / 1.5), 1e-6);
}

TEST(ContentCode, IsTheSameForTheSameWordsAndNearNothingForOthers) {
  const ContentCode red = code_of(titled("red retrospot mug"));
  EXPECT_NEAR(static_cast<double>(similarity(red, code_of(titled("Mug, red retrospot")), fast())),
              1.0, 1e-5);
  EXPECT_EQ(similarity(red, code_of(Item{}), fast()), 0.0F);
  double sum = 0.0, squares = 0.0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const auto cosine = static_cast<double>(
        similarity(red, code_of(titled(numbered("a", i) + numbered("b", i))), fast()));
    sum += cosine / 1000.0;
    squares += cosine * cosine / 1000.0;
  }
  EXPECT_NEAR(sum, 0.0, .01);
  EXPECT_NEAR(std::sqrt(squares), 1.0 / 16.0, .01);
}

TEST(ContentCode, KeepsTheCosinesOfVectors) {
  Random random(3, 0);
  const auto vector = [&](float shared) {
    std::vector<float> out;
    for (int d = 0; d < 128; ++d) {
      out.push_back(random.uniform() - .5F + (d < 64 ? shared : 0.0F));
    }
    return out;
  };
  double squares = 0.0;
  for (int i = 0; i < 500; ++i) {
    const float shared = static_cast<float>(i % 10) / 10.0F;
    const std::vector<float> a = vector(shared), b = vector(shared);
    const double error =
        static_cast<double>(similarity(code_of(a), code_of(b), fast())) - exact_cosine(a, b);
    squares += error * error / 500.0;
  }
  EXPECT_LT(std::sqrt(squares), .07);
}

TEST(ContentCode, OfAVectorThatIsNoneOrTooLongIsNothing) {
  EXPECT_EQ(code_of({0.0F, 0.0F}).inverse_length, 0.0F);
  EXPECT_EQ(code_of({3e38F, 3e38F, 3e38F}).inverse_length, 0.0F);
}

// ---- links ----

// Items of a few words each, of a hundred; every other one chosen.
struct Shelf {
  explicit Shelf(std::size_t count, std::uint64_t seed = 1) {
    Random random(seed, 0);
    for (std::size_t i = 0; i < count; ++i) {
      std::string title;
      for (int word = 0; word < 4; ++word) title += numbered("w", random.below(60));
      items.push_back(titled(title));
      content.add();
      choices.push_back(i % 2 == 0 ? 1 : 0);
    }
  }
  void describe_all() {
    for (std::size_t i = 0; i < items.size(); ++i) {
      EXPECT_TRUE(content.describe(static_cast<Slot>(i), items[i]));
    }
  }
  // ct of every item that a history of one item is linked with.
  [[nodiscard]] std::map<Slot, float> linked(Slot slot) const { return read({slot}); }
  [[nodiscard]] std::map<Slot, float> read(const std::vector<Slot>& history) const {
    Query query;
    for (const Slot slot : history) query.history.push_back({ItemKey{slot + 1}, slot, 0});
    SparseColumns columns;
    columns.clear(items.size());
    content.read(query, columns);
    std::map<Slot, float> out;
    for (const SparseLine& line : columns.lines()) out[line.slot] = line.content;
    return out;
  }

  std::vector<Item> items;
  std::vector<std::uint32_t> choices;
  Content content;
};

// The nearest ten above .2 among the chosen, by comparing codes of their one vector with all.
std::map<Slot, float> searched(const Shelf& shelf, Slot slot) {
  std::vector<std::pair<float, Slot>> all;
  const auto code_at = [&](std::size_t at) {
    const auto& [modality, vector] = shelf.items[at].vectors.at(0);
    return code_of_vector(modality, vector);
  };
  const ContentCode code = code_at(slot);
  for (std::size_t other = 0; other < shelf.items.size(); ++other) {
    if (other == slot || shelf.choices[other] == 0) continue;
    const float cosine = similarity(code, code_at(other), fast());
    if (cosine > .2F) all.emplace_back(-cosine, static_cast<Slot>(other));
  }
  std::sort(all.begin(), all.end());
  std::map<Slot, float> out;
  for (std::size_t i = 0; i < std::min<std::size_t>(10, all.size()); ++i) {
    out[all[i].second] = all[i].first * all[i].first;
  }
  return out;
}

TEST(Content, AnItemIsLinkedWithTheNearestChosen) {
  Shelf shelf(200);
  for (std::size_t i = 0; i < shelf.items.size(); ++i) {
    shelf.items[i].vectors = {{"text", {}}};
    Random random(5, i % 20);
    Random own(6, i);
    for (int d = 0; d < 32; ++d) {
      shelf.items[i].vectors[0].second.push_back(random.uniform() + own.uniform() - 1.0F);
    }
    shelf.items[i].title.clear();
  }
  shelf.describe_all();
  const Slot slot = 1;
  const auto nearest = shelf.content.link(slot, shelf.choices, false, fast());
  const auto expected = searched(shelf, slot);
  ASSERT_GT(expected.size(), 5U);
  EXPECT_EQ(shelf.linked(slot), expected);
  ASSERT_EQ(nearest.size(), expected.size());
  for (std::size_t i = 1; i < nearest.size(); ++i) {
    EXPECT_GE(nearest[i - 1].cosine, nearest[i].cosine);
  }
  for (const Similar& similar : nearest) {
    EXPECT_EQ(shelf.linked(similar.slot).at(slot), expected.at(similar.slot)) << "both ways";
  }
}

TEST(Content, ItemsAreLinkedByWhatTheirTitlesShareInAnyScript) {
  // Of each script one title, one that shares a phrase with it, one that does not.
  const std::vector<std::array<const char*, 3>> shelves = {
      {"三体：黑暗森林", "黑暗森林（纪念版）", "红楼梦全集"},
      {"無線イヤホン　ノイズキャンセリング", "【新品】ノイズキャンセリングヘッドホン",
       "木製の本棚"},
      {"무선 이어폰을 위한 케이스", "무선이어폰 충전기", "나무 책장"},
      {"เสื้อยืดผ้าฝ้ายสีขาว", "กางเกงผ้าฝ้ายสีขาว", "โต๊ะไม้"},
      {"Élan Vital: L’ÉVOLUTION", "l'évolution, e\u0301lan", "Le Rouge et le Noir"},
      {"ВОЙНА И МИР", "Война и мир. Том 2", "Мёртвые души"},
  };
  for (const auto& titles : shelves) {
    Shelf shelf(0);
    for (const char* title : titles) {
      shelf.items.push_back(titled(title));
      shelf.content.add();
      shelf.choices.push_back(1);
    }
    shelf.describe_all();
    (void)shelf.content.link(0, shelf.choices, false, fast());
    EXPECT_TRUE(shelf.linked(0).contains(1)) << titles[0];
    EXPECT_FALSE(shelf.linked(0).contains(2)) << titles[0];
  }
}

TEST(Content, WhoIsChosenMeetsThoseThatWait) {
  Shelf shelf(100);
  shelf.describe_all();
  const auto waiting = [&](Slot slot) {
    std::size_t count = 0;
    for (const auto& [other, ct] : shelf.linked(slot)) count += shelf.choices[other] == 0 ? 1 : 0;
    return count;
  };
  (void)shelf.content.link(1, shelf.choices, false, fast());
  EXPECT_EQ(waiting(1), 0U);
  (void)shelf.content.link(1, shelf.choices, true, fast());
  EXPECT_GT(waiting(1), 0U);
  EXPECT_LE(waiting(1), 10U);
}

TEST(Content, AnItemKeepsItsNearestThirty) {
  Shelf shelf(200);
  for (Item& item : shelf.items) item.title.append("and the same words");
  shelf.describe_all();
  for (Slot slot = 0; slot < shelf.items.size(); ++slot) {
    (void)shelf.content.link(slot, shelf.choices, true, fast());
  }
  for (Slot slot = 0; slot < shelf.items.size(); ++slot) {
    EXPECT_GE(shelf.linked(slot).size(), 10U);
    EXPECT_LE(shelf.linked(slot).size(), 30U);
  }
}

TEST(Content, WhatIsSaidAgainChangesNothingAndWhatIsNewStartsAnew) {
  Shelf shelf(100);
  shelf.describe_all();
  (void)shelf.content.link(1, shelf.choices, true, fast());
  const auto before = shelf.linked(1);
  ASSERT_FALSE(before.empty());
  EXPECT_FALSE(shelf.content.describe(1, shelf.items[1]));
  EXPECT_EQ(shelf.linked(1), before);

  EXPECT_TRUE(shelf.content.describe(1, titled("something else")));
  EXPECT_TRUE(shelf.linked(1).empty());
  for (const auto& [other, ct] : before) EXPECT_FALSE(shelf.linked(other).contains(1));
  EXPECT_FALSE(shelf.content.describe(1, Item{})) << "nothing is said any more";
}

TEST(Content, AnotherItemInTheRowHasNoLinks) {
  Shelf shelf(100);
  shelf.describe_all();
  (void)shelf.content.link(1, shelf.choices, true, fast());
  const auto before = shelf.linked(1);
  shelf.content.reset(1);
  EXPECT_TRUE(shelf.linked(1).empty());
  for (const auto& [other, ct] : before) EXPECT_FALSE(shelf.linked(other).contains(1));
  EXPECT_TRUE(shelf.content.link(1, shelf.choices, true, fast()).empty());
}

TEST(Content, PartsAddUpToWhatIsRead) {
  Shelf shelf(100);
  shelf.describe_all();
  for (Slot slot = 0; slot < 50; ++slot) {
    (void)shelf.content.link(slot, shelf.choices, true, fast());
  }
  const std::vector<Slot> history{3, 9, 9, 20, 4, 7};
  Query query;
  for (const Slot slot : history) query.history.push_back({ItemKey{slot + 1}, slot, 0});
  const auto whole = shelf.read(history);
  ASSERT_GT(whole.size(), 10U);
  for (const auto& [item, ct] : whole) {
    const auto parts = shelf.content.parts(query, item);
    double sum = 0.0, expected = 0.0;
    for (std::size_t k = 0; k < kContentDepth; ++k) {
      sum += static_cast<double>(parts[k]);
      const auto alone = shelf.linked(query.newest(k).slot);
      const auto found = alone.find(item);
      if (found == alone.end()) continue;
      expected += std::exp(-static_cast<double>(k) / 3.0) * static_cast<double>(found->second);
    }
    EXPECT_NEAR(sum, static_cast<double>(ct), 1e-6);
    EXPECT_NEAR(expected, static_cast<double>(ct), 1e-6);
  }
}

TEST(Content, InALargeCatalogueTheAlikeAreStillFound) {
  Content content;
  std::vector<std::uint32_t> choices(20'000, 1);
  for (Slot slot = 0; slot < choices.size(); ++slot) {
    content.add();
    ASSERT_TRUE(content.describe(slot, titled(numbered("pair", slot / 2) + "of two")));
  }
  int found = 0;
  for (Slot slot = 0; slot < 1000; slot += 2) {
    const auto nearest = content.link(slot, choices, false, fast());
    if (!nearest.empty() && nearest.front().slot == slot + 1) ++found;
  }
  EXPECT_GT(found, 450) << "of 500: words weigh less the more items were described";
}

// ---- copies ----

TEST(Content, AViewReadsWhatTheLearnerReads) {
  Shelf shelf(100);
  Shelf view = shelf;
  view.content = Content();
  shelf.describe_all();
  for (Slot slot = 0; slot < 60; ++slot) {
    (void)shelf.content.link(slot, shelf.choices, true, fast());
    if (slot % 7 == 3) shelf.content.reset(slot - 2);
    if (slot % 5 != 0) continue;
    shelf.content.copy_changed(view.content, 1);
    for (Slot other = 0; other < 100; ++other) EXPECT_EQ(view.linked(other), shelf.linked(other));
  }
}

TEST(Content, GoesOnFromItsBytesAsIfNothingHadHappened) {
  Shelf shelf(100);
  shelf.describe_all();
  for (Slot slot = 0; slot < 60; ++slot) {
    (void)shelf.content.link(slot, shelf.choices, true, fast());
    if (slot % 7 == 3) shelf.content.reset(slot - 2);
  }
  ByteWriter saved;
  shelf.content.save(saved);
  Shelf loaded = shelf;
  loaded.content = Content();
  ByteReader in(saved.bytes());
  loaded.content.load(in, 100);
  ASSERT_TRUE(in.at_end());
  for (Shelf* each : {&shelf, &loaded}) {
    EXPECT_TRUE(each->content.describe(1, titled("w1 w2 w3 new")));
    for (Slot slot = 0; slot < 100; ++slot) {
      (void)each->content.link(slot, each->choices, true, fast());
    }
  }
  ByteWriter a, b;
  shelf.content.save(a);
  loaded.content.save(b);
  EXPECT_EQ(a.bytes(), b.bytes());

  ByteReader fewer_items(saved.bytes());
  loaded.content.load(fewer_items, 50);
  EXPECT_FALSE(fewer_items.at_end());
}

std::string bytes_of(const Content& content) {
  ByteWriter out;
  content.save(out);
  return out.take();
}

TEST(Content, TakesNoMemoryAnItemBeforeTheFirstOneIsDescribed) {
  constexpr Slot kItems = 20'000;
  Content content;
  const std::uint64_t empty = content.bytes();
  for (Slot slot = 0; slot < kItems; ++slot) {
    content.add();
    EXPECT_FALSE(content.describe(slot, {}));
  }
  EXPECT_EQ(content.bytes(), empty);

  Content loaded;
  const std::string saved = bytes_of(content);
  ByteReader in(saved);
  loaded.load(in, kItems);
  ASSERT_TRUE(in.at_end());
  EXPECT_LT(loaded.bytes(), empty + 1'000) << "but for its cells";
  Content view;
  loaded.copy_changed(view, 0);
  const std::vector<std::uint32_t> choices(kItems, 1);
  for (Content* each : {&content, &loaded}) {
    EXPECT_TRUE(each->describe(17, titled("red mug")));
    EXPECT_TRUE(each->describe(kItems - 1, titled("red mug")));
    each->add();
    EXPECT_EQ(each->link(17, choices, false, fast()).size(), 1U);
  }
  EXPECT_EQ(bytes_of(loaded), bytes_of(content));
  Query query;
  query.history.push_back({small_key(17), 17, 0, EventType::kClick});
  EXPECT_EQ(view.parts(query, kItems - 1)[0], 0.0F);
  loaded.copy_changed(view, 0);
  EXPECT_GT(view.parts(query, kItems - 1)[0], .5F);
}

// ---- in the model ----

ItemChange announcement(std::uint64_t item, const std::string& title) {
  ItemChange change;
  change.item = titled(title);
  change.item.item = small_item(item);
  return change;
}

TEST(Content, ANewItemBeginsNearThoseItIsLike) {
  Model model(small_settings());
  for (std::uint64_t item = 0; item < 4; ++item) {
    const Slot slot = model.change(announcement(item, "red mug"), 0.0, fast());
    model.popularity.observe(slot, 0.0);
  }
  const Slot slot = model.change(announcement(9, "red mug"), 0.0, fast());
  std::vector<float> first(model.items.stride());
  model.items.initial_vector(small_key(9), first.data());
  for (std::size_t d = 0; d < 16; ++d) {
    double mean = 0.0;
    for (Slot other = 0; other < 4; ++other) {
      mean += static_cast<double>(model.items.in(other)[d]) / 4.0;
    }
    EXPECT_NEAR(static_cast<double>(model.items.in(slot)[d]), static_cast<double>(first[d]) + mean,
                1e-6);
    EXPECT_EQ(model.items.in(slot)[d], model.items.out(slot)[d]);
  }
}

TEST(Content, WhatWasLearnedOfAnItemIsNotOverwritten) {
  Model model(small_settings());
  const Slot known = model.change(announcement(0, "red mug"), 0.0, fast());
  model.popularity.observe(known, 0.0);
  const Slot slot = model.add_item(small_item(9), 0.0);
  model.items.edit(slot).in_sum += .5F;
  const std::vector<float> before(model.items.in(slot), model.items.in(slot) + 16);
  (void)model.change(announcement(9, "red mug"), 0.0, fast());
  EXPECT_EQ(std::vector<float>(model.items.in(slot), model.items.in(slot) + 16), before);
}

// Users go on within their group; what was just announced is of the group that its words are of.
TEST(Content, WhatNobodyHasChosenIsScoredByWhatItIsAbout) {
  const ModelSettings settings = small_settings();
  SmallStream stream(settings);
  const auto learner = new_learner(settings);
  Offset position = 0;
  const auto announce = [&](std::uint64_t item, std::uint64_t group) {
    LearningRecord record;
    record.source = {"announcements", 0, position, 0};
    ItemChange change = announcement(item, "");
    change.item.categories = {"group-" + std::to_string(group)};  // as the stream says now and then
    record.body = change;
    fold(*learner, record, position++);
  };
  for (std::uint64_t item = 0; item < SmallStream::kItems; ++item) {
    announce(item, item / SmallStream::kGroup);
  }
  fold(*learner, stream, 3000, position);
  position += 3000;
  for (std::uint64_t group = 0; group < 6; ++group) announce(1000 + group, group);
  int best = 0, asked = 0;
  Moment moment;
  for (std::size_t user = 0; user < SmallStream::kUsers; ++user) {
    if (stream.last_item[user] >= SmallStream::kItems) continue;
    make_query(learner->model(), UserKey{user}, stream.users[user], stream.now(), moment.query);
    prepare(learner->model(), fast(), moment);
    std::vector<float> scores;
    for (std::uint64_t group = 0; group < 6; ++group) {
      const Slot slot = learner->model().catalogue.find(small_key(1000 + group));
      scores.push_back(item_terms(learner->model(), fast(), moment, slot,
                                  learner->model().popularity.counts(slot))
                           .score);
    }
    const auto first = std::max_element(scores.begin(), scores.end()) - scores.begin();
    ++asked;
    best += static_cast<std::uint64_t>(first) == stream.last_item[user] / SmallStream::kGroup;
  }
  EXPECT_GT(asked, 20);
  EXPECT_GT(best, asked * 2 / 3);
}

}  // namespace
}  // namespace fovea::scorer
