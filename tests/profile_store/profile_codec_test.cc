// The profile's bytes: round trips, every way to damage them, and the file that fixes version 1.
// FOVEA_SEED=... plays a random case again.

#include "profile_store/profile_codec.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>

#include "tests/profile_store/random_profiles.h"

namespace fovea::profile_store {
namespace {

constexpr std::size_t kHeaderBytes = 8;

std::string with_right_checksum(std::string bytes) {
  const auto crc = static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(bytes.data()) + kHeaderBytes,
            static_cast<uInt>(bytes.size() - kHeaderBytes)));
  for (std::size_t i = 0; i < 4; ++i) bytes[4 + i] = static_cast<char>(crc >> (8 * i));
  return bytes;
}

std::string message(std::string_view bytes) {
  Result<Profile> profile = decode_profile(bytes);
  return profile ? "" : profile.error().message;
}

// One of everything the format can hold.
Profile golden_profile() {
  Profile profile;
  Behaviour& behaviour = profile.behaviour;
  behaviour.history = {{ItemKey{0x0123456789ABCDEF}, EventType::kView, TimeMs{1'700'000'000'000}},
                       {ItemKey{42}, EventType::kRate, TimeMs{1'700'000'001'500}, 4.5F},
                       {ItemKey{42}, EventType::kPurchase, TimeMs{1'700'000'100'000}, -2.0F}};
  behaviour.event_count = 300;
  behaviour.context = {{"hour", 7.0}, {"device", std::string("phone")}};
  behaviour.counters[0] = {1.25F, TimeMs{1'700'000'000'000}};
  behaviour.counters[5] = {3.0F, TimeMs{1'700'000'200'000}};
  behaviour.recent_event_ids = {1, 0xFFFFFFFFFFFFFFFF};
  behaviour.own_items = {{ItemKey{7}, TimeMs{1'600'000'000'000}, 2},
                         {ItemKey{0x0123456789ABCDEF}, TimeMs{1'700'000'000'000}, 1},
                         {ItemKey{42}, TimeMs{1'700'000'100'000}, 200}};
  behaviour.applied = 123'456;
  profile.learned = {
      {0xFEDCBA9876543210, 1, 9'999}, {0.5F, -1.25F, 0.0F}, {1.0F, 65504.0F, 0x1p-24F}};
  profile.served = {"5f3a9c0011223344",
                    TimeMs{1'700'000'100'000},
                    {{ItemKey{9}, 1.0F}, {ItemKey{8}, 0.25F}},
                    17,
                    300};
  profile.unknown_sections = {{200, std::string("from a newer version\0!", 22)}};
  return profile;
}

std::string golden_path() {
  return FOVEA_SOURCE_DIR "/tests/profile_store/golden/profile_v1.bin";
}

TEST(ProfileCodec, TheGoldenFileFixesVersionOneBothWays) {
  std::ifstream file(golden_path(), std::ios::binary);
  const std::string golden{std::istreambuf_iterator<char>(file), {}};

  EXPECT_EQ(encode_profile(golden_profile()), golden);
  Result<Profile> decoded = decode_profile(golden);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(*decoded, golden_profile());
}

TEST(ProfileCodec, DecodesWhatItEncoded) {
  Generator generate(test_seed());
  for (int round = 0; round < 500; ++round) {
    const Profile profile = generate.profile(small_settings(), 60, 8);
    Result<Profile> decoded = decode_profile(encode_profile(profile));

    ASSERT_TRUE(decoded) << decoded.error().message;
    ASSERT_EQ(*decoded, profile) << "round " << round;
  }
}

TEST(ProfileCodec, NothingIsLeftOfWhatAProfileHeldBefore) {
  Generator generate(test_seed());
  Profile used;
  for (int round = 0; round < 500; ++round) {
    Profile profile = generate.profile(small_settings(), 60, 8);
    if (round % 3 == 0) profile = {};
    if (round % 5 == 0) profile.unknown_sections = {{9, "newer"}};

    ASSERT_TRUE(decode_profile(encode_profile(profile), used));
    ASSERT_EQ(used, profile) << "round " << round;
  }
}

TEST(ProfileCodec, AnEmptyProfileIsTenBytesAndAFew) {
  const std::string bytes = encode_profile({});

  EXPECT_LE(bytes.size(), 20U);
  EXPECT_EQ(*decode_profile(bytes), Profile{});
}

TEST(ProfileCodec, RejectsEveryTruncationOfAValidProfile) {
  const std::string bytes = encode_profile(golden_profile());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ASSERT_FALSE(decode_profile(std::string_view(bytes).substr(0, size))) << size;
  }
}

TEST(ProfileCodec, RejectsEveryFlippedBit) {
  const std::string bytes = encode_profile(golden_profile());
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    ASSERT_FALSE(decode_profile(flipped)) << bit;
  }
}

TEST(ProfileCodec, StandsAnyBytesBehindARightChecksum) {
  Generator generate(test_seed());
  int accepted = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string bytes = encode_profile(golden_profile());
    for (std::uint64_t damage = 1 + generate.below(4); damage > 0; --damage) {
      bytes[kHeaderBytes + generate.below(bytes.size() - kHeaderBytes)] =
          static_cast<char>(generate.below(256));
    }
    if (generate.below(4) == 0)
      bytes.resize(kHeaderBytes + generate.below(bytes.size() - kHeaderBytes));
    Result<Profile> profile = decode_profile(with_right_checksum(bytes));
    if (!profile) continue;
    ++accepted;
    ASSERT_EQ(*decode_profile(encode_profile(*profile)), *profile);
  }
  EXPECT_GT(accepted, 0) << "a changed number is still a profile";
}

