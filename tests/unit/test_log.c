#include "unit.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"

static int file;
static usec_t now(void)
{
	return UINT64_C(1769860800123456);
}

static int open_log(void **state)
{
	(void)state;
	FILE *f = tmpfile();
	file = f ? dup(fileno(f)) : -1;
	if (f)
		fclose(f);
	return file < 0;
}

static int close_log(void **state)
{
	(void)state;
	log_open(STDERR_FILENO, false, LOG_INFO);
	log_clock(NULL);
	log_redact(NULL, NULL);
	return close(file);
}

static char *written(void)
{
	off_t n = lseek(file, 0, SEEK_END);
	char *text = xcalloc((size_t)n + 1, 1);

	assert_int_equal(pread(file, text, (size_t)n, 0), n);
	return text;
}

static void json_lines(void **state)
{
	const char *none = NULL;
	char array[8] = "j1";

	(void)state;
	log_open(file, true, LOG_INFO);
	log_clock(now);
	LOG(LOG_DEBUG, "not this");
	LOG(LOG_INFO, "job \"ended\"", LF("job", array), LF("none", none), LFN("exit", -3));
	LOG(LOG_ERROR, "plain");
	AUTO(freep) char *text = written();
	assert_string_equal(
		text,
		"{\"time\":\"2026-01-31T12:00:00.123456Z\",\"level\":\"info\",\"message\":\"job \\\"ended\\\"\","
		"\"job\":\"j1\",\"none\":\"\",\"exit\":-3}\n"
		"{\"time\":\"2026-01-31T12:00:00.123456Z\",\"level\":\"error\",\"message\":\"plain\"}\n");
}

static void text_lines_cannot_be_forged(void **state)
{
	(void)state;
	log_open(file, false, LOG_DEBUG);
	log_clock(now);
	LOG(LOG_WARN, "a\nb \x1b[2J", LF("k", "x\r\ny"), LF("q", "a b"), LF("e", ""), LFN("n", 7));
	AUTO(freep) char *text = written();
	assert_string_equal(text,
			    "12:00:00 warn  a\\nb \\u001b[2J k=x\\r\\ny q=\"a b\" e=\"\" n=7\n");
}

static void mask(struct strbuf *line, void *ctx)
{
	for (char *p; line->p && (p = strstr(line->p, ctx));)
		memset(p, '*', strlen(ctx));
}

static void overflow(struct strbuf *line, void *ctx)
{
	(void)ctx;
	while (!strbuf_failed(line))
		strbuf_adds(line, "secret");
}

static void secrets_are_masked(void **state)
{
	char secret[] = "hunter2";

	(void)state;
	log_open(file, true, LOG_INFO);
	log_redact(mask, secret);
	LOG(LOG_INFO, "got hunter2", LF("hunter2", "hunter2hunter2"));
	log_redact(overflow, NULL);
	LOG(LOG_INFO, "secret");
	AUTO(freep) char *text = written();
	assert_null(strstr(text, "hunter2"));
	assert_non_null(strstr(text, "got *******"));
	assert_null(strstr(text, "secret"));
	assert_non_null(strstr(text, "too long to be masked"));
}

static void long_ones_are_cut(void **state)
{
	static char big[100000];
	struct log_field fields[100];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	memcpy(big + 4095, "\xe2\x82\xac", 3); /* the cut falls into it */
	log_open(file, true, LOG_INFO);
	LOG(LOG_INFO, big, LF("k", big));
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		fields[i] = LF("k", big);
	log_write(LOG_INFO, "many", fields, ARRAY_LEN(fields));
	AUTO(freep) char *text = written();
	struct str rest = str_trim(str_of(text));
	while (rest.p) {
		AUTO(json_freep) struct json *j = NULL;
		struct str line = str_cut(&rest, '\n');
		assert_true(line.n < 10000);
		assert_true(str_is_utf8(line));
		if (strstr(line.p, "\"k\"") && rest.p)
			continue; /* keys twice are the caller's doing, JSON that we read has them once */
		assert_int_equal(json_read(line, 10000, &j, NULL), RC_OK);
		assert_int_equal(json_get_int(j, "fields_left_out", 0), 100);
	}
}

static void *many(void *name)
{
	for (int i = 0; i < 2000; i++)
		LOG(LOG_INFO, "from a thread", LF("name", name), LFN("i", i));
	return NULL;
}

static void threads_do_not_mix_lines(void **state)
{
	pthread_t threads[4];
	char names[4][2] = {"a", "b", "c", "d"};
	int next[4] = {0};
	size_t lines = 0;

	(void)state;
	log_open(file, true, LOG_INFO);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, many, names[i]), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	AUTO(freep) char *text = written();
	for (struct str rest = str_trim(str_of(text)); rest.p; lines++) {
		AUTO(json_freep) struct json *j = NULL;
		assert_int_equal(json_read(str_cut(&rest, '\n'), 1000, &j, NULL), RC_OK);
		int who = json_get_text(j, "name", "?")[0] - 'a';
		assert_in_range(who, 0, 3);
		assert_int_equal(json_get_int(j, "i", -1), next[who]++);
	}
	assert_int_equal(lines, 8000);
}

/* A log that nobody reads must not stop the daemon. */
static void a_full_pipe_does_not_block(void **state)
{
	int fds[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	assert_true(fcntl(fds[1], F_SETPIPE_SZ, 4096) > 0);
	log_open(fds[1], true, LOG_INFO);
	for (int i = 0; i < 45; i++)
		LOG(LOG_INFO, "into a pipe that nobody reads, about one hundred bytes to a line");
	close(fds[0]);
	LOG(LOG_INFO, "and into one that is closed");
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(json_lines, open_log, close_log),
		cmocka_unit_test_setup_teardown(text_lines_cannot_be_forged, open_log, close_log),
		cmocka_unit_test_setup_teardown(secrets_are_masked, open_log, close_log),
		cmocka_unit_test_setup_teardown(long_ones_are_cut, open_log, close_log),
		cmocka_unit_test_setup_teardown(threads_do_not_mix_lines, open_log, close_log),
		cmocka_unit_test_setup_teardown(a_full_pipe_does_not_block, open_log, close_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
