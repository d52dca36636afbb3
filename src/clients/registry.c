/* Requests to a registry: redirects, logins, tries; manifests. */
#include "clients/registry_impl.h"

#include "base/json.h"
#include "clients/oci.h"
#include "io/clock.h"

#include <strings.h>

#define DOCKER_LIST     "application/vnd.docker.distribution.manifest.list.v2+json"
#define DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define WAIT_MAX        (30 * USEC_SEC)

struct registry *registry_new(const struct registry_ref *ref, const struct registry_options *o)
{
	struct registry *r = xcalloc(1, sizeof(*r));
	const char *host = streq(ref->host, "docker.io") ? "registry-1.docker.io" : ref->host;

	r->o = *o;
	r->host = xstrdup(ref->host);
	r->repository = xstrdup(ref->repository);
	r->origin =
		xasprintf("%s://%s", registry_is_loopback(str_of(host)) ? "http" : "https", host);
	return r;
}

void registry_free(struct registry *r)
{
	if (!r)
		return;
	registry_wipe(&r->authorization);
	xfree(r->host);
	xfree(r->repository);
	xfree(r->origin);
	xfree(r);
}

bool registry_again(const struct registry *r, unsigned n, uint32_t retry_after)
{
	usec_t wait = (r->o.wait ? r->o.wait : 500 * USEC_MS) << (n - 1);

	if (n >= REGISTRY_TRIES)
		return false;
	if (retry_after)
		wait = MAX_OF(wait, retry_after * USEC_SEC);
	clock_sleep(MIN_OF(wait, WAIT_MAX));
	return true;
}

/* One request. */
struct ask {
	const struct registry_get *g;
	struct registry_said said;
	struct strbuf failure; /* body of an answer that is no success */
	bool stopped, too_big;
};

static void keep(char *to, size_t size, struct str value)
{
	if (value.n < size) {
		memcpy(to, value.p, value.n);
		to[value.n] = '\0';
	}
}

static void on_header(void *ctx, struct str name, struct str value)
{
	struct ask *a = ctx;
	struct str rest = value;
	uint32_t status = 0;

	if (!name.n) {
		(void)str_cut(&rest, ' ');
		if (rest.p && parse_u32(str_cut(&rest, ' '), &status))
			a->said.status = (int)status;
	} else if (name.n == 16 && !strncasecmp(name.p, "www-authenticate", 16)) {
		/* of several, the bearer's is the one that more registries take */
		if (!*a->said.challenge || (value.n > 6 && !strncasecmp(value.p, "bearer", 6)))
			keep(a->said.challenge, sizeof(a->said.challenge), value);
	} else if (name.n == 8 && !strncasecmp(name.p, "location", 8)) {
		keep(a->said.location, sizeof(a->said.location), value);
	}
}

static bool on_body(void *ctx, struct str part)
{
	struct ask *a = ctx;

	if (a->said.status != 200 && a->said.status != 206) {
		strbuf_addstr(&a->failure, part);
		return !strbuf_failed(&a->failure);
	}
	if (a->g->each) {
		a->stopped = !a->g->each(a->g->ctx, a->said.status, part);
		return !a->stopped;
	}
	if (a->g->body->n + part.n > a->g->max)
		a->too_big = true;
	else
		strbuf_addstr(a->g->body, part);
	return !a->too_big;
}

static enum rc ask(const struct registry *r, struct ask *a, const char *url, struct err *err)
{
	const struct registry_get *g = a->g;
	size_t n = strlen(r->origin);
	bool own = !strncmp(url, r->origin, n) && (url[n] == '/' || !url[n]);
	AUTO(freep) char *accept = xasprintf("Accept: %s", g->accept ? g->accept : "*/*");
	AUTO(freep) char *range = xasprintf("Range: bytes=%llu-", (unsigned long long)g->from);
	const char *headers[4] = {accept};
	size_t k = 1;
	struct http_answer answer = {0};

	if (g->from)
		headers[k++] = range;
	if (own && r->authorization)
		headers[k++] = r->authorization;
	struct http_request q = {.url = url,
				 .headers = headers,
				 .timeout = 60 * USEC_SEC,
				 .stream = g->stream,
				 .header = on_header,
				 .each = on_body,
				 .ctx = a};
	a->said = (struct registry_said){0};
	strbuf_clear(&a->failure);
	enum rc rc = http_ask(&q, &answer, err);
	if (rc == RC_OK) {
		a->said.status = answer.status;
		a->said.retry_after = answer.retry_after;
	}
	http_answer_done(&answer);
	return rc;
}