TEST(ProfileCodec, StandsRandomBytes) {
  Generator generate(test_seed());
  for (int round = 0; round < 100'000; ++round) {
    std::string bytes = std::string("fvp\x01", 4) + "crc_" + generate.bytes(64);
    (void)decode_profile(with_right_checksum(bytes));
    (void)decode_profile(generate.bytes(64));
  }
}

TEST(ProfileCodec, KeepsAnUnknownSectionByteForByte) {
  Profile profile;
  profile.unknown_sections = {{9, std::string("\0\xFF kept", 7)}, {4, ""}};

  Result<Profile> decoded = decode_profile(encode_profile(profile));

  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->unknown_sections, profile.unknown_sections);
}

TEST(ProfileCodec, NamesWhatIsWrong) {
  const std::string bytes = encode_profile(golden_profile());
  std::string other = bytes;
  other[0] = 'x';
  std::string newer = bytes;
  newer[3] = 2;
  std::string damaged = bytes;
  damaged.back() ^= 1;

  EXPECT_EQ(message("fvp"), "profile is truncated: 3 bytes");
  EXPECT_EQ(message(other), "not a profile: it does not begin with fvp");
  EXPECT_EQ(message(newer), "profile has version 2, this build reads up to 1");
  EXPECT_EQ(message(damaged), "profile is damaged or truncated: its checksum does not match");
  EXPECT_EQ(decode_profile(newer).error().disposition, Disposition::kStop);
}

TEST(ProfileCodec, RefusesNumbersThatAreNotFinite) {
  Profile profile;
  profile.learned.current = {1.0F};
  std::string bytes = encode_profile(profile);
  // The component is the last but one byte pair: `lasting` is an empty vector of one byte.
  bytes[bytes.size() - 2] = 0x7E;

  EXPECT_EQ(message(with_right_checksum(bytes)), "profile has a malformed section: learned");
}

TEST(ProfileCodec, KeepsTheLargestOffset) {
  Profile profile;
  profile.behaviour.applied = std::numeric_limits<Offset>::max() - 1;

  Result<Profile> decoded = decode_profile(encode_profile(profile));

  ASSERT_TRUE(decoded) << message(encode_profile(profile));
  EXPECT_EQ(decoded->behaviour.applied, profile.behaviour.applied);
}

TEST(ProfileCodec, RefusesWhatIsOutOfOrder) {
  Profile history;
  history.behaviour.history = {{ItemKey{1}, EventType::kView, TimeMs{200}},
                               {ItemKey{2}, EventType::kView, TimeMs{100}}};
  Profile own_items;
  own_items.behaviour.own_items = {{ItemKey{1}, TimeMs{200}, 1}, {ItemKey{2}, TimeMs{100}, 1}};

  EXPECT_EQ(message(encode_profile(history)), "profile has a malformed section: behaviour");
  EXPECT_EQ(message(encode_profile(own_items)), "profile has a malformed section: behaviour");
}

TEST(ProfileCodec, RefusesBytesLeftOverInASection) {
  const std::string header("fvp\x01\0\0\0\0", 8);
  const std::string behaviour = encode_behaviour({}) + '\0';
  const std::string section =
      std::string(1, '\1') + static_cast<char>(behaviour.size()) + behaviour;

  EXPECT_EQ(message(with_right_checksum(header + section)),
            "profile has a malformed section: behaviour");
}

TEST(ProfileCodec, RefusesSectionsOutOfPlace) {
  const std::string header("fvp\x01\0\0\0\0", 8);
  const std::string behaviour = encode_behaviour({});
  const std::string section =
      std::string(1, '\1') + static_cast<char>(behaviour.size()) + behaviour;

  EXPECT_EQ(message(with_right_checksum(header + section)), "");
  EXPECT_EQ(message(with_right_checksum(header + section + section)),
            "profile has section 1 out of place");
  EXPECT_EQ(message(with_right_checksum(header + std::string("\xC8\0", 2))),
            "profile has section 200 out of place");
  EXPECT_EQ(message(with_right_checksum(header)), "profile has a malformed section table");
}

TEST(ProfileCodec, AWorkingProfileIsAboutThirteenHundredBytes) {
  Generator generate(7);
  Profile profile;
  FoldSettings settings;
  settings.context_fields = {"hour", "device"};
  std::int64_t time = 1'700'000'000'000;
  for (int i = 0; i < 50; ++i) {
    Event event;
    event.item.key = ItemKey{generate.bits()};
    event.event_time = TimeMs{time += static_cast<std::int64_t>(generate.below(3'600'000))};
    event.context = {{"hour", 7.0}, {"device", std::string("phone")}};
    fold(settings, event, 0, profile.behaviour);
  }
  profile.learned.current.assign(64, 0.5F);
  profile.learned.lasting.assign(64, -0.5F);
  profile.served.slate_id = "5f3a9c0011223344";
  for (int i = 0; i < 10; ++i) profile.served.items.push_back({ItemKey{generate.bits()}});

  const std::size_t plain = encode_profile(profile).size();
  for (int i = 0; i < 64; ++i) profile.behaviour.recent_event_ids.push_back(generate.bits());
  const std::size_t with_ids = encode_profile(profile).size();
  std::cout << plain << " bytes; with 64 event ids " << with_ids << "\n";

  EXPECT_LE(plain, 1350U);
  EXPECT_LE(with_ids, 1350U + 512U);
}

}  // namespace
}  // namespace fovea::profile_store
