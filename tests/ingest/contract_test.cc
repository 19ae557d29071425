// The contracts of ingest/contract.toml: every record is refused for the reason and with the words
// that stand there, or accepted as the events that stand there; every reason has a record, and
// every message that the code can give has one that gives it.

#include <gtest/gtest.h>
#include <toml++/toml.h>

#include <algorithm>
#include <set>

#include "ingest/event_codec.h"
#include "ingest/item_codec.h"
#include "tests/ingest/records.h"

namespace fovea::ingest {
namespace {

const std::string kRoot = FOVEA_SOURCE_DIR;

const toml::table& contract() {
  static const toml::table file = toml::parse_file(kRoot + "/ingest/contract.toml");
  return file;
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) {
    text.replace(at, what.size(), by);
  }
  return text;
}

// <<3*x>> is xxx; <<3,*x#>> is x0,x1,x2; <<hex FF>> is that byte.
std::string expanded(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t open = text.find("<<");
    out.append(text.substr(0, open));
    if (open == std::string_view::npos) break;
    const std::size_t close = text.find(">>", open);
    std::string inner(text.substr(open + 2, close - open - 2));
    text.remove_prefix(close + 2);
    if (inner.starts_with("hex ")) {
      out += static_cast<char>(std::stoi(inner.substr(4), nullptr, 16));
      continue;
    }
    std::size_t digits = 0;
    const int times = std::stoi(inner, &digits);
    const bool joined = inner[digits] == ',';
    const std::string one = inner.substr(digits + (joined ? 2 : 1));
    for (int i = 0; i < times; ++i) {
      if (joined && i > 0) out += ',';
      out += joined ? replaced(one, "#", std::to_string(i)) : one;
    }
  }
  return out;
}

// One line of the contract.
struct Case {
  std::string section;  // event, item or configuration
  std::string reason;
  bool refused = false;
  const toml::table* said = nullptr;

  [[nodiscard]] std::string text(std::string_view key) const {
    return expanded((*said)[key].value_or(std::string()));
  }
  [[nodiscard]] std::string words() const {
    return section + " " + reason + " " + text("why") + " " + text("record").substr(0, 200);
  }
};

std::vector<Case> cases_of(const std::string& section) {
  std::vector<Case> all;
  for (const toml::node& node : *contract()[section].as_array()) {
    const toml::table& entry = *node.as_table();
    const auto reason = entry["reason"].value_or(std::string());
    for (const char* const list : {"refused", "accepted"}) {
      const toml::array* const lines = entry[list].as_array();
      if (lines == nullptr) continue;
      for (const toml::node& line : *lines) {
        all.push_back({section, reason, list == std::string_view("refused"), line.as_table()});
      }
    }
  }
  return all;
}

EventMapping mapping_of(const toml::table& line) {
  EventMapping mapping;
  const toml::table* const said = line["mapping"].as_table();
  if (said == nullptr) return mapping;
  mapping.each = (*said)["each"].value_or(std::string());
  mapping.user_in_entry = (*said)["rekeyed"].value_or(false);
  mapping.max_future_ms = (*said)["max_future_ms"].value_or(mapping.max_future_ms);
  const auto unit = (*said)["ts_unit"].value_or(std::string("ms"));
  if (unit == "s") mapping.ts_unit = TimeUnit::kSeconds;
  if (unit == "us") mapping.ts_unit = TimeUnit::kMicroseconds;
  if (const toml::table* const map = (*said)["map"].as_table()) {
    for (const auto& [field, pointers] : *map) {
      std::vector<std::string>& list = mapping.fields[std::string(std::string_view(field))];
      for (const toml::node& pointer : *pointers.as_array()) list.push_back(**pointer.as_string());
    }
  }
  if (const toml::table* const types = (*said)["types"].as_table()) {
    for (const auto& [theirs, ours] : *types) {
      mapping.types[std::string(std::string_view(theirs))] = **ours.as_string();
    }
  }
  return mapping;
}

// What the code makes of a line: refused for a reason in words, or accepted as something.
struct Verdict {
  bool refused = false;
  std::string reason;
  std::string message;
  std::vector<std::string> gives;
  std::uint32_t ignored_count = 0;
};

