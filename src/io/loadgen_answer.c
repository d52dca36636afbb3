/* Reading answers: a status, where the body ends, whether the connection lives on. */
#include <string.h>
#include <strings.h>

#include "io/loadgen_impl.h"

void answer_init(struct answer *a, bool head_request)
{
	a->state = ANSWER_STATUS;
	a->status = 0;
	a->head_request = head_request;
	a->close = a->chunked = a->has_length = false;
	a->left = 0;
	a->head_len = a->line_len = 0;
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static enum answer_state status_line(struct answer *a)
{
	const char *l = a->line;

	if (a->line_len < 12 || memcmp(l, "HTTP/1.", 7) != 0 || !digit(l[7]) || l[8] != ' ' ||
	    !digit(l[9]) || !digit(l[10]) || !digit(l[11]))
		return ANSWER_BAD;
	a->status = (l[9] - '0') * 100 + (l[10] - '0') * 10 + (l[11] - '0');
	a->close = l[7] == '0';
	return a->status >= 100 && a->status < 600 ? ANSWER_FIELDS : ANSWER_BAD;
}

/* The value of the line when it is this field; NULL otherwise. */
static const char *field(const struct answer *a, const char *name)
{
	size_t n = strlen(name);

	if (a->line_len <= n || strncasecmp(a->line, name, n) != 0 || a->line[n] != ':')
		return NULL;
	const char *v = a->line + n + 1;
	while (*v == ' ' || *v == '\t')
		v++;
	return v;
}

static bool parse_length(const char *v, uint64_t *ret)
{
	uint64_t n = 0;

	if (!digit(*v))
		return false;
	for (; digit(*v); v++)
		if (__builtin_mul_overflow(n, 10u, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*v - '0'), &n))
			return false;
	*ret = n;
	return *v == '\0' || *v == ' ' || *v == '\t';
}

static enum answer_state field_line(struct answer *a)
{
	const char *v;

	v = field(a, "content-length");
	if (v) {
		if (a->has_length || !parse_length(v, &a->left))
			return ANSWER_BAD;
		a->has_length = true;
	}
	v = field(a, "transfer-encoding");
	if (v)
		a->chunked = strcasestr(v, "chunked") != NULL;
	v = field(a, "connection");
	if (v) {
		if (strcasestr(v, "close"))
			a->close = true;
		else if (strcasestr(v, "keep-alive"))
			a->close = false;
	}
	return ANSWER_FIELDS;
}

static enum answer_state head_done(struct answer *a)
{
	if (a->status < 200) {
		bool head_request = a->head_request;
		if (a->status == 101)
			return ANSWER_BAD;
		answer_init(a, head_request);
		return ANSWER_STATUS;
	}
	if (a->head_request || a->status == 204 || a->status == 304)
		return ANSWER_DONE;
	if (a->chunked)
		return ANSWER_CHUNK_SIZE;
	if (!a->has_length) {
		a->close = true;
		return ANSWER_UNTIL_EOF;
	}
	return a->left ? ANSWER_BODY : ANSWER_DONE;
}

static enum answer_state chunk_line(struct answer *a)
{
	uint64_t n = 0;
	size_t i = 0;

	for (; i < a->line_len && i < 16; i++) {
		char c = a->line[i];
		if (digit(c))
			n = n << 4 | (uint64_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			n = n << 4 | (uint64_t)((c | 0x20) - 'a' + 10);
		else
			break;
	}
	if (i == 0 || n > UINT64_MAX - 2 || (i < a->line_len && !strchr("; \t", a->line[i])))
		return ANSWER_BAD;
	a->left = n + 2;
	return n ? ANSWER_CHUNK : ANSWER_TRAILERS;
}

static enum answer_state take_line(struct answer *a)
{
	switch (a->state) {
	case ANSWER_STATUS:
		return status_line(a);
	case ANSWER_FIELDS:
		return a->line_len ? field_line(a) : head_done(a);
	case ANSWER_CHUNK_SIZE:
		return chunk_line(a);
	case ANSWER_TRAILERS:
		return a->line_len ? ANSWER_TRAILERS : ANSWER_DONE;
	case ANSWER_BODY:
	case ANSWER_UNTIL_EOF:
	case ANSWER_CHUNK:
	case ANSWER_DONE:
	case ANSWER_BAD:
		break;
	}
	return ANSWER_BAD;
}

/* Takes up to the end of a line. A field that is too long to keep is cut: none of ours is. */
static size_t feed_line(struct answer *a, const char *p, size_t n)
{
	const char *lf = memchr(p, '\n', n);
	size_t take = lf ? (size_t)(lf - p) : n;
	size_t room = ANSWER_LINE_MAX - 1 - a->line_len;

	memcpy(a->line + a->line_len, p, take < room ? take : room);
	a->line_len += take < room ? take : room;
	a->head_len += take + 1;
	if (a->head_len > ANSWER_HEAD_MAX) {
		a->state = ANSWER_BAD;
		return n;
	}
	if (!lf)
		return n;
	if (a->line_len && a->line[a->line_len - 1] == '\r')
		a->line_len--;
	a->line[a->line_len] = '\0';
	a->state = take_line(a);
	a->line_len = 0;
	return take + 1;
}

size_t answer_feed(struct answer *a, const char *p, size_t n)
{
	size_t at = 0;

	while (at < n && a->state < ANSWER_DONE) {
		if (a->state == ANSWER_UNTIL_EOF)
			return n;
		if (a->state == ANSWER_BODY || a->state == ANSWER_CHUNK) {
			size_t take = n - at < a->left ? n - at : (size_t)a->left;
			at += take;
			a->left -= take;
			if (a->left == 0) {
				bool chunk = a->state == ANSWER_CHUNK;
				a->state = chunk ? ANSWER_CHUNK_SIZE : ANSWER_DONE;
				a->head_len = 0;
			}
		} else {
			at += feed_line(a, p + at, n - at);
		}
	}
	return at;
}

void answer_eof(struct answer *a)
{
	if (a->state < ANSWER_DONE)
		a->state = a->state == ANSWER_UNTIL_EOF ? ANSWER_DONE : ANSWER_BAD;
}
