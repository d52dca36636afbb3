/*
 * Any request of an administrator, through the route table to its handler, over the shop of unit/reads_kit.h. Every answer is HTTP that says
 * no 5xx but 503 and 507, and where it is JSON our own reader takes it.
 *
 * byte 0: a row of the table, or (above the last) none; byte 1: headers; then a line: the arguments of the path, with blanks between them,
 * '?' and the query (without a row: METHOD and target); then the body.
 */
#include "unit/reads_kit.h"

#include "api/table.h"
#include "base/json.h"

#include <errno.h>

#define ENDLESS (20 * USEC_MS) /* then a stream has shown what it has */
#define RUNS    64             /* in one world: making one takes longer than asking it */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __lsan_is_turned_off(void);

/* The engine remembers what it is told: after each run there is more in memory, and looking for what is lost would take most of the time. */
int __lsan_is_turned_off(void)
{
	return 1;
}

static struct strbuf answer = STRBUF((size_t)64 << 20);
static int fd;
static bool ended; /* the server has closed */

/* What stands in a request line: everything else is escaped. */
static void add_target(struct strbuf *to, struct str text, bool path)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c <= ' ' || c >= 0x7f || c == '#' || (path && c == '?'))
			strbuf_addf(to, "%%%02x", c);
		else
			strbuf_addc(to, (char)c);
	}
}

/* {a}, {a+} and {a:word} of a row, by the arguments in their order. */
static void add_path(struct strbuf *to, const char *path, struct str args)
{
	for (const char *p = path; *p; p++) {
		if (*p != '{') {
			strbuf_addc(to, *p);
			continue;
		}
		const char *end = strchr(p, '}'), *word = memchr(p, ':', (size_t)(end - p));

		if (word)
			strbuf_add(to, word + 1, (size_t)(end - word) - 1);
		else
			add_target(to, str_cut(&args, ' '), true);
		p = end;
	}
}

static void add_line(struct strbuf *to, unsigned row, struct str line)
{
	if (row < api_n_routes) {
		struct str query = line, args = str_cut(&query, '?');

		strbuf_addf(to, "%s ", api_routes[row].method);
		add_path(to, api_routes[row].path, args);
		if (query.p) {
			strbuf_addc(to, '?');
			add_target(to, query, false);
		}
	} else {
		static const char *const methods[] = {"GET", "POST", "DELETE",
						      "PUT", "HEAD", "OPTIONS"};
		const char *method = methods[row % ARRAY_LEN(methods)];

		strbuf_addf(to, "%s /", method);
		add_target(to, line, false);
	}
	strbuf_adds(to, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
}

static void add_headers(struct strbuf *to, unsigned flags, size_t body)
{
	static const char *const some[] = {
		"Idempotency-Key: k\r\n", "Accept: text/event-stream\r\n",  "Range: bytes=3-\r\n",
		"If-None-Match: *\r\n",   "Accept-Encoding: gzip, br\r\n",  "Last-Event-ID: 7\r\n",
		"Penstock-Csrf: x\r\n",   "Cookie: penstock_session=x\r\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(some); i++)
		if (flags >> i & 1)
			strbuf_adds(to, some[i]);
	strbuf_addf(to, "Content-Length: %zu\r\n\r\n", body);
}

static void on_bytes(void *arg)
{
	char bytes[65536];
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n > 0)
		strbuf_add(&answer, bytes, (size_t)n);
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	ended = true;
	loop_stop(arg);
}

static void on_time(void *arg)
{
	loop_stop(arg);
}

static void judge(struct str request_line)
{
	const char *text = strbuf_cstr(&answer), *body = strstr(text, "\r\n\r\n");
	int status = strncmp(text, "HTTP/1.1 ", 9) == 0 ? atoi(text + 9) : 0;
	struct json *j = NULL;
	struct err err = {0};

	if ((status < 200 || status >= 500) && status != 503 && status != 507) {
		fprintf(stderr, "%.*s: %.2000s\n", (int)request_line.n, request_line.p, text);
		abort();
	}
	if (!body || !body[4] || !strstr(text, "json\r\n") || strstr(text, "chunked") ||
	    strstr(text, "Content-Encoding"))
		return;
	if (json_read(str_of(body + 4), (size_t)1 << 24, &j, &err) != RC_OK) {
		fprintf(stderr, "%.*s: %s: %.2000s\n", (int)request_line.n, request_line.p, err.msg,
			text);
		abort();
	}
	json_free(j);
}

static void ask_once(struct str all)
{
	struct loop_timer *timer = loop_timer_new(loop, on_time, loop);
	struct loop_watch *watch;

	fd = dial_unix(socket_path);
	watch = loop_watch(loop, fd, on_bytes, loop);
	strbuf_clear(&answer);
	ended = send(fd, all.p, all.n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)all.n;
	for (size_t before = 0; !ended && (!answer.n || answer.n != before);) {
		before =
			answer.n; /* workers may take their time; only a stream that began is left */
		loop_timer_set(timer, ENDLESS);
		loop_run(loop);
	}
	loop_unwatch(watch);
	loop_timer_free(timer);
	close(fd);
	if (answer.n)
		judge(str_cut(&all, '\r'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned runs;
	AUTO(strbuf_done) struct strbuf all = STRBUF((size_t)1 << 20);

	if (size < 2 || size > 100000)
		return 0;
	if (runs++ % RUNS == 0) {
		if (runs > 1)
			(void)close_world(NULL);
		(void)open_world(NULL);
	}
	struct str body = {(const char *)data + 2, size - 2}, line = str_cut(&body, '\n');
	add_line(&all, data[0], line);
	add_headers(&all, data[1], body.n);
	strbuf_addstr(&all, body);
	ask_once(strbuf_str(&all));
	return 0;
}