Verdict refusal(const Error& error) {
  return {true, error.reason, error.message, {}, 0};
}

SourceRecord source_record(const Case& line) {
  const bool tombstone = (*line.said)["tombstone"].value_or(false);
  const TimeMs time{(*line.said)["record_time"].value_or(value(kNoRecordTime))};
  SourceRecord record =
      record_of(tombstone ? std::nullopt : std::optional(line.text("record")), time);
  if (line.said->contains("key")) record.key = line.text("key");
  return record;
}

Verdict judge_event(const Case& line) {
  auto codec = EventCodec::create(mapping_of(*line.said));
  if (!codec) return refusal(codec.error());
  const auto decoded = codec->decode(source_record(line));
  if (!decoded) {
    EXPECT_EQ(decoded.error().disposition, Disposition::kSkip);
    return refusal(decoded.error());
  }
  Verdict verdict;
  for (const Event& event : decoded->events) verdict.gives.push_back(encode_event(event));
  verdict.ignored_count = decoded->ignored_count;
  return verdict;
}

Verdict judge_item(const Case& line) {
  auto codec = ItemCodec::create({{{"image", 3}}});
  const auto change = codec->decode(source_record(line));
  if (!change) {
    EXPECT_EQ(change.error().disposition, Disposition::kSkip);
    return refusal(change.error());
  }
  Verdict verdict;
  verdict.gives = {(change->removed ? "removed " : "") + encode_item(change->item)};
  return verdict;
}

Verdict judge_configuration(const Case& line) {
  if (const toml::table* const vectors = (*line.said)["vectors"].as_table()) {
    ItemContract items;
    for (const auto& [name, dim] : *vectors) {
      items.vector_dims[std::string(std::string_view(name))] = dim.value_or(0);
    }
    const auto codec = ItemCodec::create(items);
    return codec ? Verdict{} : refusal(codec.error());
  }
  const auto codec = EventCodec::create(mapping_of(*line.said));
  return codec ? Verdict{} : refusal(codec.error());
}

Verdict judge(const Case& line) {
  if (line.section == "event") return judge_event(line);
  return line.section == "item" ? judge_item(line) : judge_configuration(line);
}

const std::vector<std::string> kSections = {"event", "item", "configuration"};

TEST(Contract, EveryLineIsRefusedOrAcceptedAsItSays) {
  int lines = 0;
  for (const std::string& section : kSections) {
    for (const Case& line : cases_of(section)) {
      const Verdict verdict = judge(line);
      ++lines;
      EXPECT_EQ(verdict.refused, line.refused) << line.words() << "\n" << verdict.message;
      if (line.refused) {
        EXPECT_EQ(verdict.message, line.text("message")) << line.words();
        if (section != "configuration") {
          EXPECT_EQ(verdict.reason, line.reason) << line.words();
        }
        continue;
      }
      EXPECT_EQ(verdict.ignored_count, (*line.said)["ignored"].value_or(0U)) << line.words();
      if (const toml::array* const gives = (*line.said)["gives"].as_array()) {
        std::vector<std::string> expected;
        for (const toml::node& one : *gives) expected.push_back(expanded(**one.as_string()));
        EXPECT_EQ(verdict.gives, expected) << line.words();
      }
    }
  }
  EXPECT_GT(lines, 250);
}

void expect_same_reasons(const std::string& section, const std::vector<Reason>& reasons) {
  std::vector<std::pair<std::string, std::string>> said;
  for (const toml::node& node : *contract()[section].as_array()) {
    const toml::table& entry = *node.as_table();
    if (!entry.contains("reason")) continue;
    said.emplace_back(entry["reason"].value_or(std::string()),
                      entry["meaning"].value_or(std::string()));
    const toml::array* const refused = entry["refused"].as_array();
    EXPECT_TRUE(refused != nullptr && !refused->empty()) << said.back().first << " has no record";
  }
  std::vector<std::pair<std::string, std::string>> known;
  for (const Reason& reason : reasons) known.emplace_back(reason.name, reason.meaning);
  EXPECT_EQ(said, known);
}

