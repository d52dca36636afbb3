#include "io/http.h"
#include "base/mem.h"
#include <curl/curl.h>
#include <pthread.h>
#include <strings.h>
#include <unistd.h>

struct turn {
	const struct http_request *q;
	struct http_answer *a;
	bool too_big, enough;
	uint64_t sent; /* of an upload */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t kept; /* a thread's handle with its open connections */

static void begin(void)
{
	BUG_ON(curl_global_init(CURL_GLOBAL_DEFAULT) != 0);
	BUG_ON(pthread_key_create(&kept, curl_easy_cleanup) != 0);
}

/* A handle is nobody else's while it is in use: a request from within another one's `each` gets a new one. */
static CURL *take_handle(const struct http_request *q)
{
	CURL *c = q->keep ? pthread_getspecific(kept) : NULL;

	if (c) {
		BUG_ON(pthread_setspecific(kept, NULL) != 0);
		curl_easy_reset(c);
		return c;
	}
	c = curl_easy_init();
	BUG_ON(!c);
	return c;
}

static void give_handle(const struct http_request *q, CURL *c, bool good)
{
	if (q->keep && good && !pthread_getspecific(kept))
		BUG_ON(pthread_setspecific(kept, c) != 0);
	else
		curl_easy_cleanup(c);
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct turn *t = ctx;

	if (t->q->each) {
		t->enough = !t->q->each(t->q->ctx, (struct str){p, size * n});
		return t->enough ? 0 : size * n;
	}
	strbuf_add(&t->a->body, p, size * n);
	t->too_big = strbuf_failed(&t->a->body);
	return t->too_big ? 0 : size * n;
}

static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
	struct turn *t = ctx;
	struct str line = str_trim((struct str){p, size * n}), rest = line,
		   name = str_cut(&rest, ':');

	if (t->q->header && rest.p)
		t->q->header(t->q->ctx, name, str_trim(rest));
	else if (t->q->header && str_starts(line, "HTTP/"))
		t->q->header(t->q->ctx, (struct str){line.p, 0}, line);
	if (name.n == 11 && rest.p && strncasecmp(name.p, "retry-after", 11) == 0 &&
	    !parse_u32(str_trim(rest), &t->a->retry_after))
		t->a->retry_after = 0;
	if (name.n == 12 && rest.p && strncasecmp(name.p, "content-type", 12) == 0) {
		rest = str_trim(rest);
		(void)snprintf(t->a->type, sizeof(t->a->type), "%.*s", (int)MIN_OF(rest.n, 99u),
			       rest.p);
	}
	return size * n;
}

static size_t on_upload(char *p, size_t size, size_t n, void *ctx)
{
	struct turn *t = ctx;
	ssize_t got = pread(t->q->upload, p, size * n, (off_t)t->sent);

	if (got < 0)
		return CURL_READFUNC_ABORT;
	t->sent += (uint64_t)got;
	return (size_t)got;
}

static enum rc headers(const struct http_request *q, struct curl_slist **ret, struct err *err)
{
	/* Not asked: a 100-continue would cost a second where the receiver knows nothing of it. */
	struct curl_slist *list = curl_slist_append(NULL, "Expect:"), *next;

	BUG_ON(!list);
	*ret = list;
	for (size_t i = 0; q->headers && q->headers[i]; i++) {
		if (strpbrk(q->headers[i], "\r\n") || !strchr(q->headers[i], ':'))
			return err_set(err, RC_INVALID, "a header of the request is malformed");
		next = curl_slist_append(list, q->headers[i]);
		BUG_ON(!next);
	}
	return RC_OK;
}

