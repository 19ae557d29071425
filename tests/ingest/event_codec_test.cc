// EventCodec against its header: totality, mapping, round trip. What is refused for which reason is
// contract_test.cc.

#include "ingest/event_codec.h"

#include <gtest/gtest.h>

#include <set>

#include "ingest/keys.h"
#include "tests/ingest/records.h"

namespace fovea::ingest {
namespace {

const std::string kPlain =
    R"({"user":"u-2048","type":"click","item":"item-31337","ts":1700000000000,)"
    R"("id":"0f4c0036-04fb","value":12.5,"session":"s-1","context":{"device":"mobile","hour":7}})";

std::string reason_of(EventCodec& codec, const std::string& bytes) {
  const auto decoded = codec.decode(record_of(bytes));
  return decoded ? "" : decoded.error().reason;
}

std::string stop_of(EventMapping mapping) {
  const auto codec = EventCodec::create(std::move(mapping));
  if (codec) return "";
  EXPECT_EQ(codec.error().disposition, Disposition::kStop);
  return codec.error().message;
}

Event only_event(EventCodec& codec, const std::string& bytes) {
  const auto decoded = codec.decode(record_of(bytes));
  EXPECT_TRUE(decoded.has_value()) << (decoded ? "" : decoded.error().message);
  EXPECT_EQ(decoded->events.size(), 1U);
  return decoded->events.at(0);
}

Event full_event(EventType type) {
  Event event;
  event.user = {"user \"quoted\" \\ \x01 \xE2\x82\xAC"};
  event.type = type;
  event.event_time = TimeMs{1700000000123};
  event.record_time = kNoRecordTime;
  event.id = "id-1";
  event.value = 0.1F;
  event.session = "s";
  event.context = {{"hour", 7.25}, {"device", std::string("mobile")}};
  return event;
}

std::vector<Event> one_of_each_type() {
  std::vector<Event> events;
  for (std::size_t i = 0; i < kEventTypeNames.size(); ++i) {
    Event event = full_event(static_cast<EventType>(i));
    switch (event.type) {
      case EventType::kSearch:
        event.query = "board games";
        break;
      case EventType::kImpression:
        event.slate = "slate-1";
        event.items = {{item_key("a"), "a"}, {item_key("b"), "b"}};
        break;
      case EventType::kRequest:
        event.query = "for tonight";
        event.request_id = "r1";
        event.k = 20;
        event.filter = {{"category", "drama"}, {"year", "1999"}};
        break;
      case EventType::kIdentify:
        event.as = "u2";
        break;
      case EventType::kForget:
        break;
      default:
        event.item = {item_key("item-1"), "item-1"};
    }
    events.push_back(event);
  }
  return events;
}

TEST(EventCodec, ReadsBackWhatEncodeWrote) {
  EventCodec codec = codec_of();
  for (const Event& event : one_of_each_type()) {
    const Event back = only_event(codec, encode_event(event));

    EXPECT_EQ(encode_event(back), encode_event(event));
    EXPECT_EQ(back.user, event.user);
    EXPECT_EQ(back.type, event.type);
    EXPECT_EQ(back.item, event.item);
    EXPECT_EQ(back.event_time, event.event_time);
    EXPECT_EQ(back.record_time, event.record_time);
    EXPECT_EQ(back.id, event.id);
    EXPECT_EQ(back.value, event.value);
    EXPECT_EQ(back.query, event.query);
    EXPECT_EQ(back.session, event.session);
    EXPECT_EQ(back.slate, event.slate);
    EXPECT_EQ(back.items, event.items);
    EXPECT_EQ(back.context, event.context);
    EXPECT_EQ(back.request_id, event.request_id);
    EXPECT_EQ(back.k, event.k);
    EXPECT_EQ(back.filter, event.filter);
    EXPECT_EQ(back.as, event.as);
  }
}

TEST(EventCodec, LeavesOutWhatAnEventDoesNotHave) {
  Event event;
  event.user = {"u"};
  event.item = {item_key("i"), "i"};
  event.event_time = TimeMs{5};

  EXPECT_EQ(encode_event(event), R"({"user":"u","type":"view","item":"i","ts":5})");
}

TEST(EventCodec, RejectsEveryTruncationOfAValidRecord) {
  EventCodec codec = codec_of();
  ASSERT_EQ(reason_of(codec, kPlain), "");
  for (std::size_t length = 0; length < kPlain.size(); ++length) {
    EXPECT_EQ(reason_of(codec, kPlain.substr(0, length)), "not_json") << length;
  }
}

TEST(EventCodec, AnswersEverySingleByteChangeWithAnEventOrAListedReason) {
  std::set<std::string> known = {""};
  for (const Reason& reason : event_reasons()) known.insert(std::string(reason.name));
  EventCodec codec = codec_of();
  for (std::size_t i = 0; i < kPlain.size(); ++i) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = kPlain;
      changed[i] = static_cast<char>(byte);
      EXPECT_TRUE(known.contains(reason_of(codec, changed))) << i << " " << byte;
    }
  }
}

