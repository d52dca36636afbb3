/* A kept log's index and frames: a blob may come from another machine. */
#include "base/logmark.h"
#include "base/mem.h"
#include "clients/logfile.h"
#include "io/files.h"

#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("log", MFD_CLOEXEC);
	struct logfile *l = NULL;
	struct err err = {0};
	uint64_t at, lines;

	BUG_ON(fd < 0 || fd_write(fd, data, size, &err) != RC_OK);
	if (logfile_open(fd, &l, &err) != RC_OK) {
		BUG_ON(err.rc != RC_CORRUPT);
		return 0;
	}
	struct strbuf text = STRBUF((size_t)4 << 20);
	struct log_marks marks = {0};
	(void)!logfile_read(l, 0, 1 << 20, &text, &err);
	(void)!logfile_read(l, logfile_size(l) / 2, 1 << 20, &text, &err);
	logfile_near(l, logfile_size(l) / 2, &at, &lines);
	logfile_near_line(l, 7, &at, &lines);
	BUG_ON(lines > 7);
	log_marks_add(&marks, logfile_marks(l));
	for (size_t i = 1; i < marks.v.n; i++)
		BUG_ON(marks.v.v[i].at < marks.v.v[i - 1].at);
	(void)log_marks_step(&marks, size);
	log_marks_done(&marks);
	strbuf_done(&text);
	logfile_free(l);
	return 0;
}
