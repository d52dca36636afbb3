/* Answers: their headers, and the ways to give their bytes. */
#include "io/httpd_impl.h"

#include <strings.h>

#include "base/json.h"
#include "base/mem.h"
#include "io/clock.h"
#include "io/httpd_header.h"

#define READ_RATE   ((uint64_t)16 << 10) /* bytes a second */
#define GZIP_LEAST  ((size_t)1 << 10)
#define DATA_POLICY "default-src 'none'; frame-ancestors 'none'"
#define PAGE_POLICY                                                                       \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " \
	"connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "      \
	"frame-ancestors 'none'"
#define ONE_YEAR "31536000"

/* ---- headers ---- */

static bool has_own(const struct request *r, const char *name)
{
	if (!r)
		return false;
	vec_each(h, &r->headers)
		if (strcasecmp(h->name, name) == 0)
			return true;
	return false;
}

static void add(const struct request *r, struct MHD_Response *response, const char *name,
		const char *value)
{
	if (!has_own(r, name))
		(void)MHD_add_response_header(response, name, value);
}

/* A browser that is told so of "localhost" would refuse every other server on that machine. */
static bool wants_strict_transport(const struct request *r)
{
	const char *host = r && request_is_tls(r) ? request_header(r, "Host") : NULL;
	struct str name;

	return host && host_read(str_of(host), &name) && !host_is_loopback(name);
}

