#include "unit/unit.h"

#include "base/logmark.h"
#include "base/mem.h"
#include "clients/logfile.h"
#include "io/files.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define OK(call)                                             \
	do {                                                 \
		struct err ok_ = {0}, *err = &ok_;           \
		if ((call) != RC_OK)                         \
			fail_msg("%s: %s", #call, err->msg); \
	} while (0)

static char dir[64], path[128];

static void write_log(struct str text, size_t piece, const char *marks)
{
	AUTO(logfile_writer_freep) struct logfile_writer *w = NULL;

	unlink(path);
	OK(logfile_create(path, &w, err));
	for (size_t i = 0; i < text.n; i += piece)
		OK(logfile_add(w, (struct str){text.p + i, MIN_OF(piece, text.n - i)}, err));
	OK(logfile_finish(w, str_of(marks), err));
}

static struct logfile *open_log(void)
{
	struct logfile *l = NULL;

	OK(logfile_open(open(path, O_RDONLY | O_CLOEXEC), &l, err));
	return l;
}

static void make_text(struct strbuf *text, size_t lines)
{
	for (size_t i = 1; i <= lines; i++)
		strbuf_addf(text, "line %zu of it\n", i);
}

static void round_trip(void **state)
{
	static const size_t lines[] = {0, 1, 1000, 60000, 120000};
	static const char marks[] = "0 5 begin 1 a\n7 9\n";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		AUTO(strbuf_done)
		struct strbuf text = STRBUF((size_t)8 << 20), out = STRBUF((size_t)8 << 20);
		make_text(&text, lines[i]);
		write_log(strbuf_str(&text), 7777, marks);
		AUTO(logfile_freep) struct logfile *l = open_log();
		uint64_t n = 0, at, before;
		CHECK(logfile_size(l) == text.n, "size");
		CHECK(logfile_lines(l, &n) && n == lines[i], "lines");
		CHECK(str_is(logfile_marks(l), marks), "marks");
		for (size_t from = 0; from < text.n; from += 100003)
			OK(logfile_read(l, from, MIN_OF((size_t)100003, text.n - from), &out, err));
		CHECK(str_eq(strbuf_str(&out), strbuf_str(&text)), "bytes");
		strbuf_clear(&out);
		OK(logfile_read(l, text.n, 10, &out, err));
		OK(logfile_read(l, text.n + 12345, 10, &out, err));
		CHECK(out.n == 0, "nothing behind the end");
		logfile_near_line(l, n / 2, &at, &before);
		CHECK(before <= n / 2 && at <= text.n, "a place before the middle");
		size_t counted = 0;
		for (size_t k = 0; k < at; k++)
			counted += text.p[k] == '\n';
		CHECK(counted == before, "its line number");
		logfile_near(l, text.n / 2, &at, &before);
		CHECK(at <= text.n / 2 && text.n / 2 - at < LOGFILE_FRAME, "a place near a byte");
	}
}

/* Any tool reads it. */
static void is_zstd(void **state)
{
	AUTO(strbuf_done)
	struct strbuf text = STRBUF((size_t)8 << 20), out = STRBUF((size_t)8 << 20);

	(void)state;
	if (access("/usr/bin/zstd", X_OK) != 0)
		skip();
	make_text(&text, 50000);
	write_log(strbuf_str(&text), 65536, "");
	AUTO(freep) char *command = xasprintf("/usr/bin/zstd -q -dc < %s > %s.out", path, path);
	AUTO(freep) char *to = xasprintf("%s.out", path);
	assert_int_equal(system(command), 0);
	OK(file_read(to, out.cap - 1, &out, err));
	CHECK(str_eq(strbuf_str(&out), strbuf_str(&text)), "bytes");
}

