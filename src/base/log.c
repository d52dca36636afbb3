#include "base/log.h"

#include "base/json.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#define LINE_MAX_BYTES  ((size_t)64 << 10)
#define VALUE_MAX_BYTES ((size_t)4 << 10)
#define WAIT_MS         100 /* for a reader of the log that is behind; then the line is dropped */

static struct {
	pthread_mutex_t lock;
	int fd;
	bool json;
	enum log_level least;
	usec_t (*now)(void);
	void (*redact)(struct strbuf *line, void *ctx);
	void *redact_ctx;
} sink = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = STDERR_FILENO, .least = LOG_INFO};

static const char *const level_names[] = {
	[LOG_DEBUG] = "debug",
	[LOG_INFO] = "info",
	[LOG_WARN] = "warn",
	[LOG_ERROR] = "error",
};

void log_open(int fd, bool json, enum log_level least)
{
	pthread_mutex_lock(&sink.lock);
	sink.fd = fd;
	sink.json = json;
	sink.least = least;
	pthread_mutex_unlock(&sink.lock);
}

void log_clock(usec_t (*now)(void))
{
	pthread_mutex_lock(&sink.lock);
	sink.now = now;
	pthread_mutex_unlock(&sink.lock);
}

void log_redact(void (*redact)(struct strbuf *line, void *ctx), void *ctx)
{
	pthread_mutex_lock(&sink.lock);
	sink.redact = redact;
	sink.redact_ctx = ctx;
	pthread_mutex_unlock(&sink.lock);
}

/* Long values are cut: a line must stay a line that a reader can take. */
static struct str clip(const char *text)
{
	struct str s = str_of(text);

	if (s.n <= VALUE_MAX_BYTES)
		return s;
	s.n = VALUE_MAX_BYTES;
	while (s.n && ((unsigned char)s.p[s.n] & 0xc0) == 0x80)
		s.n--;
	return s;
}

static void json_line(struct strbuf *line, usec_t now, enum log_level level, const char *message,
		      const struct log_field *fields, size_t n)
{
	struct json_out o = JSON_OUT(line);
	char time[TIME_TEXT];

	time_text(now, time);
	json_open(&o, NULL);
	json_cstr(&o, "time", time);
	json_cstr(&o, "level", level_names[level]);
	json_str(&o, "message", clip(message));
	for (size_t i = 0; i < n; i++) {
		if (fields[i].text)
			json_str(&o, fields[i].key, clip(fields[i].text));
		else
			json_i64(&o, fields[i].key, fields[i].number);
	}
	json_close(&o);
}

/* For a terminal: what could move its cursor or forge a line is written as JSON writes it, without the quotes. */
static void add_plain(struct strbuf *line, struct str s)
{
	size_t from = line->n;
	struct json_out o = JSON_OUT(line);

	json_str(&o, NULL, s);
	if (strbuf_failed(line))
		return;
	memmove(line->p + from, line->p + from + 1, line->n - from - 2);
	line->n -= 2;
	line->p[line->n] = '\0';
}

static void text_line(struct strbuf *line, usec_t now, enum log_level level, const char *message,
		      const struct log_field *fields, size_t n)
{
	char time[TIME_TEXT];

	time_text(now, time);
	strbuf_addf(line, "%.8s %-5s ", time + strlen("2026-01-31T"), level_names[level]);
	add_plain(line, clip(message));
	for (size_t i = 0; i < n; i++) {
		struct str text = clip(fields[i].text);
		bool quote = text.n == 0 || memchr(text.p, ' ', text.n);
		struct json_out o = JSON_OUT(line);
		strbuf_addf(line, " %s=", fields[i].key);
		if (!fields[i].text)
			strbuf_addf(line, "%lld", (long long)fields[i].number);
		else if (quote)
			json_str(&o, NULL, text);
		else
			add_plain(line, text);
	}
}

static void write_all(int fd, struct str s)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);
		if (n >= 0) {
			s = (struct str){s.p + n, s.n - (size_t)n};
			continue;
		}
		struct pollfd wait = {.fd = fd, .events = POLLOUT};
		if (errno != EINTR && (errno != EAGAIN || poll(&wait, 1, WAIT_MS) <= 0))
			return; /* nobody is left to tell */
	}
}

void log_write(enum log_level level, const char *message, const struct log_field *fields, size_t n)
{
	pthread_mutex_lock(&sink.lock);
	if (level >= sink.least) {
		AUTO(strbuf_done) struct strbuf line = STRBUF(LINE_MAX_BYTES);
		usec_t now = sink.now ? sink.now() : 0;
		void (*form)(struct strbuf *, usec_t, enum log_level, const char *,
			     const struct log_field *, size_t) = sink.json ? json_line : text_line;
		form(&line, now, level, message, fields, n);
		if (strbuf_failed(
			    &line)) { /* too many fields: say so instead of losing the message */
			const struct log_field cut = LFN("fields_left_out", n);
			strbuf_clear(&line);
			form(&line, now, level, message, &cut, 1);
		}
		line.cap *= 2; /* a mask may be longer than what it hides */
		if (sink.redact)
			sink.redact(&line, sink.redact_ctx);
		if (strbuf_failed(&line)) { /* who knows whether it hid everything */
			strbuf_clear(&line);
			form(&line, now, LOG_ERROR, "a log line was too long to be masked", NULL,
			     0);
		}
		strbuf_addc(&line, '\n');
		write_all(sink.fd, strbuf_str(&line));
	}
	pthread_mutex_unlock(&sink.lock);
}
