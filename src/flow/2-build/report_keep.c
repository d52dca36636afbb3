/* What is kept of a job: its log as one blob, its reports as another. */
#include "flow/2-build/report_keep.h"

#include "clients/logfile.h"
#include "io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define PIECE     ((size_t)256 << 10)
#define MARKS_MAX ((size_t)48 << 20)

static enum rc pack(const char *log, const char *packed, struct err *err)
{
	AUTO(fd_close) int fd = open(log, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	AUTO(logfile_writer_freep) struct logfile_writer *w = NULL;
	AUTO(strbuf_done) struct strbuf marks = STRBUF(MARKS_MAX + 1);
	AUTO(freep) char *buf = xmalloc(PIECE), *idx = xasprintf("%s.idx", log);
	struct err none = {0};

	if (fd < 0)
		return err_errno(err, errno, "open %s", log);
	if (unlink(packed) < 0 && errno != ENOENT) /* of a collection that was cut off */
		return err_errno(err, errno, "remove %s", packed);
	enum rc rc = logfile_create(packed, &w, err);
	while (rc == RC_OK) {
		ssize_t k = read(fd, buf, PIECE);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			rc = err_errno(err, errno, "read %s", log);
		if (k <= 0)
			break;
		rc = logfile_add(w, (struct str){buf, (size_t)k}, err);
	}
	if (rc == RC_OK && file_read(idx, MARKS_MAX, &marks, &none) != RC_OK)
		strbuf_clear(&marks); /* a log without times is one all the same */
	return rc == RC_OK ? logfile_finish(w, strbuf_str(&marks), err) : rc;
}

enum rc log_keep(const char *log, const struct exec_inputs *in, char **ret, struct err *err)
{
	AUTO(freep) char *packed = xasprintf("%s.zst", log);
	AUTO(fd_close) int fd = open(log, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	enum rc rc = RC_OK;

	if (fd < 0 && errno == ENOENT)
		rc = file_write_fast(log, STR(""), 0600, err);
	if (rc != RC_OK)
		return rc;
	if (fd < 0 || lseek(fd, 0, SEEK_END) == 0) /* all empty logs are one blob */
		return in->keep_file(in->ctx, log, ret, err);
	rc = pack(log, packed, err);
	if (rc == RC_OK)
		rc = in->keep_file(in->ctx, packed, ret, err);
	(void)unlink(packed);
	return rc;
}

static bool says_anything(const struct report *r)
{
	return r->tests_run || r->annotations.n || r->coverage.n || r->summary || r->cause;
}

static void forget_tests(struct report *r)
{
	while (r->tests.n && vec_last(&r->tests)->outcome != TEST_FAILED) {
		shape_done(&shape_report_test, vec_last(&r->tests));
		r->tests.n--;
	}
}

enum rc report_keep(const char *dir, struct report *r, const struct exec_inputs *in, char **ret,
		    struct err *err)
{
	AUTO(freep) char *path = xasprintf("%s/report.json", dir);
	AUTO(strbuf_done) struct strbuf text = STRBUF(REPORT_MAX);
	struct json_out o = JSON_OUT(&text);

	if (!says_anything(r))
		return RC_OK;
	shape_write(&o, NULL, &shape_report, r);
	if (strbuf_failed(&text)) { /* names of tests that passed are what matters least */
		forget_tests(r);
		strbuf_clear(&text);
		o = JSON_OUT(&text);
		shape_write(&o, NULL, &shape_report, r);
	}
	if (strbuf_failed(&text))
		return err_set(err, RC_TOO_BIG, "the reports have more than %zu MiB",
			       REPORT_MAX >> 20);
	enum rc rc = file_write_fast(path, strbuf_str(&text), 0600, err);
	return rc == RC_OK ? in->keep_file(in->ctx, path, ret, err) : rc;
}