TEST(EventCodec, ARefusedRecordLeavesNoTraceInTheNext) {
  EventCodec codec = codec_of();
  ASSERT_EQ(reason_of(codec, R"({"user":"u9","type":"view","item":"i9","session":"s9","ts":true})"),
            "bad_timestamp");

  const Event event = only_event(codec, R"({"user":"u1","type":"view","item":"i1","ts":1})");

  EXPECT_EQ(encode_event(event), R"({"user":"u1","type":"view","item":"i1","ts":1})");
}

TEST(EventCodec, TheFirstPointerThatIsPresentAndNotNullWins) {
  EventMapping mapping;
  mapping.fields["user"] = {"/userId", "/anonymousId", "/ids/0"};
  EventCodec codec = codec_of(mapping);
  const auto user = [&](const std::string& ids) {
    return only_event(codec, "{" + ids + R"(,"type":"view","item":"i","ts":1})").user.value;
  };

  EXPECT_EQ(user(R"("anonymousId":"a","userId":"u")"), "u");
  EXPECT_EQ(user(R"("anonymousId":"a","userId":null)"), "a");
  EXPECT_EQ(user(R"("ids":["first","second"])"), "first");
  EXPECT_EQ(user(R"("ids":["first"],"anonymousId":"a")"), "a");
}

TEST(EventCodec, PointersReachIntoObjectsAndThroughEscapedNames) {
  EventMapping mapping;
  mapping.fields["user"] = {"/context/traits/a~1b~0c"};
  mapping.fields["item"] = {"/items/1/sku"};
  mapping.fields["session"] = {};
  mapping.fields["context"] = {};
  EventCodec codec = codec_of(mapping);

  const Event event =
      only_event(codec, R"({"type":"view","ts":1,"context":{"traits":{"a/b~c":"deep"}},)"
                        R"("items":[{"sku":"s0"},{"sku":"s1"}],"session":"not read"})");

  EXPECT_EQ(event.user.value, "deep");
  EXPECT_EQ(event.item.id, "s1");
  EXPECT_EQ(event.session, "");
}

TEST(EventCodec, OfARepeatedNameTheFirstCountsAtEveryLevel) {
  EventMapping mapping;
  mapping.fields["user"] = {"/who/id", "/fallback"};
  EventCodec codec = codec_of(mapping);

  EXPECT_EQ(only_event(codec, R"({"who":{"id":"a","id":"b"},"who":{"id":"c"},)"
                              R"("type":"view","item":"i","ts":1})")
                .user.value,
            "a");
  EXPECT_EQ(only_event(codec, R"({"who":{},"who":{"id":"c"},"fallback":"f",)"
                              R"("type":"view","item":"i","ts":1})")
                .user.value,
            "f");
}

TEST(EventCodec, ARecordStandsForOneEventAnEntryOfEach) {
  EventMapping mapping;
  mapping.each = "/order/lines";
  mapping.fields["item"] = {"@/sku", "/sku"};
  mapping.fields["value"] = {"@/count"};
  EventCodec codec = codec_of(mapping);

  const auto decoded = codec.decode(record_of(
      R"({"user":"u","type":"purchase","id":"o1","ts":1,"sku":"spare",)"
      R"("order":{"lines":[{"sku":"a","count":2},{"sku":"b","count":"3"},{"count":1}]}})"));

  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  ASSERT_EQ(decoded->events.size(), 3U);
  EXPECT_EQ(decoded->events[0].item.id, "a");
  EXPECT_EQ(decoded->events[1].item.id, "b");
  EXPECT_EQ(decoded->events[2].item.id, "spare");
  EXPECT_EQ(decoded->events[1].value, 3.0F);
  // One id of the record becomes one an entry, or the second line would repeat the first.
  EXPECT_EQ(decoded->events[0].id, "o1#0");
  EXPECT_EQ(decoded->events[1].id, "o1#1");
}