static void set_up(CURL *c, struct turn *t, struct curl_slist *list, char *why)
{
	const struct http_request *q = t->q;
	uint64_t timeout = q->timeout ? q->timeout : 10 * USEC_SEC;
	long ms = (long)(MIN_OF(timeout, USEC_HOUR) / USEC_MS);

	curl_easy_setopt(c, CURLOPT_URL, q->url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "penstock/" PENSTOCK_VERSION);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, MAX_OF(ms / 2, 1L));
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	if (q->unix_socket)
		curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, q->unix_socket);
	if (q->ca) {
		curl_easy_setopt(c, CURLOPT_CAINFO, q->ca);
		curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	}
	if (q->stream) {
		curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, q->silence ? (long)q->silence : 60L);
	} else {
		curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, ms);
	}
	if (q->upload) {
		curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(c, CURLOPT_READFUNCTION, on_upload);
		curl_easy_setopt(c, CURLOPT_READDATA, t);
		curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)q->upload_size);
	} else if (q->body.n ||
		   (q->method && !streq(q->method, "GET") && !streq(q->method, "HEAD"))) {
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, q->body.p ? q->body.p : "");
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body.n);
	}
	if (q->method && streq(q->method, "HEAD"))
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	else if (q->method)
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, q->method);
}

/* The URL may hold a password or a token: only its host is told. */
static enum rc failed(const struct turn *t, CURLcode code, bool connected, const char *why,
		      struct err *err)
{
	struct str rest = str_of(t->q->url), host;
	const char *text = *why ? why : curl_easy_strerror(code);

	(void)str_cut(&rest, '/');
	(void)str_cut(&rest, '/');
	host = rest.p ? str_cut(&rest, '/') : str_of("?");
	for (size_t i = 0; i < host.n; i++)
		if (host.p[i] == '@') {
			host = (struct str){host.p + i + 1, host.n - i - 1};
			i = (size_t)-1;
		}
	if (t->too_big)
		return err_set(err, RC_TOO_BIG, "the answer of %.*s is above %zu bytes",
			       (int)MIN_OF(host.n, 100u), host.p, t->a->body.cap);
	/* An answer that is not HTTP is told by the same code. */
	if (code == CURLE_URL_MALFORMAT || (code == CURLE_UNSUPPORTED_PROTOCOL && !connected))
		return err_set(err, RC_INVALID, "that is no http or https URL");
	if (code == CURLE_SSL_CACERT_BADFILE && t->q->ca)
		return err_set(err, RC_INVALID, "%s holds no certificates of authorities in PEM",
			       t->q->ca);
	if (t->q->unix_socket)
		return err_set(err, code == CURLE_COULDNT_CONNECT ? RC_NOT_FOUND : RC_UNAVAILABLE,
			       "%s: %.200s", t->q->unix_socket, text);
	return err_set(err, RC_UNAVAILABLE, "%.*s: %.200s", (int)MIN_OF(host.n, 100u), host.p,
		       text);
}

void http_answer_done(struct http_answer *a)
{
	strbuf_done(&a->body);
	*a = (struct http_answer){0};
}

enum rc http_ask(const struct http_request *q, struct http_answer *ret, struct err *err)
{
	struct http_answer a = {.body = STRBUF(q->max ? q->max : (size_t)1 << 20)};
	struct turn t = {.q = q, .a = &a};
	struct curl_slist *list = NULL;
	char why[CURL_ERROR_SIZE] = "";
	CURLcode code = CURLE_OK;
	long status = 0, connects = 0;
	CURL *c;
	enum rc rc;

	pthread_once(&once, begin);
	c = take_handle(q);
	rc = headers(q, &list, err);
	if (rc == RC_OK) {
		set_up(c, &t, list, why);
		code = curl_easy_perform(c);
		(void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
		(void)curl_easy_getinfo(c, CURLINFO_NUM_CONNECTS, &connects);
		if (code != CURLE_OK && !t.enough)
			rc = failed(&t, code, connects > 0, why, err);
	}
	give_handle(q, c, rc == RC_OK && !t.enough);
	curl_slist_free_all(list);
	if (rc != RC_OK) {
		http_answer_done(&a);
		return rc;
	}
	a.status = (int)status;
	*ret = a;
	return RC_OK;
}
