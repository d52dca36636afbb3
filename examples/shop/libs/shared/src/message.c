#include "shared/message.h"

#include <string.h>

static bool is_token(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static struct span trim(struct span s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* One line up to CR LF. A bare CR, LF or NUL in it is refused: that is how smuggling starts. */
static bool next_line(struct span *rest, struct span *ret)
{
	for (size_t i = 0; i < rest->n; i++) {
		char c = rest->p[i];
		if (c == '\0' || c == '\n')
			return false;
		if (c != '\r')
			continue;
		if (i + 1 == rest->n || rest->p[i + 1] != '\n')
			return false;
		*ret = (struct span){ rest->p, i };
		rest->p += i + 2;
		rest->n -= i + 2;
		return true;
	}
	return false;
}

static bool split_field(struct span line, struct span *ret_name, struct span *ret_value)
{
	size_t i = 0;

	while (i < line.n && is_token(line.p[i]))
		i++;
	if (i == 0 || i == line.n || line.p[i] != ':')
		return false;
	*ret_name = (struct span){ line.p, i };
	*ret_value = trim((struct span){ line.p + i + 1, line.n - i - 1 });
	return true;
}

bool http_field(struct span fields, const char *name, struct span *ret)
{
	struct span line, n, v;

	while (fields.n && next_line(&fields, &line)) {
		if (split_field(line, &n, &v) && span_is_nocase(n, name)) {
			*ret = v;
			return true;
		}
	}
	return false;
}

/* Does a comma-separated list hold this word? */
static bool list_has(struct span list, const char *word)
{
	while (list.n) {
		const char *comma = memchr(list.p, ',', list.n);
		size_t n = comma ? (size_t)(comma - list.p) : list.n;

		if (span_is_nocase(trim((struct span){ list.p, n }), word))
			return true;
		if (!comma)
			break;
		list.p += n + 1;
		list.n -= n + 1;
	}
	return false;
}

static bool parse_length(struct span v, size_t *ret)
{
	size_t n = 0;

	if (v.n == 0 || v.n > 12)
		return false;
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return false;
		n = n * 10 + (size_t)(v.p[i] - '0');
	}
	*ret = n;
	return true;
}

struct common {
	size_t length;
	bool has_length, chunked, close, keep, expects, host;
};

/* 0, or the status to refuse with. */
static int parse_fields(struct span rest, struct common *c)
{
	struct span line, n, v;

	while (rest.n) {
		if (!next_line(&rest, &line) || !split_field(line, &n, &v))
			return 400;
		if (span_is_nocase(n, "content-length")) {
			if (c->has_length || !parse_length(v, &c->length))
				return 400;
			c->has_length = true;
		} else if (span_is_nocase(n, "transfer-encoding")) {
			c->chunked = true;
		} else if (span_is_nocase(n, "connection")) {
			c->close |= list_has(v, "close");
			c->keep |= list_has(v, "keep-alive");
		} else if (span_is_nocase(n, "expect")) {
			c->expects |= span_is_nocase(v, "100-continue");
		} else if (span_is_nocase(n, "host")) {
			if (c->host)
				return 400;
			c->host = true;
		}
	}
	return 0;
}

/* Finds the empty line. 0: found, and lengths are set; 1: more is needed; 431: too long. */
static int find_head(const char *buf, size_t n, size_t *ret_len)
{
	const char *end = memmem(buf, n < HTTP_HEAD_MAX ? n : HTTP_HEAD_MAX, "\r\n\r\n", 4);

	if (!end)
		return n >= HTTP_HEAD_MAX ? 431 : 1;
	*ret_len = (size_t)(end - buf) + 4;
	return 0;
}

/* METHOD SP target SP HTTP/1.x; 0 or the status to refuse with. */
static int parse_request_line(struct span line, struct http_request *rq, bool *ret_http10)
{
	const char *sp = memchr(line.p, ' ', line.n);

	if (!sp || sp == line.p || sp - line.p > 16)
		return 400;
	rq->method = (struct span){ line.p, (size_t)(sp - line.p) };
	for (size_t i = 0; i < rq->method.n; i++)
		if (!is_token(rq->method.p[i]))
			return 400;
	struct span rest = { sp + 1, line.n - rq->method.n - 1 };
	sp = memchr(rest.p, ' ', rest.n);
	if (!sp || rest.p[0] != '/')
		return 400;
	struct span target = { rest.p, (size_t)(sp - rest.p) };
	struct span version = { sp + 1, rest.n - target.n - 1 };
	if (target.n > 2048)
		return 414;
	for (size_t i = 0; i < target.n; i++)
		if ((unsigned char)target.p[i] <= 0x20 || (unsigned char)target.p[i] >= 0x7f)
			return 400;
	*ret_http10 = span_is(version, "HTTP/1.0");
	if (!*ret_http10 && !span_is(version, "HTTP/1.1"))
		return version.n == 8 && memcmp(version.p, "HTTP/", 5) == 0 ? 505 : 400;
	const char *q = memchr(target.p, '?', target.n);
	rq->path = target;
	if (q) {
		rq->path.n = (size_t)(q - target.p);
		rq->query = (struct span){ q + 1, target.n - rq->path.n - 1 };
	}
	return 0;
}

int http_parse_request(const char *buf, size_t n, struct http_request *ret)
{
	struct http_request rq = { 0 };
	struct common c = { 0 };
	struct span line;
	bool http10;
	int rc;

	/* Nonsense is refused at once: no waiting for 8 KiB of it. */
	if (n && !is_token(buf[0]))
		return 400;
	rc = find_head(buf, n, &rq.head_len);
	if (rc)
		return rc;
	struct span rest = { buf, rq.head_len - 2 };
	if (!next_line(&rest, &line))
		return 400;
	rc = parse_request_line(line, &rq, &http10);
	if (rc)
		return rc;
	rq.fields = rest;
	rc = parse_fields(rest, &c);
	if (rc)
		return rc;
	if (c.chunked)
		return c.has_length ? 400 : 411;
	if (!c.host && !http10)
		return 400;
	if (c.length > HTTP_BODY_MAX)
		return 413;
	rq.body_len = c.length;
	if (n >= rq.head_len + rq.body_len)
		rq.body = (struct span){ buf + rq.head_len, rq.body_len };
	rq.keep_alive = http10 ? c.keep && !c.close : !c.close;
	rq.expects_continue = c.expects && !http10;
	*ret = rq;
	return 0;
}

int http_parse_reply(const char *buf, size_t n, struct http_reply *ret)
{
	struct http_reply rp = { 0 };
	struct common c = { 0 };
	struct span line;
	int rc = find_head(buf, n, &rp.head_len);

	if (rc)
		return rc == 1 ? 1 : -1;
	struct span rest = { buf, rp.head_len - 2 };
	if (!next_line(&rest, &line) || line.n < 12 || memcmp(line.p, "HTTP/1.", 7) != 0)
		return -1;
	for (size_t i = 9; i < 12; i++) {
		if (line.p[i] < '0' || line.p[i] > '9')
			return -1;
		rp.status = rp.status * 10 + (line.p[i] - '0');
	}
	rp.fields = rest;
	if (rp.status < 100 || rp.status > 599 || parse_fields(rest, &c) || c.chunked)
		return -1;
	rp.has_length = c.has_length;
	rp.body_len = c.length;
	if (rp.status < 200 || rp.status == 204 || rp.status == 304) {
		rp.has_length = true;
		rp.body_len = 0;
	}
	rp.keep_alive = line.p[7] == '1' ? !c.close : c.keep;
	*ret = rp;
	return 0;
}

const char *http_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} table[] = {
		{ 200, "OK" },		     { 201, "Created" },
		{ 400, "Bad Request" },	     { 401, "Unauthorized" },
		{ 402, "Payment Required" }, { 404, "Not Found" },
		{ 405, "Method Not Allowed" }, { 411, "Length Required" },
		{ 413, "Content Too Large" }, { 414, "URI Too Long" },
		{ 422, "Unprocessable Content" }, { 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" }, { 501, "Not Implemented" },
		{ 502, "Bad Gateway" },	     { 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].status == status)
			return table[i].reason;
	return "Unknown";
}