TEST(EventCodec, WithoutTheArrayOfEachTheRecordIsOneEvent) {
  EventMapping mapping;
  mapping.each = "/lines";
  mapping.fields["item"] = {"@/sku", "/sku"};
  EventCodec codec = codec_of(mapping);

  for (const std::string lines : {"", R"(,"lines":null)"}) {
    const Event event =
        only_event(codec, R"({"user":"u","type":"view","id":"o1","ts":1,"sku":"x")" + lines + "}");
    EXPECT_EQ(event.item.id, "x");
    EXPECT_EQ(event.id, "o1");
  }
}

TEST(EventCodec, AnEntryMayBeAPlainId) {
  EventMapping mapping;
  mapping.each = "/basket";
  mapping.fields["item"] = {"@"};
  EventCodec codec = codec_of(mapping);

  const auto decoded =
      codec.decode(record_of(R"({"user":"u","type":"purchase","ts":1,"basket":["a",2,"c"]})"));

  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  ASSERT_EQ(decoded->events.size(), 3U);
  EXPECT_EQ(decoded->events[1].item.id, "2");
}

TEST(EventCodec, AnEntrysOwnIdStaysAsItIs) {
  EventMapping mapping;
  mapping.each = "/lines";
  mapping.fields["item"] = {"@/item"};
  mapping.fields["id"] = {"@/line"};
  EventCodec codec = codec_of(mapping);

  const auto decoded = codec.decode(record_of(
      R"({"user":"u","type":"view","ts":1,"lines":[{"item":1,"line":"a"},{"item":2,"line":"b"}]})"));

  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  ASSERT_EQ(decoded->events.size(), 2U);
  EXPECT_EQ(decoded->events[0].id, "a");
  EXPECT_EQ(decoded->events[1].id, "b");
}

TEST(EventCodec, AnImpressionIsNeverSplit) {
  EventMapping mapping;
  mapping.each = "/products";
  mapping.fields["item"] = {"@/id"};
  mapping.fields["items"] = {"/products/*/id"};
  EventCodec codec = codec_of(mapping);

  const Event event = only_event(codec, R"({"user":"u","type":"impression","ts":1,"id":"m1",)"
                                        R"("products":[{"id":"a"},{"id":"b"},{"id":"a"}]})");

  ASSERT_EQ(event.items.size(), 3U);
  EXPECT_EQ(event.items[0].id, "a");
  EXPECT_EQ(event.items[1].key, item_key("b"));
  EXPECT_EQ(event.id, "m1");
}

TEST(EventCodec, IgnoredTypesAreCountedWhateverElseTheyHold) {
  EventMapping mapping;
  mapping.each = "/products";
  mapping.fields["item"] = {"@/id"};
  mapping.types = {{"bought", "purchase"}, {"*", "ignore"}};
  EventCodec codec = codec_of(mapping);
  for (const std::string record :
       {R"({"type":"page"})", R"({"type":"page","products":[]})", R"({"type":"page","products":7})",
        R"({"type":"view","user":"u","item":"i","ts":1})"}) {
    const auto decoded = codec.decode(record_of(record));
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    EXPECT_TRUE(decoded->events.empty());
    EXPECT_EQ(decoded->ignored_count, 1U);
  }
}

TEST(EventCodec, EntriesOfOneRecordMayBeOfDifferentTypes) {
  EventMapping mapping;
  mapping.each = "/list";
  mapping.fields["type"] = {"@/t"};
  mapping.fields["item"] = {"@/i"};
  mapping.types = {{"noise", "ignore"}, {"seen", "view"}};
  EventCodec codec = codec_of(mapping);

  const auto decoded = codec.decode(record_of(
      R"({"user":"u","ts":1,"list":[{"t":"seen","i":1},{"t":"noise"},{"t":"like","i":2}]})"));

  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  ASSERT_EQ(decoded->events.size(), 2U);
  EXPECT_EQ(decoded->ignored_count, 1U);
  EXPECT_EQ(decoded->events[0].type, EventType::kView);
  EXPECT_EQ(decoded->events[1].type, EventType::kLike);
}

