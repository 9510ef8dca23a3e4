// ICU's data without any table, as ICU's own "stubdata" library has it: header and an empty table of contents. Format:
// struct UDataInfo of unicode/udata.h, and "ToCP", a table of contents whose entries are pointers.
#include <stdint.h>

struct table_of_contents {
  uint16_t header_size;
  uint8_t magic1, magic2;
  uint16_t info_size, reserved_word;
  uint8_t is_big_endian, charset_family, size_of_char, reserved_byte;
  uint8_t data_format[4], format_version[4], data_version[4];
  uint8_t padding[8];
  uint32_t count, reserved;
  int fake_name_and_data[4];
};

const struct table_of_contents ICU_DATA = {
    32, 0xda, 0x27, 20, 0, 0, 0, 2, 0, {'T', 'o', 'C', 'P'}, {1, 0, 0, 0}, {0, 0, 0, 0}, {0}, 0, 0, {0},
};