/* Where a redirect leads; only https, or the loopback. */
static enum rc follow(const struct registry *r, const char *location, char **url, struct err *err)
{
	char *next = *location == '/' ? xasprintf("%s%s", r->origin, location) : xstrdup(location);
	struct str rest = str_of(next);

	bool good = str_starts(rest, "https://");
	if (str_starts(rest, "http://")) {
		rest = (struct str){rest.p + 7, rest.n - 7};
		good = registry_is_loopback(str_cut(&rest, '/'));
	}
	if (!good) {
		xfree(next);
		return err_set(err, RC_DENIED, "%s sends us to a place without https", r->host);
	}
	xfree(*url);
	*url = next;
	return RC_OK;
}

static enum rc judge(const struct registry *r, const struct ask *a, struct err *err)
{
	AUTO(json_freep) struct json *j = NULL;
	struct err ignored = {0};
	const char *why = "";
	int status = a->said.status;

	if (a->too_big)
		return err_set(err, RC_TOO_BIG, "%s: an answer above %zu bytes", r->host,
			       a->g->max);
	if (a->stopped)
		return err_set(err, RC_CONFLICT, "stopped");
	if (status == 200 || status == 206)
		return RC_OK;
	if (json_read(strbuf_str(&a->failure), 65536, &j, &ignored) == RC_OK)
		why = json_get_text(json_at(json_get(j, "errors"), 0), "message", "");
	return err_set(err,
		       status == 404                    ? RC_NOT_FOUND
		       : status == 401 || status == 403 ? RC_DENIED
		       : status == 429 || status >= 500 ? RC_UNAVAILABLE
							: RC_INVALID,
		       "%s/%s: HTTP %d%s%.200s", r->host, r->repository, status, *why ? ": " : "",
		       why);
}

static enum rc get_once(struct registry *r, struct ask *a, struct err *err)
{
	AUTO(freep) char *url = xstrdup(a->g->url);
	bool logged_in = false;

	for (int hops = 0; hops <= REGISTRY_REDIRECTS; hops++) {
		enum rc rc = ask(r, a, url, err);
		if (rc != RC_OK)
			return rc;
		int status = a->said.status;
		if (status == 401 && !logged_in && *a->said.challenge) {
			logged_in = true;
			rc = registry_login(r, a->said.challenge, err);
		} else if (status >= 301 && status <= 308 && *a->said.location) {
			rc = follow(r, a->said.location, &url, err);
		} else {
			return judge(r, a, err);
		}
		if (rc != RC_OK)
			return rc;
	}
	return err_set(err, RC_UNAVAILABLE, "%s sends us round in circles", r->host);
}

enum rc registry_get(struct registry *r, const struct registry_get *g, int *ret_status,
		     struct err *err)
{
	struct ask a = {.g = g, .failure = STRBUF(65536)};
	enum rc rc;
	unsigned n = 0;

	do {
		rc = get_once(r, &a, err);
		n++;
		/* A body that came in parts is gone on with by who asked for it. */
	} while (rc == RC_UNAVAILABLE && !g->each && (g->body->n = 0, true) &&
		 registry_again(r, n, a.said.retry_after));
	if (rc == RC_OK)
		err_clear(err);
	if (ret_status)
		*ret_status = a.said.status;
	strbuf_done(&a.failure);
	return rc;
}

enum rc registry_manifest(struct registry *r, const char *reference, struct strbuf *ret,
			  char **ret_digest, struct err *err)
{
	AUTO(freep)
	char *url = xasprintf("%s/v2/%s/manifests/%s", r->origin, r->repository, reference);
	AUTO(strbuf_done) struct strbuf body = STRBUF(REGISTRY_MANIFEST_MAX + 1);
	struct registry_get g = {.url = url,
				 .accept = OCI_INDEX ", " OCI_MANIFEST ", " DOCKER_LIST
						     ", " DOCKER_MANIFEST,
				 .max = REGISTRY_MANIFEST_MAX,
				 .body = &body};
	enum rc rc = registry_get(r, &g, NULL, err);

	if (rc != RC_OK)
		return rc;
	AUTO(freep) char *hex = digest_hex_dup(strbuf_str(&body));
	AUTO(freep) char *digest = xasprintf("sha256:%s", hex);
	if (str_starts(str_of(reference), "sha256:") && !streq(reference, digest))
		return err_set(err, RC_CORRUPT, "%s/%s: the manifest's bytes are %s, not %s",
			       r->host, r->repository, digest, reference);
	strbuf_addstr(ret, strbuf_str(&body));
	*ret_digest = digest;
	digest = NULL;
	return strbuf_failed(ret) ? err_set(err, RC_TOO_BIG, "the manifest does not fit") : RC_OK;
}
