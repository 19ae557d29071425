// The event and item contract, one line of contract_cases.ndjson a case: a record and the reason it
// is refused for, or "" where it is accepted. README.md's tables are compared with the code's.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "ingest/event_codec.h"
#include "ingest/item_codec.h"
#include "tests/ingest/records.h"

namespace fovea::ingest {
namespace {

using nlohmann::json;

const std::string kFolder = FOVEA_SOURCE_DIR "/tests/ingest/";

// `hex` gives bytes that JSON cannot; `repeat` and `fill_to` give long records in short lines.
std::optional<std::string> bytes_of(const json& test_case) {
  if (test_case["record"].is_null()) return std::nullopt;
  auto bytes = test_case["record"].get<std::string>();
  const auto hex = test_case.value("hex", std::string());
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  if (test_case.contains("repeat")) {
    const auto text = test_case["repeat"][0].get<std::string>();
    for (int i = 0; i < test_case["repeat"][1].get<int>(); ++i) bytes += text;
  }
  if (test_case.contains("fill_to")) {
    const auto close = test_case["close"].get<std::string>();
    bytes.resize(test_case["fill_to"].get<std::size_t>() - close.size(), 'x');
    bytes += close;
  }
  return bytes;
}

EventMapping mapping_of(const json& test_case) {
  EventMapping mapping;
  if (!test_case.contains("mapping")) return mapping;
  const json& given = test_case["mapping"];
  mapping.each = given.value("each", std::string());
  if (given.contains("fields")) {
    mapping.fields = given["fields"].get<std::map<std::string, std::vector<std::string>>>();
  }
  return mapping;
}

// What the codec says: "" or the reason, with the message for the case that names one.
struct Verdict {
  std::string reason;
  std::string message;
};

template <class T>
Verdict verdict_of(const Result<T>& result) {
  if (result) return {};
  EXPECT_EQ(result.error().disposition, Disposition::kSkip);
  return {result.error().reason, result.error().message};
}

Verdict judge(const json& test_case) {
  SourceRecord record =
      record_of(bytes_of(test_case), TimeMs{test_case.value("record_time", std::int64_t{-1})});
  if (test_case["codec"] == "event") {
    return verdict_of(codec_of(mapping_of(test_case)).decode(record));
  }
  ItemContract contract;
  if (test_case.contains("vectors")) {
    contract.vector_dims = test_case["vectors"].get<std::map<std::string, std::int32_t>>();
  }
  if (test_case.contains("key")) record.key = test_case["key"].get<std::string>();
  auto codec = ItemCodec::create(contract);
  return verdict_of(codec->decode(record));
}

std::vector<json> cases() {
  std::vector<json> all;
  for (const std::string& line : lines_of(kFolder + "contract_cases.ndjson")) {
    all.push_back(json::parse(line));
  }
  return all;
}

// The rows of the table below `heading`, as (first column, second column).
std::vector<std::pair<std::string, std::string>> table_below(const std::string& heading) {
  std::vector<std::pair<std::string, std::string>> rows;
  bool below = false;
  for (const std::string& line : lines_of(FOVEA_SOURCE_DIR "/ingest/README.md")) {
    if (line.starts_with("#")) below = line == heading;
    if (!below || !line.starts_with("| `")) continue;
    const std::size_t end = line.find("` | ");
    rows.emplace_back(line.substr(3, end - 3), line.substr(end + 4, line.size() - end - 6));
  }
  return rows;
}

void expect_documented(const std::string& heading, const std::vector<Reason>& reasons) {
  const auto rows = table_below(heading);
  ASSERT_EQ(rows.size(), reasons.size()) << heading;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].first, reasons[i].name);
    EXPECT_EQ(rows[i].second, reasons[i].meaning);
  }
}

void expect_every_reason_tested(const std::string& codec, const std::vector<Reason>& reasons) {
  std::set<std::string> tested;
  for (const json& test_case : cases()) {
    if (test_case["codec"] == codec) tested.insert(test_case["reason"].get<std::string>());
  }
  tested.erase("");
  std::set<std::string> known;
  for (const Reason& reason : reasons) known.insert(std::string(reason.name));
  EXPECT_EQ(tested, known);
}

TEST(Contract, EveryRecordHasTheReasonThatItsLineSays) {
  for (const json& test_case : cases()) {
    const Verdict verdict = judge(test_case);
    EXPECT_EQ(verdict.reason, test_case["reason"].get<std::string>())
        << test_case.dump().substr(0, 300) << "\n"
        << verdict.message;
    if (test_case.contains("message")) {
      EXPECT_EQ(verdict.message, test_case["message"].get<std::string>());
    }
  }
}

TEST(Contract, EveryReasonHasARecord) {
  expect_every_reason_tested("event", event_reasons());
  expect_every_reason_tested("item", item_reasons());
}

TEST(Contract, TheReadmeListsExactlyTheReasonsOfTheCode) {
  expect_documented("### Reasons for events", event_reasons());
  expect_documented("### Reasons for items", item_reasons());
}

TEST(Contract, MessagesAreOneLowerCaseClauseWithoutAStop) {
  for (const json& test_case : cases()) {
    const std::string message = judge(test_case).message;
    if (message.empty()) continue;
    EXPECT_TRUE(std::islower(static_cast<unsigned char>(message.front()))) << message;
    EXPECT_NE(message.back(), '.') << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    EXPECT_LT(message.size(), 256U) << message;
  }
}

}  // namespace
}  // namespace fovea::ingest
