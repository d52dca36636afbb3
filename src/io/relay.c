#include "io/relay.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/files.h"

#define BUFFER 65536L

struct relay {
	pthread_mutex_t lock;
	VEC(CURL *) idle; /* with their open connections */
	const char *ca;
};
struct pass {
	const struct relay_ask *q;
	const char *const *wanted;
	const char *ca;
	struct relay_answer *a;
	uint64_t sent, got;
	enum rc rc; /* of our own side */
	struct err *err;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void begin(void)
{
	BUG_ON(curl_global_init(CURL_GLOBAL_DEFAULT) != 0);
}

struct relay *relay_new(const char *ca)
{
	struct relay *r = xcalloc(1, sizeof(*r));

	r->ca = ca;
	pthread_once(&once, begin);
	pthread_mutex_init(&r->lock, NULL);
	return r;
}

void relay_free(struct relay *r)
{
	if (!r)
		return;
	vec_each(c, &r->idle)
		curl_easy_cleanup(*c);
	vec_done(&r->idle);
	pthread_mutex_destroy(&r->lock);
	xfree(r);
}

void relay_answer_done(struct relay_answer *a)
{
	vec_each(h, &a->headers) {
		xfree(h->name);
		xfree(h->value);
	}
	vec_done(&a->headers);
	*a = (struct relay_answer){0};
}

static CURL *take(struct relay *r)
{
	CURL *c = NULL;

	pthread_mutex_lock(&r->lock);
	if (r->idle.n)
		c = r->idle.v[--r->idle.n];
	pthread_mutex_unlock(&r->lock);
	if (!c)
		c = curl_easy_init();
	BUG_ON(!c);
	return c;
}

static void give_back(struct relay *r, CURL *c)
{
	curl_easy_reset(c); /* the connection stays */
	pthread_mutex_lock(&r->lock);
	vec_push(&r->idle, c);
	pthread_mutex_unlock(&r->lock);
}

static size_t on_read(char *to, size_t size, size_t n, void *ctx)
{
	struct pass *p = ctx;
	uint64_t left = p->q->body_size - p->sent;
	ssize_t k =
		pread(p->q->body, to, (size_t)MIN_OF((uint64_t)(size * n), left), (off_t)p->sent);

	if (k < 0 || (k == 0 && left)) {
		p->rc = err_errno(p->err, k < 0 ? errno : EIO, "read the body to pass on");
		return CURL_READFUNC_ABORT;
	}
	p->sent += (uint64_t)k;
	return (size_t)k;
}

static int on_seek(void *ctx, curl_off_t offset, int origin)
{
	struct pass *p = ctx;

	if (origin != SEEK_SET || offset < 0)
		return CURL_SEEKFUNC_FAIL;
	p->sent = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *ctx)
{
	struct pass *p = ctx;

	p->got += size * n;
	if (p->got > p->q->max)
		p->rc = err_set(p->err, RC_TOO_BIG, "the answer is above %llu bytes",
				(unsigned long long)p->q->max);
	else
		p->rc = fd_write(p->q->to, bytes, size * n, p->err);
	return p->rc == RC_OK ? size * n : 0;
}

static bool is_wanted(const struct pass *p, struct str name)
{
	for (size_t i = 0; p->wanted[i]; i++) {
		size_t n = strlen(p->wanted[i]);

		if (name.n >= n && strncasecmp(name.p, p->wanted[i], n) == 0)
			return true;
	}
	return false;
}

static size_t on_header(char *bytes, size_t size, size_t n, void *ctx)
{
	struct pass *p = ctx;
	struct str rest = str_trim((struct str){bytes, size * n}), name = str_cut(&rest, ':');

	if (!rest.p) {
		if (str_starts(name, "HTTP/"))
			relay_answer_done(p->a); /* 100 Continue came before */
		return size * n;
	}
	rest = str_trim(rest);
	if (is_wanted(p, name) && rest.n <= RELAY_HEADER_MAX && p->a->headers.n < RELAY_HEADERS)
		vec_push(&p->a->headers, ((struct relay_header){xstrndup(name.p, name.n),
								xstrndup(rest.p, rest.n)}));
	return size * n;
}

static void set_up(CURL *c, struct pass *p, struct curl_slist *list, char *why)
{
	const struct relay_ask *q = p->q;

	curl_easy_setopt(c, CURLOPT_URL, q->url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, q->method);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, p);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, p);
	curl_easy_setopt(c, CURLOPT_BUFFERSIZE, BUFFER);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)MAX_OF(q->connect / USEC_MS, (usec_t)1));
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)q->least);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME,
			 (long)MAX_OF(q->patience / USEC_SEC, (usec_t)1));
	if (p->ca) {
		curl_easy_setopt(c, CURLOPT_CAINFO, p->ca);
		curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	}
	if (streq(q->method, "HEAD"))
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	if (q->body >= 0) {
		curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, BUFFER);
		curl_easy_setopt(c, CURLOPT_READFUNCTION, on_read);
		curl_easy_setopt(c, CURLOPT_READDATA, p);
		curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_seek);
		curl_easy_setopt(c, CURLOPT_SEEKDATA, p);
		curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)q->body_size);
	}
}

static enum rc headers_of(const struct relay_ask *q, struct curl_slist **ret, struct err *err)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:"), *next;

	BUG_ON(!list);
	*ret = list;
	for (size_t i = 0; q->headers && q->headers[i]; i++) {
		if (strpbrk(q->headers[i], "\r\n"))
			return err_set(err, RC_INVALID, "a header holds the end of a line");
		next = curl_slist_append(list, q->headers[i]);
		BUG_ON(!next);
	}
	return RC_OK;
}

static enum rc perform(CURL *c, struct pass *p, struct curl_slist *list, struct err *err)
{
	char why[CURL_ERROR_SIZE] = "";
	curl_off_t length = -1;
	long status = 0;

	set_up(c, p, list, why);
	CURLcode code = curl_easy_perform(c);
	(void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(c, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	if (p->rc != RC_OK)
		return p->rc;
	if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
		return err_set(err, RC_INVALID, "that is no http or https URL");
	if (code != CURLE_OK)
		return err_set(err, RC_UNAVAILABLE, "%.200s",
			       *why ? why : curl_easy_strerror(code));
	p->a->status = (int)status;
	p->a->size = streq(p->q->method, "HEAD") ? (uint64_t)MAX_OF(length, (curl_off_t)0) : p->got;
	return RC_OK;
}

enum rc relay_pass(struct relay *r, const struct relay_ask *q, const char *const *wanted,
		   struct relay_answer *ret, struct err *err)
{
	struct relay_answer a = {0};
	struct err here = {0};
	struct pass p = {.q = q, .wanted = wanted, .ca = r->ca, .a = &a, .err = err ? err : &here};
	struct curl_slist *list = NULL;
	CURL *c = take(r);
	enum rc rc = headers_of(q, &list, p.err);

	if (rc == RC_OK)
		rc = perform(c, &p, list, p.err);
	curl_slist_free_all(list);
	give_back(r, c);
	if (rc == RC_OK)
		*ret = a;
	else
		relay_answer_done(&a);
	return rc;
}
