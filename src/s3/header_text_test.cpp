#include "s3/header_text.h"

#include <gtest/gtest.h>

namespace millrace::s3 {
namespace {

TEST(HeaderText, AsciiStaysAsItIs) {
  EXPECT_EQ(encode_header_text("a b=c?"), "a b=c?");
  EXPECT_EQ(decode_header_text("a b=c?"), "a b=c?");
  EXPECT_EQ(encode_header_text(""), "");
}

TEST(HeaderText, OtherTextIsOneEncodedWord) {
  EXPECT_EQ(encode_header_text("gr\xc3\xbc\xc3\x9f"), "=?UTF-8?B?Z3LDvMOf?=");
  EXPECT_EQ(encode_header_text("gr\xfc"), "=?UTF-8?B?Z3LDvA==?=");  // ISO-8859-1
  EXPECT_EQ(encode_header_text("a\tb"), "=?UTF-8?B?YQli?=");
}

TEST(HeaderText, ReadsEncodedWords) {
  EXPECT_EQ(decode_header_text("=?UTF-8?B?Z3LDvMOf?="), "gr\xc3\xbc\xc3\x9f");
  EXPECT_EQ(decode_header_text("=?utf-8?q?gr=C3=BC_x?="), "gr\xc3\xbc x");
  EXPECT_EQ(decode_header_text("=?ISO-8859-1?Q?gr=FC?= y"), "gr\xc3\xbc y");
  EXPECT_EQ(decode_header_text("=?UTF-8?B?YQ==?= =?UTF-8?B?Yg==?="), "ab");
}

TEST(HeaderText, LeavesWhatItCannotRead) {
  for (const char* text : {"=?", "=?x?=", "=?UTF-8?B?***?=", "=?KOI8-R?B?YQ==?=", "=?UTF-8?B?/w==?=", "=?UTF-8?Q?=zz?=",
                           "a =?UTF-8?B?YQ"}) {
    EXPECT_EQ(decode_header_text(text), text);
  }
}

}  // namespace
}  // namespace millrace::s3
