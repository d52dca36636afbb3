#include "cli/client.h"

#include "api/wire.h"
#include "cli/credentials.h"
#include "io/http.h"

#include <stdlib.h>

static const char *socket_of(struct cli *c)
{
	if (!c->socket)
		c->socket = xasprintf("%s/" WIRE_SOCKET, cli_data(c));
	return c->socket;
}

/* The daemon's own words for what went wrong. */
static enum rc problem(const struct http_answer *a, struct err *err)
{
	AUTO(json_freep) struct json *j = NULL;

	if (json_read(strbuf_str(&a->body), ANSWER_MAX, &j, NULL) != RC_OK ||
	    !json_get_text(j, "detail", NULL))
		return err_set(err, a->status >= 500 ? RC_UNAVAILABLE : RC_INVALID,
			       "the daemon answers %d", a->status);
	return err_set(err, rc_of_name(json_get_text(j, "code", "internal")), "%s",
		       json_get_text(j, "detail", ""));
}

const char *client_ca(const struct cli *c)
{
	const char *given = cli_value(c, "ca"), *env = getenv("PENSTOCK_CA");

	return given ? given : env && *env ? env : NULL;
}

const char *client_server(const struct cli *c)
{
	const char *given = cli_value(c, "server"), *env = getenv("PENSTOCK_SERVER");

	return given ? given : env && *env && !cli_value(c, "data") ? env : NULL;
}

/* Where to, and as whom. */
struct target {
	const char *server; /* NULL: the socket */
	const char *
		token; /* NULL: as the command line, the environment, or the kept ones say; "": none */
};

static enum rc unreached(struct cli *c, const struct target *to, enum rc rc, struct err *err)
{
	if (!to->server && rc == RC_NOT_FOUND)
		return err_set(err, RC_UNAVAILABLE,
			       "no daemon answers at %s; start it with: penstock serve --data %s",
			       socket_of(c), cli_data(c));
	return err_wrap(err, "ask the daemon at %s", to->server ? to->server : socket_of(c));
}

/* "Authorization: Bearer ...": the caller's; NULL: nobody says who asks. A token goes nowhere unencrypted by accident. */
static enum rc find_token(const struct cli *c, const struct target *to, char **ret, struct err *err)
{
	AUTO(credentials_done) struct credentials kept = {0};
	const char *token = to->token ? to->token : cli_value(c, "token");
	enum rc rc = RC_OK;

	if (!to->server)
		return RC_OK;
	token = token ? token : getenv("PENSTOCK_TOKEN");
	if (!token) {
		rc = credentials_read(&kept, err);
		const struct credential *one =
			rc == RC_OK ? credentials_find(&kept, to->server) : NULL;
		token = one ? one->token : NULL;
	}
	if (rc == RC_OK && token && *token) {
		rc = url_is_safe(to->server, cli_flag(c, "insecure"), err);
		if (rc == RC_OK)
			*ret = xasprintf("Authorization: Bearer %s", token);
	}
	return rc;
}

static enum rc ask_at(struct cli *c, const struct target *to, struct http_request *q,
		      const char *path, struct http_answer *ret, struct err *err)
{
	const char *headers[3] = {NULL};
	struct str base = str_of(to->server);
	char *auth = NULL;
	size_t n = 0;
	enum rc rc = find_token(c, to, &auth, err);

	if (rc != RC_OK)
		return rc;
	while (str_ends(base, "/"))
		base.n--;
	AUTO(freep)
	char *url = to->server ? xasprintf("%.*s%s", (int)base.n, base.p, path)
			       : xasprintf("http://penstock%s", path);
	if (auth)
		headers[n++] = auth;
	if (q->body.n)
		headers[n++] = "Content-Type: application/json";
	q->url = url;
	q->headers = headers;
	q->ca = client_ca(c);
	q->unix_socket = to->server ? NULL : socket_of(c);
	q->max = ANSWER_MAX;
	rc = http_ask(q, ret, err);
	if (auth)
		mem_wipe(auth, strlen(auth));
	xfree(auth);
	if (rc != RC_OK)
		return unreached(c, to, rc, err);
	return ret->status >= 200 && ret->status < 300 ? RC_OK : problem(ret, err);
}

static enum rc ask(struct cli *c, struct http_request *q, const char *path, struct http_answer *ret,
		   struct err *err)
{
	const struct target to = {.server = client_server(c)};

	return ask_at(c, &to, q, path, ret, err);
}

