#pragma once

/// libarchive, loaded at the first archive (base/lazy_library.h says why). Call archive_library.load() before the first
/// function of each reader and writer.

#include <archive.h>
#include <archive_entry.h>

#include "base/lazy_library.h"

namespace millrace {

inline constinit LazyLibrary archive_library{"libarchive.so.13", "libarchive13", "archive_read_new"};

MR_LAZY_FUNCTION(archive_library, archive_entry_filetype)
MR_LAZY_FUNCTION(archive_library, archive_entry_free)
MR_LAZY_FUNCTION(archive_library, archive_entry_hardlink)
MR_LAZY_FUNCTION(archive_library, archive_entry_new)
MR_LAZY_FUNCTION(archive_library, archive_entry_pathname)
MR_LAZY_FUNCTION(archive_library, archive_entry_perm)
MR_LAZY_FUNCTION(archive_library, archive_entry_set_filetype)
MR_LAZY_FUNCTION(archive_library, archive_entry_set_mtime)
MR_LAZY_FUNCTION(archive_library, archive_entry_set_pathname)
MR_LAZY_FUNCTION(archive_library, archive_entry_set_perm)
MR_LAZY_FUNCTION(archive_library, archive_entry_set_size)
MR_LAZY_FUNCTION(archive_library, archive_error_string)
MR_LAZY_FUNCTION(archive_library, archive_read_data)
MR_LAZY_FUNCTION(archive_library, archive_read_free)
MR_LAZY_FUNCTION(archive_library, archive_read_new)
MR_LAZY_FUNCTION(archive_library, archive_read_next_header)
MR_LAZY_FUNCTION(archive_library, archive_read_open_filename)
MR_LAZY_FUNCTION(archive_library, archive_read_open_memory)
MR_LAZY_FUNCTION(archive_library, archive_read_support_filter_gzip)
MR_LAZY_FUNCTION(archive_library, archive_read_support_format_raw)
MR_LAZY_FUNCTION(archive_library, archive_read_support_format_tar)
MR_LAZY_FUNCTION(archive_library, archive_read_support_format_zip_seekable)
MR_LAZY_FUNCTION(archive_library, archive_write_add_filter_gzip)
MR_LAZY_FUNCTION(archive_library, archive_write_close)
MR_LAZY_FUNCTION(archive_library, archive_write_data)
MR_LAZY_FUNCTION(archive_library, archive_write_free)
MR_LAZY_FUNCTION(archive_library, archive_write_header)
MR_LAZY_FUNCTION(archive_library, archive_write_new)
MR_LAZY_FUNCTION(archive_library, archive_write_open_filename)
MR_LAZY_FUNCTION(archive_library, archive_write_set_format_pax_restricted)
MR_LAZY_FUNCTION(archive_library, archive_write_set_options)

}  // namespace millrace