TEST(Contract, ItsReasonsAreThoseOfTheCodeAndEachHasARecord) {
  expect_same_reasons("event", event_reasons());
  expect_same_reasons("item", item_reasons());
}

TEST(Contract, MessagesAreOneLowerCaseClauseOnOneLine) {
  for (const std::string& section : kSections) {
    for (const Case& line : cases_of(section)) {
      const std::string message = judge(line).message;
      if (message.empty()) continue;
      EXPECT_TRUE(std::islower(static_cast<unsigned char>(message.front()))) << message;
      EXPECT_NE(message.back(), '.') << message;
      EXPECT_EQ(message.find_first_of("\n\r\t"), std::string::npos) << message;
      EXPECT_LT(message.size(), 300U) << message;
    }
  }
}

// ---- every message of the code ----

// The texts in the argument list that begins at `at`, neighbours joined as the compiler joins them.
std::vector<std::string> texts_in_call(const std::string& source, std::size_t at) {
  std::vector<std::string> texts;
  bool continues = false;
  for (int depth = 1; depth > 0 && at < source.size(); ++at) {
    if (source[at] == '"') {
      std::string text;
      for (++at; source[at] != '"'; ++at) {
        if (source[at] == '\\') ++at;
        text += source[at];
      }
      if (continues) {
        texts.back() += text;
      } else {
        texts.push_back(text);
      }
      continues = true;
      continue;
    }
    if (std::isspace(static_cast<unsigned char>(source[at])) == 0) continues = false;
    if (source[at] == '(') ++depth;
    if (source[at] == ')') --depth;
  }
  return texts;
}

// What skip(), stop() and fault() are called with in a file: the texts that are sentences.
std::set<std::string> messages_in(const std::string& file) {
  std::string source;
  for (const std::string& line : lines_of(kRoot + "/" + file)) source += line + "\n";
  std::set<std::string> messages;
  for (const std::string_view call : {"skip(", "stop(", "fault("}) {
    for (std::size_t at = 0; (at = source.find(call, at)) != std::string::npos;) {
      at += call.size();
      for (const std::string& text : texts_in_call(source, at)) {
        if (text.find(' ') != std::string::npos) messages.insert(text);
      }
    }
  }
  return messages;
}

// Whether `message` ends in `pattern`, whose {} stand for anything. What an error passes through
// on its way puts words before it ("entry 3: ...").
bool ends_in(std::string_view message, const std::string& pattern) {
  std::vector<std::string> pieces;
  std::size_t from = 0;
  for (std::size_t at; (at = pattern.find("{}", from)) != std::string::npos; from = at + 2) {
    pieces.push_back(pattern.substr(from, at - from));
  }
  pieces.push_back(pattern.substr(from));
  if (!message.ends_with(pieces.back())) return false;
  message.remove_suffix(pieces.back().size());
  pieces.pop_back();
  for (const std::string& piece : pieces) {
    const std::size_t at = message.find(piece);
    if (at == std::string_view::npos) return false;
    message.remove_prefix(at + piece.size());
  }
  return true;
}

TEST(Contract, EveryMessageOfTheCodeHasALineThatGivesIt) {
  std::vector<std::string> given;
  for (const std::string& section : kSections) {
    for (const Case& line : cases_of(section)) {
      if (line.refused) given.push_back(line.text("message"));
    }
  }
  std::size_t patterns = 0;
  for (const char* file :
       {"ingest/json_access.cc", "ingest/event_codec.cc", "ingest/event_fields.cc",
        "ingest/item_codec.cc", "ingest/event_mapping.cc"}) {
    for (const std::string& pattern : messages_in(file)) {
      ++patterns;
      EXPECT_TRUE(
          std::any_of(given.begin(), given.end(),
                      [&pattern](const std::string& message) { return ends_in(message, pattern); }))
          << file << " can say \"" << pattern << "\", and no line of contract.toml makes it";
    }
  }
  EXPECT_GT(patterns, 50U);
}

}  // namespace
}  // namespace fovea::ingest