TEST(EventCodec, AListedNameWinsOverTheStarAndTheStarOverOurs) {
  EventMapping renamed;
  renamed.types = {{"view", "click"}};
  EventCodec codec = codec_of(renamed);
  EXPECT_EQ(only_event(codec, R"({"user":"u","type":"view","item":"i","ts":1})").type,
            EventType::kClick);
  EXPECT_EQ(only_event(codec, R"({"user":"u","type":"like","item":"i","ts":1})").type,
            EventType::kLike);

  EventMapping starred;
  starred.types = {{"*", "view"}};
  EventCodec all_views = codec_of(starred);
  EXPECT_EQ(only_event(all_views, R"({"user":"u","type":"like","item":"i","ts":1})").type,
            EventType::kView);
}

TEST(EventCodec, TheUserOfAnEntryNeedsRekeyedInput) {
  EventMapping mapping;
  mapping.each = "/list";
  mapping.fields["user"] = {"@/who"};
  mapping.fields["item"] = {"@/i"};
  EXPECT_EQ(stop_of(mapping),
            "input.map.user: pointer \"@/who\" reads the user in the entry, which needs re-keyed "
            "input");

  mapping.user_in_entry = true;
  EventCodec codec = codec_of(mapping);
  const auto decoded = codec.decode(
      record_of(R"({"type":"view","ts":1,"list":[{"who":"a","i":1},{"who":"b","i":2}]})"));
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->events[1].user.value, "b");
}

TEST(EventCodec, CreateRefusesAMappingThatCannotWork) {
  const auto with_field = [](const std::string& field, const std::string& pointer) {
    EventMapping mapping;
    mapping.fields[field] = {pointer};
    return mapping;
  };
  EXPECT_EQ(stop_of(with_field("usr", "/u")), "input.map.usr is no field of the event contract");
  EXPECT_EQ(stop_of(with_field("user", "u")),
            "input.map.user: pointer \"u\" starts with neither / nor @/");
  EXPECT_EQ(stop_of(with_field("user", "")),
            "input.map.user: pointer \"\" starts with neither / nor @/");
  EXPECT_EQ(stop_of(with_field("user", "/a~2")),
            "input.map.user: pointer \"/a~2\" has a ~ that is neither ~0 nor ~1");
  EXPECT_EQ(stop_of(with_field("user", "/a/*")),
            "input.map.user: pointer \"/a/*\" has a star, which only items may");
  EXPECT_EQ(stop_of(with_field("items", "/a/*/b/*")),
            "input.map.items: pointer \"/a/*/b/*\" has more than one star");
  EXPECT_EQ(stop_of(with_field("item", "@/id")),
            "input.map.item: pointer \"@/id\" reads an entry, but input.each names no array");

  EventMapping types;
  types.types = {{"Order Completed", "buy"}};
  EXPECT_EQ(stop_of(types),
            "events.types.\"Order Completed\": \"buy\" is no event type, nor \"ignore\"");
  EventMapping each;
  each.each = "@/x";
  EXPECT_EQ(stop_of(each), "input.each: pointer \"@/x\" does not name an array of the record");
}

TEST(EventCodec, TimesAreReadInTheirUnit) {
  const auto time = [](TimeUnit unit, const std::string& ts) {
    EventMapping mapping;
    mapping.ts_unit = unit;
    EventCodec codec = codec_of(mapping);
    return value(
        only_event(codec, R"({"user":"u","type":"view","item":"i","ts":)" + ts + "}").event_time);
  };
  EXPECT_EQ(time(TimeUnit::kSeconds, "1700000000"), 1700000000000);
  EXPECT_EQ(time(TimeUnit::kSeconds, "1700000000.001"), 1700000000001);
  EXPECT_EQ(time(TimeUnit::kSeconds, "\"1700000000\""), 1700000000000);
  EXPECT_EQ(time(TimeUnit::kMicroseconds, "1700000000123999"), 1700000000123);
  EXPECT_EQ(time(TimeUnit::kMicroseconds, "\"2023-11-14T22:13:20Z\""), 1700000000000);
}