enum rc client_get_text(struct cli *c, const char *path, struct strbuf *ret, struct err *err)
{
	AUTO(http_answer_done) struct http_answer a = {0};
	struct http_request q = {.timeout = 30 * USEC_SEC};
	enum rc rc = ask(c, &q, path, &a, err);

	if (rc == RC_OK)
		strbuf_addstr(ret, strbuf_str(&a.body));
	return rc;
}

/* What is between quotes comes from commits, logs and services: no control character of it reaches a terminal. */
static void tame(char *p)
{
	while (*p) {
		unsigned char c = (unsigned char)p[0], next = (unsigned char)p[1];
		size_t n = c == '\\' && next ? 2 : 1;
		bool bad = (c == '\\' && next && strchr("bfnrt", next)) || c == 0x7f;

		if (c == '\\' && next == 'u' && strspn(p + 2, "0123456789abcdefABCDEF") >= 4) {
			n = 6;
			bad = p[2] == '0' && p[3] == '0' &&
			      (strchr("0189", p[4]) ||
			       (p[4] == '7' && (p[5] == 'f' || p[5] == 'F')));
		} else if (c == 0xc2 && next >= 0x80 && next < 0xa0) {
			n = 2;
			bad = true;
		}
		if (bad)
			memset(p, ' ', n);
		p += n;
	}
}

enum rc client_get(struct cli *c, const char *path, struct json **ret, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(ANSWER_MAX);
	enum rc rc = client_get_text(c, path, &text, err);

	if (rc != RC_OK)
		return rc;
	if (text.n)
		tame(text.p);
	rc = json_read(strbuf_str(&text), ANSWER_MAX, ret, err);
	return rc == RC_OK ? RC_OK : err_wrap(err, "the daemon's answer");
}

enum rc client_order(struct cli *c, const char *method, const char *path, struct str body,
		     uint64_t *ret_seq, struct err *err)
{
	AUTO(http_answer_done) struct http_answer a = {0};
	AUTO(json_freep) struct json *j = NULL;
	struct http_request q = {.method = method, .body = body, .timeout = 30 * USEC_SEC};
	enum rc rc = ask(c, &q, path, &a, err);

	if (rc == RC_OK)
		rc = json_read(strbuf_str(&a.body), ANSWER_MAX, &j, err);
	if (rc == RC_OK)
		*ret_seq = json_natural(json_get(j, "seq"), 0);
	return rc;
}

enum rc client_post(struct cli *c, const char *path, struct str body, struct json **ret,
		    struct err *err)
{
	AUTO(http_answer_done) struct http_answer a = {0};
	struct http_request q = {.method = "POST", .body = body, .timeout = 30 * USEC_SEC};
	enum rc rc = ask(c, &q, path, &a, err);

	if (rc == RC_OK)
		rc = json_read(strbuf_str(&a.body), ANSWER_MAX, ret, err);
	if (a.body.p)
		mem_wipe(a.body.p, a.body.n);
	return rc;
}

static enum rc read_answer(struct http_answer *a, struct json **ret, struct err *err)
{
	enum rc rc = json_read(strbuf_str(&a->body), ANSWER_MAX, ret, err);

	if (a->body.p)
		mem_wipe(a->body.p, a->body.n);
	return rc == RC_OK ? RC_OK : err_wrap(err, "the daemon's answer");
}

enum rc client_get_as(struct cli *c, const char *token, const char *path, struct json **ret,
		      struct err *err)
{
	AUTO(http_answer_done) struct http_answer a = {0};
	struct http_request q = {.timeout = 30 * USEC_SEC};
	const struct target to = {client_server(c), token};
	enum rc rc = ask_at(c, &to, &q, path, &a, err);

	return rc == RC_OK ? read_answer(&a, ret, err) : rc;
}

enum rc client_post_as(struct cli *c, const char *token, const char *path, struct str body,
		       struct json **ret, struct err *err)
{
	AUTO(http_answer_done) struct http_answer a = {0};
	struct http_request q = {.method = "POST", .body = body, .timeout = 30 * USEC_SEC};
	const struct target to = {client_server(c), token};
	enum rc rc = ask_at(c, &to, &q, path, &a, err);

	return rc == RC_OK ? read_answer(&a, ret, err) : rc;
}

enum rc client_delete_at(struct cli *c, const char *server, const char *token, const char *path,
			 struct err *err)
{
	AUTO(http_answer_done) struct http_answer a = {0};
	struct http_request q = {.method = "DELETE", .timeout = 30 * USEC_SEC};
	const struct target to = {server, token};

	return ask_at(c, &to, &q, path, &a, err);
}

