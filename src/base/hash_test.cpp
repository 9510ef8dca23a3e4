#include "base/hash.h"

#include <gtest/gtest.h>

#include <set>

#include "base/encode.h"
#include "base/ids.h"

namespace millrace {
namespace {

TEST(Hash, PublishedVectors) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // FIPS 180-4
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(md5("abc")), "900150983cd24fb0d6963f7d28e17f72");           // RFC 1321
  EXPECT_EQ(to_hex(sha1("abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");  // FIPS 180-4
  // RFC 4231, cases 2 and 6 (a key longer than the block).
  EXPECT_EQ(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(to_hex(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(to_hex(hmac_sha1("Jefe", "what do ya want for nothing?")), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  EXPECT_EQ(to_hex(hmac_sha256("", "")), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Hash, InPiecesAsAtOnce) {
  Hasher hasher(Digest::sha256);
  hasher.update("a");
  hasher.update("");
  hasher.update("bc");
  EXPECT_EQ(to_hex(hasher.finish()), sha256_hex("abc"));
}

TEST(Hash, ComparesWhole) {
  EXPECT_TRUE(equal_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_constant_time("abc", "abcd"));
  EXPECT_TRUE(equal_constant_time("", ""));
}

TEST(Seal, OpensOnlyWithItsKeyItsContextAndUnchanged) {
  const std::string key(32, 'k');
  const std::string secret = "wJalrXUtnFEMI/K7MDENG";
  const std::string sealed = seal(key, secret, "user/alice");
  EXPECT_EQ(sealed.find(secret), std::string::npos);
  EXPECT_NE(sealed, seal(key, secret, "user/alice"));  // a nonce of its own each time
  std::string out = "kept";
  ASSERT_TRUE(unseal(key, sealed, "user/alice", out));
  EXPECT_EQ(out, secret);
  out = "kept";
  EXPECT_FALSE(unseal(std::string(32, 'x'), sealed, "user/alice", out));
  EXPECT_FALSE(unseal("short", sealed, "user/alice", out));
  EXPECT_FALSE(unseal(key, sealed, "user/bob", out));
  EXPECT_FALSE(unseal(key, sealed.substr(0, sealed.size() - 1), "user/alice", out));
  EXPECT_FALSE(unseal(key, "", "user/alice", out));
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(unseal(key, changed, "user/alice", out)) << i;
  }
  EXPECT_EQ(out, "kept");
  ASSERT_TRUE(unseal(key, seal(key, "", ""), "", out));
  EXPECT_EQ(out, "");
}

TEST(Ids, HaveTheirShapeAndDiffer) {
  const std::string id = uuid4();
  ASSERT_EQ(id.size(), 36u);
  EXPECT_EQ(id[14], '4');
  EXPECT_NE(std::string_view("89ab").find(id[19]), std::string_view::npos);
  EXPECT_EQ(id.find_first_not_of("0123456789abcdef-"), std::string::npos);
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(uuid4());
  EXPECT_EQ(seen.size(), 1000u);
  EXPECT_EQ(random_hex(7).size(), 7u);
  EXPECT_EQ(random_base36(20, true).find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"), std::string::npos);
  std::set<char> letters;
  for (const char c : random_string(2000, "abc")) letters.insert(c);
  EXPECT_EQ(letters, (std::set<char>{'a', 'b', 'c'}));
}

}  // namespace
}  // namespace millrace