static void add_all(const struct request *r, struct MHD_Response *response, const char *type,
		    const char *cache, unsigned flags)
{
	static const struct {
		const char *name, *value;
	} always[] = {
		{"X-Content-Type-Options", "nosniff"},
		{"Referrer-Policy", "no-referrer"},
		{"X-Frame-Options", "DENY"},
		{"Cross-Origin-Opener-Policy", "same-origin"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
	};

	(void)MHD_add_response_header(response, "Content-Type", type);
	add(r, response, "Cache-Control", cache ? cache : "no-store");
	add(r, response, "Content-Security-Policy", flags & REPLY_PAGE ? PAGE_POLICY : DATA_POLICY);
	for (size_t i = 0; i < ARRAY_LEN(always); i++)
		add(r, response, always[i].name, always[i].value);
	if (wants_strict_transport(r))
		add(r, response, "Strict-Transport-Security", "max-age=" ONE_YEAR);
}

void answer_headers(struct request *r, struct MHD_Response *response, const char *type,
		    const char *cache, unsigned flags)
{
	add_all(r, response, type, cache, flags);
	vec_each(h, &r->headers)
		(void)MHD_add_response_header(response, h->name, h->value);
}

/* ---- bytes ---- */

static struct MHD_Response *copy_of(struct str body)
{
	void *bytes = (void *)(uintptr_t)(body.n ? body.p : "");

	return MHD_create_response_from_buffer(body.n, bytes, MHD_RESPMEM_MUST_COPY);
}

static void reader_has_time(struct request *r, uint64_t size)
{
	if (!r->conn) /* nor is the server, perhaps */
		return;
	uint64_t rate = r->h->o.read_rate ? r->h->o.read_rate : READ_RATE;

	r->conn->taken_by = clock_mono() + httpd_request_time(r->h) + size / rate * USEC_SEC;
}

void request_reply(struct request *r, unsigned status, const char *type, struct str body)
{
	struct MHD_Response *response = copy_of(body);

	BUG_ON(!response);
	answer_headers(r, response, type, NULL, 0);
	reader_has_time(r, body.n);
	request_answer(r, status, response);
}

void request_reply_file(struct request *r, unsigned status, const char *type, int take_fd,
			uint64_t offset, uint64_t size)
{
	struct MHD_Response *response =
		MHD_create_response_from_fd_at_offset64(size, take_fd, offset);

	BUG_ON(!response);
	answer_headers(r, response, type, NULL, 0);
	reader_has_time(r, size);
	request_answer(r, status, response);
}

static bool accepts(const struct request *r, const char *coding)
{
	const char *header = request_header(r, "Accept-Encoding");

	return header && accepts_coding(str_of(header), coding);
}

static void add_tag(struct MHD_Response *response, const char *tag, const char *suffix)
{
	char text[ETAG_SIZE + 8];

	(void)snprintf(text, sizeof(text), "\"%s%s\"", tag, suffix);
	(void)MHD_add_response_header(response, "ETag", text);
}

/*
 * The library tells a length with a 304, which has to be that of the answer which the client has. Where nobody knows it, because that came in
 * chunks, it would send the end of the chunks, too, as a body that must not be there: such a connection ends with the 304.
 */
static ssize_t never_read(void *cls, uint64_t pos, char *to, size_t max)
{
	(void)cls;
	(void)pos;
	(void)to;
	(void)max;
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

/* True: the client has it, and heard so. size: of what it has; MHD_SIZE_UNKNOWN: that would have come in chunks. */
static bool answer_unchanged(struct request *r, const char *type, const char *tag,
			     const char *suffix, const char *cache, unsigned flags, bool varies,
			     uint64_t size)
{
	const char *header = request_header(r, "If-None-Match");
	struct str found = header ? etag_match(str_of(header), tag) : (struct str){NULL, 0};

	if (!found.p)
		return false;
	struct MHD_Response *response =
		MHD_create_response_from_callback(size, 1024, never_read, NULL, NULL);
	BUG_ON(!response);
	if (size == MHD_SIZE_UNKNOWN)
		(void)MHD_set_response_options(response, MHD_RF_HTTP_VERSION_1_0_ONLY, MHD_RO_END);
	answer_headers(r, response, type, cache, flags);
	if (varies)
		(void)MHD_add_response_header(response, "Vary", "Accept-Encoding");
	if (str_is(found, "*"))
		add_tag(response, tag, suffix);
	else
		add_tag(response, tag,
			str_ends(found, "-gz")   ? "-gz"
			: str_ends(found, "-br") ? "-br"
						 : "");
	request_answer(r, 304, response);
	return true;
}

void request_reply_etag(struct request *r, unsigned status, const char *type, struct str body,
			unsigned flags)
{
	static const char cache[] = "private, no-cache";
	bool tagged = status == 200 && body.n <= HTTPD_ETAG_MAX, varies = flags & REPLY_GZIP;
	bool small = varies && body.n > GZIP_LEAST && accepts(r, "gzip");
	struct MHD_Response *response = NULL;
	uint64_t size = small ? MHD_SIZE_UNKNOWN : body.n;
	char tag[ETAG_SIZE] = "";

	if (small && body.n <= DEFLATE_AT_ONCE)
		response = deflate_at_once(body, &size);
	if (tagged)
		etag_of(body, tag);
	if (tagged &&
	    answer_unchanged(r, type, tag, small ? "-gz" : "", cache, flags, varies, size)) {
		if (response)
			MHD_destroy_response(response);
		return;
	}
	if (small && !response)
		response = deflate_later(r->h, body);
	small = response != NULL;
	if (!response)
		response = copy_of(body);
	BUG_ON(!response);
	answer_headers(r, response, type, tagged ? cache : NULL, flags);
	if (varies)
		(void)MHD_add_response_header(response, "Vary", "Accept-Encoding");
	if (small)
		(void)MHD_add_response_header(response, "Content-Encoding", "gzip");
	if (tagged)
		add_tag(response, tag, small ? "-gz" : "");
	reader_has_time(r, body.n);
	request_answer(r, status, response);
}

void request_reply_static(struct request *r, const char *type, const struct reply_static *body,
			  unsigned flags)
{
	const char *cache =
		flags & REPLY_IMMUTABLE ? "public, max-age=" ONE_YEAR ", immutable" : "no-cache";
	bool varies = body->gzip.p || body->brotli.p;
	const char *coding = NULL, *suffix = "";
	struct str bytes = body->plain;
	char tag[ETAG_SIZE];

	if (body->brotli.p && accepts(r, "br")) {
		bytes = body->brotli;
		coding = "br";
		suffix = "-br";
	} else if (body->gzip.p && accepts(r, "gzip")) {
		bytes = body->gzip;
		coding = "gzip";
		suffix = "-gz";
	}
	if (body->etag)
		(void)snprintf(tag, sizeof(tag), "%.32s", body->etag);
	else
		etag_of(body->plain, tag);
	if (answer_unchanged(r, type, tag, suffix, cache, flags, varies, bytes.n))
		return;
	struct MHD_Response *response = MHD_create_response_from_buffer(
		bytes.n, (void *)(uintptr_t)(bytes.n ? bytes.p : ""), MHD_RESPMEM_PERSISTENT);
	BUG_ON(!response);
	answer_headers(r, response, type, cache, flags);
	if (varies)
		(void)MHD_add_response_header(response, "Vary", "Accept-Encoding");
	if (coding)
		(void)MHD_add_response_header(response, "Content-Encoding", coding);
	add_tag(response, tag, suffix);
	reader_has_time(r, bytes.n);
	request_answer(r, 200, response);
}

/* ---- refusals ---- */

static const char *title_of(unsigned status)
{
	switch (status) {
	case 400:
		return "bad request";
	case 413:
	case 414:
	case 431:
		return "too big";
	case 421:
		return "misdirected request";
	case 429:
		return "too many requests";
	default:
		return "unavailable";
	}
}

static void problem(struct strbuf *to, unsigned status, enum rc rc, const char *detail)
{
	struct json_out o = JSON_OUT(to);

	AUTO(freep) char *type = xasprintf("urn:penstock:problem:%s", rc_name(rc));

	json_open(&o, NULL);
	json_cstr(&o, "type", type);
	json_cstr(&o, "title", title_of(status));
	json_u64(&o, "status", status);
	json_cstr(&o, "code", rc_name(rc));
	json_cstr(&o, "detail", detail);
	json_close(&o);
	strbuf_addc(to, '\n');
}

#define PROBLEM_TYPE "application/problem+json"

static void seconds(unsigned n, char ret[16])
{
	(void)snprintf(ret, 16, "%u", n);
}

struct MHD_Response *answer_problem(unsigned status, enum rc rc, unsigned retry_after,
				    const char *detail)
{
	AUTO(strbuf_done) struct strbuf body = STRBUF(4096);
	char text[16];

	problem(&body, status, rc, detail);
	struct MHD_Response *response = copy_of(strbuf_str(&body));
	BUG_ON(!response);
	add_all(NULL, response, PROBLEM_TYPE, NULL, 0);
	if (retry_after) {
		seconds(retry_after, text);
		(void)MHD_add_response_header(response, "Retry-After", text);
	}
	return response;
}

void request_refuse(struct request *r, unsigned status, enum rc rc, unsigned retry_after,
		    const char *detail)
{
	AUTO(strbuf_done) struct strbuf body = STRBUF(4096);
	char text[16];

	problem(&body, status, rc, detail);
	if (retry_after) {
		seconds(retry_after, text);
		request_add_header(r, "Retry-After", text);
	}
	request_reply(r, status, PROBLEM_TYPE, strbuf_str(&body));
}