enum rc client_scope_token(struct cli *c, const char *name, const char *scope, bool read_only,
			   char **ret_token, struct err *err)
{
	AUTO(strbuf_done) struct strbuf body = STRBUF(4096);
	AUTO(json_freep) struct json *j = NULL;
	struct json_out o = JSON_OUT(&body);

	json_open(&o, NULL);
	json_cstr(&o, "name", name);
	json_cstr(&o, "scope", scope);
	json_bool(&o, "read_only", read_only);
	json_close(&o);
	enum rc rc = client_post(c, WIRE_TOKENS, strbuf_str(&body), &j, err);
	if (rc == RC_OK)
		*ret_token = xstrdup(json_get_text(j, "token", ""));
	return rc;
}

enum rc client_revoke(struct cli *c, const char *name, struct err *err)
{
	AUTO(freep) char *path = client_path(WIRE_TOKENS, name, "");
	uint64_t seq;

	return client_order(c, "DELETE", path, STR(""), &seq, err);
}

/* The status comes with the end only: a first part that looks like a refusal waits for it, or for a second part. */
struct pass {
	bool (*each)(void *ctx, struct str part);
	void *ctx;
	struct strbuf held;
	bool begun;
};

static bool pass_on(void *ctx, struct str part)
{
	struct pass *p = ctx;

	if (!p->begun && !p->held.n && part.n < p->held.cap &&
	    str_starts(part, "{\"type\":\"urn:penstock:problem:") && str_ends(part, "}\n")) {
		strbuf_addstr(&p->held, part);
		return true;
	}
	p->begun = true;
	if (p->held.n && !p->each(p->ctx, strbuf_str(&p->held)))
		return false;
	strbuf_clear(&p->held);
	return p->each(p->ctx, part);
}

enum rc client_stream(struct cli *c, const char *path, bool (*each)(void *ctx, struct str part),
		      void *ctx, struct err *err)
{
	AUTO(http_answer_done) struct http_answer a = {0};
	struct pass p = {.each = each, .ctx = ctx, .held = STRBUF(8192)};
	struct http_request q = {.stream = true, .each = pass_on, .ctx = &p};
	enum rc rc = ask(c, &q, path, &a, err);

	if (rc == RC_OK && p.held.n)
		(void)each(ctx, strbuf_str(&p.held));
	if (rc != RC_OK && p.held.n) {
		strbuf_addstr(&a.body, strbuf_str(&p.held));
		rc = problem(&a, err);
	}
	strbuf_done(&p.held);
	return rc;
}

/* Slashes stay: job ids have them. */
char *client_path(const char *base, const char *id, const char *rest)
{
	struct strbuf path = STRBUF(8192);
	struct str left = str_of(id);

	strbuf_addf(&path, "%s/", base);
	while (left.p) {
		strbuf_add_urlencoded(&path, str_cut(&left, '/'));
		if (left.p)
			strbuf_addc(&path, '/');
	}
	strbuf_adds(&path, rest);
	return strbuf_take(&path);
}

int client_do(struct cli *c, const char *method, const char *path, struct strbuf *body,
	      const char *done)
{
	struct err err = {0};
	uint64_t seq = 0;

	if (client_order(c, method, path, body ? strbuf_str(body) : STR(""), &seq, &err) != RC_OK)
		return cli_fail(c, &err);
	if (c->json) {
		say(c, "{\"ok\":true,\"seq\":%llu}\n", (unsigned long long)seq);
		return EXIT_GOOD;
	}
	tint(&c->out, &c->term, GOOD, "%s", mark_good(&c->term));
	say(c, " %s", done);
	tint(&c->out, &c->term, DIM, "  (record %llu)", (unsigned long long)seq);
	say(c, "\n");
	return EXIT_GOOD;
}

int client_show(struct cli *c, const char *path, void (*draw)(struct cli *c, const struct json *j))
{
	AUTO(json_freep) struct json *j = NULL;
	struct err err = {0};
	enum rc rc =
		c->json ? client_get_text(c, path, &c->out, &err) : client_get(c, path, &j, &err);

	if (rc != RC_OK)
		return cli_fail(c, &err);
	if (!c->json)
		draw(c, j);
	return EXIT_GOOD;
}

void body_text(struct json_out *o, const char *key, const char *value)
{
	if (value)
		json_cstr(o, key, value);
}

const char *text_at(const struct json *j, const char *key)
{
	return json_get_text(j, key, "");
}

uint64_t number_at(const struct json *j, const char *key)
{
	return json_natural(json_get(j, key), 0);
}