static void plain(void **state)
{
	static const char text[] = "an old log\nof an earlier version\n";
	AUTO(strbuf_done) struct strbuf out = STRBUF(1000);
	uint64_t n;

	(void)state;
	OK(file_write_fast(path, STR(text), 0600, err));
	AUTO(logfile_freep) struct logfile *l = open_log();
	OK(logfile_read(l, 3, 7, &out, err));
	CHECK_STR(strbuf_cstr(&out), "old log", "a part");
	CHECK(logfile_size(l) == sizeof(text) - 1 && !logfile_lines(l, &n), "size");
}

/* Every byte of the index flipped: refused or read, never out of bounds; text that is damaged is told. */
static void damaged(void **state)
{
	AUTO(strbuf_done)
	struct strbuf text = STRBUF((size_t)1 << 20), bytes = STRBUF((size_t)1 << 20),
		      out = STRBUF((size_t)1 << 20);
	unsigned refused = 0;

	(void)state;
	make_text(&text, 20000);
	write_log(strbuf_str(&text), 65536, "0 1\n");
	OK(file_read(path, bytes.cap - 1, &bytes, err));
	for (size_t back = 1; back < 120; back++) {
		struct logfile *l = NULL;
		bytes.p[bytes.n - back] ^= 0x41;
		OK(file_write_fast(path, strbuf_str(&bytes), 0600, err));
		struct err err = {0};
		bytes.p[bytes.n - back] ^= 0x41;
		if (logfile_open(open(path, O_RDONLY), &l, &err) != RC_OK) {
			CHECK(err.rc == RC_CORRUPT, err.msg);
			refused++;
			continue;
		}
		strbuf_clear(&out);
		(void)!logfile_read(l, 0, 1 << 19, &out, &err);
		logfile_free(l);
	}
	CHECK(refused > 60, "most are seen at once");
	bytes.p[bytes.n / 3] ^= 0x41;
	OK(file_write_fast(path, strbuf_str(&bytes), 0600, err));
	AUTO(logfile_freep) struct logfile *l = open_log();
	struct err err = {0};
	strbuf_clear(&out);
	CHECK(logfile_read(l, 0, 1 << 19, &out, &err) == RC_CORRUPT, "damaged text");
}

static void marks(void **state)
{
	struct log_mark list[] = {
		{.at = 0, .time = 10, .kind = LOG_BEGIN, .step = 1, .name = xstrdup("build it")},
		{.at = 0, .time = 11},
		{.at = 50, .time = 12, .kind = LOG_END, .step = 1},
		{.at = 50, .time = 13, .kind = LOG_BEGIN, .step = 2, .name = xstrdup("te\nst")},
		{.at = 70, .time = 14, .kind = LOG_END, .step = 2, .exit = -3}};
	AUTO(strbuf_done) struct strbuf text = STRBUF(1000);
	AUTO(log_marks_done) struct log_marks m = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		log_mark_write(&text, &list[i]);
	strbuf_adds(&text, "no mark\n60 15\n99");
	for (size_t i = 0; i < text.n; i++)
		log_marks_add(&m, (struct str){text.p + i, 1});
	assert_int_equal(m.v.n, 6);
	CHECK_STR(log_marks_step(&m, 0)->name, "build it", "first");
	CHECK_STR(log_marks_step(&m, 49)->name, "build it", "first, to its end");
	CHECK_STR(log_marks_step(&m, 50)->name, "te st", "second");
	CHECK(!log_marks_step(&m, 70) && !log_marks_step(&m, 1000), "behind");
	CHECK(m.v.v[4].exit == -3 && m.v.v[5].at == 70, "exit; offsets never go back");
	CHECK(log_marks_time(&m, 0) == 11 && log_marks_time(&m, 60) == 13, "times");
	xfree(list[0].name);
	xfree(list[3].name);
}

static int open_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/penstock-logfile-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/log", dir);
	return 0;
}

static int close_dir(void **state)
{
	(void)state;
	return tree_remove(dir, NULL) != RC_OK;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip), cmocka_unit_test(is_zstd), cmocka_unit_test(plain),
		cmocka_unit_test(damaged),    cmocka_unit_test(marks),
	};

	return cmocka_run_group_tests_name("logfile", tests, open_dir, close_dir);
}
