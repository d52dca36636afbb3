/* A registry's challenge and its answer: basic authentication, or a token from the place that the challenge names. */
#include "clients/registry_impl.h"

#include "base/json.h"

#include <strings.h>

#define TOKEN_MAX ((size_t)1 << 20)

void registry_wipe(char **secret)
{
	if (*secret)
		mem_wipe(*secret, strlen(*secret));
	xfree(*secret);
	*secret = NULL;
}

static void wipe(struct strbuf *b)
{
	if (b->p)
		mem_wipe(b->p, b->size);
	strbuf_done(b);
}

/* "Authorization: Basic ..." of who may log in at this host; NULL: nobody. */
static char *basic(const struct registry *r)
{
	AUTO(wipe)
	struct strbuf user = STRBUF(4096), pass = STRBUF(65536), both = STRBUF(70000),
		      line = STRBUF(100000);

	if (!r->o.login || !r->o.login(r->o.ctx, r->host, &user, &pass))
		return NULL;
	strbuf_addstr(&both, strbuf_str(&user));
	strbuf_addc(&both, ':');
	strbuf_addstr(&both, strbuf_str(&pass));
	strbuf_adds(&line, "Authorization: Basic ");
	strbuf_add_base64(&line, both.p, both.n);
	return strbuf_failed(&line) || strbuf_failed(&both) ? NULL : xstrdup(strbuf_cstr(&line));
}

/* The value of a parameter: name="value", with \ before what would end it, or a bare word. */
bool registry_parameter(const char *challenge, const char *name, struct strbuf *ret)
{
	size_t n = strlen(name);

	for (const char *p = challenge; *p;) {
		while (*p == ' ' || *p == ',')
			p++;
		bool mine = strncmp(p, name, n) == 0 && p[n] == '=';
		while (*p && *p != '=' && *p != ',' && *p != ' ')
			p++;
		if (*p != '=')
			continue;
		bool quoted = *++p == '"';
		p += quoted;
		while (*p && (quoted ? *p != '"' : *p != ',' && *p != ' ')) {
			if (quoted && *p == '\\' && p[1])
				p++;
			if (mine)
				strbuf_addc(ret, *p);
			p++;
		}
		p += quoted && *p;
		if (mine)
			return !strbuf_failed(ret) && ret->n;
	}
	return false;
}

static void query(struct strbuf *url, const char *name, const struct strbuf *value)
{
	if (!value->n)
		return;
	strbuf_addc(url, strchr(strbuf_cstr(url), '?') ? '&' : '?');
	strbuf_adds(url, name);
	strbuf_addc(url, '=');
	strbuf_add_urlencoded(url, strbuf_str(value));
}

static bool safe_url(struct str url)
{
	if (str_starts(url, "https://"))
		return true;
	if (!str_starts(url, "http://"))
		return false;
	struct str rest = {url.p + 7, url.n - 7};
	return registry_is_loopback(str_cut(&rest, '/'));
}

static enum rc token_of(struct registry *r, struct str text, struct err *err)
{
	AUTO(json_freep) struct json *j = NULL;
	enum rc rc = json_read(text, TOKEN_MAX, &j, err);

	if (rc != RC_OK)
		return err_wrap(err, "the token of %s", r->host);
	const char *token = json_get_text(j, "token", NULL);
	if (!token)
		token = json_get_text(j, "access_token", NULL);
	if (!token || !*token || strpbrk(token, "\r\n"))
		return err_set(err, RC_DENIED, "%s gave no token", r->host);
	r->authorization = xasprintf("Authorization: Bearer %s", token);
	return RC_OK;
}

static enum rc bearer(struct registry *r, const char *challenge, struct err *err)
{
	AUTO(strbuf_done)
	struct strbuf url = STRBUF(8192), service = STRBUF(2048), scope = STRBUF(2048);

	if (!registry_parameter(challenge, "realm", &url) || !safe_url(strbuf_str(&url)))
		return err_set(err, RC_DENIED,
			       "%s names no https place where a token could be asked for", r->host);
	(void)!registry_parameter(challenge, "service", &service);
	if (!registry_parameter(challenge, "scope", &scope))
		strbuf_addf(&scope, "repository:%s:pull", r->repository);
	query(&url, "service", &service);
	query(&url, "scope", &scope);
	char *login = basic(r);
	const char *headers[] = {login, NULL};
	struct http_request q = {.url = strbuf_cstr(&url),
				 .headers = headers,
				 .timeout = 30 * USEC_SEC,
				 .max = TOKEN_MAX};
	struct http_answer a = {0};
	enum rc rc = http_ask(&q, &a, err);
	bool known = login != NULL;
	registry_wipe(&login);
	if (rc != RC_OK)
		return err_wrap(err, "a token for %s", r->host);
	if (a.status == 200)
		rc = token_of(r, strbuf_str(&a.body), err);
	else
		rc = err_set(err, a.status >= 500 ? RC_UNAVAILABLE : RC_DENIED,
			     "%s refuses a token for %s (HTTP %d)%s", r->host, r->repository,
			     a.status, known ? "" : ": it knows no login of ours");
	if (a.body.p)
		mem_wipe(a.body.p, a.body.size);
	http_answer_done(&a);
	return rc;
}

enum rc registry_login(struct registry *r, const char *challenge, struct err *err)
{
	registry_wipe(&r->authorization);
	if (!strncasecmp(challenge, "bearer ", 7))
		return bearer(r, challenge + 7, err);
	if (strncasecmp(challenge, "basic", 5) != 0)
		return err_set(err, RC_UNSUPPORTED, "%s wants a login of another kind: %.60s",
			       r->host, challenge);
	r->authorization = basic(r);
	return r->authorization ? RC_OK
				: err_set(err, RC_DENIED,
					  "%s wants a login: put \"user:password\" into the secret "
					  "registry-%s, or log in with docker or podman",
					  r->host, r->host);
}
