/* How a kept log ends: for logfile*.c only. */
#pragma once
#include "base/vec.h"
#include "clients/logfile.h"

#define LOGFILE_SKIPPABLE \
	0x184d2a50u /* magic of a skippable zstd frame; then its length, 4 bytes */
#define LOGFILE_MAGIC "PSLOGIX1"
#define LOGFILE_TRAILER \
	((size_t)16) /* LOGFILE_MAGIC, length of the packed index (8 bytes, little-endian): ends the file */

struct logfile_frame {
	uint64_t packed_at, packed, at, bytes, lines_before, lines;
};
typedef VEC(struct logfile_frame) logfile_frames;
