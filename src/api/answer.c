/* Answers: what they look like, and that each call gets exactly one. */
#include "api/api_impl.h"

static const struct {
	enum rc rc;
	unsigned status;
	const char *title;
} problems[] = {
	{RC_INVALID, 400, "invalid"},           {RC_DENIED, 403, "denied"},
	{RC_NOT_FOUND, 404, "not found"},       {RC_CONFLICT, 409, "conflict"},
	{RC_TOO_BIG, 413, "too big"},           {RC_UNAVAILABLE, 503, "unavailable"},
	{RC_NO_SPACE, 507, "no space"},         {RC_CORRUPT, 500, "corrupt"},
	{RC_UNSUPPORTED, 405, "not supported"}, {RC_INTERNAL, 500, "internal error"},
};

static const char *title_of(enum rc rc)
{
	for (size_t i = 0; i < ARRAY_LEN(problems); i++)
		if (problems[i].rc == rc)
			return problems[i].title;
	return "internal error";
}

unsigned status_of(enum rc rc)
{
	for (size_t i = 0; i < ARRAY_LEN(problems); i++)
		if (problems[i].rc == rc)
			return problems[i].status;
	return 500;
}

void call_free(struct call *c)
{
	if (c->prev)
		c->prev->next = c->next;
	else
		c->api->calls = c->next;
	if (c->next)
		c->next->prev = c->prev;
	for (size_t i = 0; i < ARRAY_LEN(c->arg); i++)
		xfree(c->arg[i]);
	json_free(c->body);
	strbuf_done(&c->out);
	if (c->free_data)
		c->free_data(c->data);
	xfree(c);
}

static void reply(struct call *c, unsigned status, const char *type, struct str body)
{
	metrics_answered(c, status);
	request_reply(c->r, status, type, body);
	call_free(c);
}

static bool is_read(const struct call *c)
{
	const char *method = request_method(c->r);

	return streq(method, "GET") || streq(method, "HEAD");
}

/* The value against request forgery: the length of a compressed answer could tell of it. */
static bool has_secret(const struct call *c)
{
	return str_starts(str_of(request_path(c->r)), WIRE_ME);
}

/* Also from the call's own buffer. What is read has a tag: who has it already hears so. */
void call_json(struct call *c, unsigned status, struct strbuf *body)
{
	strbuf_addc(body, '\n');
	if (strbuf_failed(body)) {
		call_failf(c, RC_TOO_BIG, "the answer is above %zu MiB: ask for less",
			   TEXT_MAX >> 20);
		return;
	}
	if (status != 200 || !is_read(c)) {
		reply(c, status, "application/json", strbuf_str(body));
		return;
	}
	metrics_answered(c, status);
	request_reply_etag(c->r, status, "application/json", strbuf_str(body),
			   has_secret(c) ? 0 : REPLY_GZIP);
	call_free(c);
}

void call_status(struct call *c, unsigned status)
{
	reply(c, status, "text/plain", STR(""));
}

void call_text(struct call *c, const char *type, struct strbuf *body)
{
	reply(c, 200, type, strbuf_str(body));
}

/* RFC 9457. The type is a name: what can be done about it stands in the detail. */
static void fail(struct call *c, unsigned status, const struct err *err)
{
	AUTO(strbuf_done) struct strbuf body = STRBUF(4096);
	struct json_out o = JSON_OUT(&body);
	AUTO(freep) char *type = xasprintf("urn:penstock:problem:%s", rc_name(err->rc));

	json_open(&o, NULL);
	json_cstr(&o, "type", type);
	json_cstr(&o, "title", status == 401 ? "not logged in" : title_of(err->rc));
	json_u64(&o, "status", status);
	json_cstr(&o, "detail", err->msg);
	json_cstr(&o, "code", rc_name(err->rc));
	json_close(&o);
	strbuf_addc(&body, '\n');
	if (err->rc == RC_INTERNAL || err->rc == RC_CORRUPT)
		LOG(LOG_ERROR, "a request failed", LF("path", request_path(c->r)),
		    LF("error", err->msg), LF("code", rc_name(err->rc)));
	reply(c, status, "application/problem+json", strbuf_str(&body));
}

void call_fail(struct call *c, const struct err *err)
{
	fail(c, status_of(err->rc), err);
}

void call_problem(struct call *c, unsigned status, enum rc rc, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(sizeof(c->err.msg));
	struct err err;
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&text, fmt, ap);
	va_end(ap);
	err_set(&err, rc, "%s", strbuf_cstr(&text));
	fail(c, status, &err);
}

void call_failf(struct call *c, enum rc rc, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(sizeof(c->err.msg));
	struct err err;
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&text, fmt, ap);
	va_end(ap);
	err_set(&err, rc, "%s", strbuf_cstr(&text));
	call_fail(c, &err);
}

struct stream *call_stream(struct call *c, const char *type, const struct stream_ops *ops,
			   void *ctx)
{
	return call_stream_as(c, 200, type, ops, ctx);
}

struct stream *call_stream_as(struct call *c, unsigned status, const char *type,
			      const struct stream_ops *ops, void *ctx)
{
	struct stream *s = request_stream(c->r, status, type, ops, ctx);

	metrics_answered(c, s ? status : 503); /* or nobody waited */
	c->api->streams += s != NULL;
	call_free(c);
	return s;
}

/* A few lanes, so that readers never take all workers from those who build and deploy. */
void api_work(struct api *api, void (*fn)(void *), void (*done)(void *), void *arg)
{
	static const char *const lanes[WORKERS] = {"api/0", "api/1", "api/2", "api/3"};

	runner_work(api->runner, lanes[api->turn++ % WORKERS], fn, done, arg);
}

static void on_thread(void *arg)
{
	struct call *c = arg;

	c->fn(c);
}

static void on_loop(void *arg)
{
	struct call *c = arg;

	if (c->rc == RC_OK)
		call_json(c, 200, &c->out);
	else
		call_fail(c, &c->err);
}

void call_work(struct call *c, void (*fn)(struct call *c))
{
	c->fn = fn;
	api_work(c->api, on_thread, on_loop, c);
}

bool call_number(struct call *c, const char *key, uint64_t otherwise, uint64_t max, uint64_t *ret)
{
	const char *text = request_query(c->r, key);
	uint64_t n = otherwise;

	if (text && (!parse_u64(str_of(text), &n) || n > max)) {
		call_failf(c, RC_INVALID, "?%s= takes a number up to %llu, not \"%.40s\"", key,
			   (unsigned long long)max, text);
		return false;
	}
	*ret = n;
	return true;
}