TEST(EventCodec, TheRecordsOwnTimestampIsTheDefaultTime) {
  EventCodec codec = codec_of();

  const auto decoded =
      codec.decode(record_of(R"({"user":"u","type":"view","item":"i"})", TimeMs{77}));

  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->events[0].event_time, TimeMs{77});
  EXPECT_EQ(decoded->events[0].record_time, TimeMs{77});
}

TEST(EventCodec, ARecordsTimestampThatIsNoTimeIsNone) {
  EventCodec codec = codec_of();
  for (const std::int64_t ms : {INT64_MIN, std::int64_t{-2}, INT64_MAX}) {
    const auto own = codec.decode(
        record_of(R"({"user":"u","type":"view","item":"i","ts":1700000000000})", TimeMs{ms}));
    ASSERT_TRUE(own.has_value()) << own.error().message;
    EXPECT_EQ(own->events[0].record_time, kNoRecordTime);

    const auto without =
        codec.decode(record_of(R"({"user":"u","type":"view","item":"i"})", TimeMs{ms}));
    ASSERT_FALSE(without.has_value()) << ms;
    EXPECT_EQ(without.error().reason, "missing_timestamp");
  }
}

TEST(EventCodec, OfARepeatedFilterTheFirstCountsAndTheRestTakeNoRoom) {
  EventCodec codec = codec_of();
  std::string filter = R"("category":"a","category":"b")";
  for (int i = 0; i < 15; ++i) filter += ",\"f" + std::to_string(i) + "\":\"x\"";

  const Event event =
      only_event(codec, R"({"user":"u","type":"request","ts":1,"filter":{)" + filter + "}}");

  ASSERT_EQ(event.filter.size(), 16U);
  EXPECT_EQ(event.filter[0], (std::pair<std::string, std::string>{"category", "a"}));
}

TEST(EventCodec, AWideNumberIsNoName) {
  EventCodec codec = codec_of();
  const std::string wide = "123456789012345678901234567890";
  const std::string rest = R"("user":"u","type":"view","item":"i","ts":1)";

  EXPECT_EQ(reason_of(codec, "{" + wide + ":1," + rest + "}"), "not_json");
  EXPECT_EQ(reason_of(codec, "{" + rest + ",1e999 \t:1}"), "not_json");
  EXPECT_EQ(reason_of(codec, "{" + rest + R"(,"x":)" + wide + "}"), "");
}

TEST(EventCodec, AWideNumberChangesWhatIsReadOfNoOther) {
  EventCodec codec = codec_of();
  const std::string record =
      R"({"user":"u","type":"view","item":"i","ts":1,"value":1e-999,)"
      R"("context":{"long":1234567890123456789,"longest":18446744073709551615})";

  const Event alone = only_event(codec, record + "}");
  const Event beside = only_event(codec, record + R"(,"x":1e999,"y":18446744073709551616})");

  EXPECT_EQ(alone.value, 0.0F);
  EXPECT_EQ(beside.value, alone.value);
  EXPECT_EQ(beside.context, alone.context);
  EXPECT_EQ(alone.context[0].value, (std::variant<double, std::string>{1234567890123456789.0}));
}

TEST(EventCodec, OneByteOrderMarkIsSkippedAndNoSecond) {
  EventCodec codec = codec_of();
  const std::string mark = "\xEF\xBB\xBF";
  const std::string record = R"({"user":"u","type":"view","item":"i","ts":1})";

  EXPECT_EQ(reason_of(codec, mark + record), "");
  EXPECT_EQ(reason_of(codec, mark + mark + record), "not_json");
}

TEST(EventCodec, IntegersOfAnyLengthKeepTheirDigitsAsIds) {
  EventCodec codec = codec_of();
  for (const std::string digits : {"0", "-5", "9223372036854775807", "18446744073709551615",
                                   "18446744073709551616", "123456789012345678901234567890"}) {
    EXPECT_EQ(only_event(codec, R"({"user":)" + digits + R"(,"type":"view","item":"1e5","ts":1})")
                  .user.value,
              digits);
  }
}

}  // namespace
}  // namespace fovea::ingest
