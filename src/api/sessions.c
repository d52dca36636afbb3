/* Coming in and leaving: a browser's session, and the guard against those who try tokens. */
#include "api/api_impl.h"

#include <strings.h>

#define SESSION_TIME (12 * USEC_HOUR)
#define TRIES        10 /* wrong tokens from one address in TRY_TIME, then it waits */
#define TRY_TIME     USEC_MIN
#define TRIED_MAX    4096
#define AGENT_TEXT   200

/* ---- those who try ---- */

struct tried {
	usec_t since;
	uint32_t n;
};

static struct tried *tried_of(struct api *api, const char *address, bool make)
{
	struct tried *t = map_get(&api->tried, str_of(address));
	usec_t now = runner_now(api->runner);

	if (t && now - t->since > TRY_TIME)
		*t = (struct tried){.since = now};
	if (t || !make)
		return t;
	if (api->tried.n >= TRIED_MAX) { /* a crowd: they share what they tried */
		tried_free(api);
	}
	t = xcalloc(1, sizeof(*t));
	t->since = now;
	map_put(&api->tried, str_of(address), t);
	return t;
}

void tried_free(struct api *api)
{
	for (struct map_entry *e = NULL; (e = map_next(&api->tried, e));)
		xfree(e->value);
	map_done(&api->tried);
}

void failed_login(struct api *api, struct request *r)
{
	char address[REQUEST_ADDRESS];

	request_address(r, address);
	tried_of(api, address, true)->n++;
	api->failed_logins++;
	denial_note(api, r, NULL, "a secret that is not known here, was revoked, or is over");
}

/* True: it was answered that this address has to wait. */
static bool is_throttled(struct call *c)
{
	char address[REQUEST_ADDRESS];

	request_address(c->r, address);
	const struct tried *t = tried_of(c->api, address, false);
	if (!t || t->n < TRIES)
		return false;
	usec_t left = t->since + TRY_TIME - runner_now(c->api->runner);
	AUTO(freep) char *seconds = xasprintf("%llu", (unsigned long long)(left / USEC_SEC + 1));
	request_add_header(c->r, "Retry-After", seconds);
	call_problem(c, 429, RC_UNAVAILABLE, "too many wrong tokens from %s: try again in %s s",
		     address, seconds);
	return true;
}

void call_nobody(struct call *c)
{
	if (request_header(c->r, "Authorization") && is_throttled(c))
		return;
	if (request_holder(c->r))
		denial_note(c->api, c->r, NULL, "its token is for something else");
	request_add_header(c->r, "WWW-Authenticate", "Bearer realm=\"penstock\"");
	call_problem(c, 401, RC_DENIED, "%s",
		     request_header(c->r, "Authorization")
			     ? "this token is not known here, was revoked, or its time is over"
		     : request_cookie(c->r, SESSION_COOKIE).n
			     ? "this session is over: log in again"
			     : "who are you? log in, or send a token: Authorization: Bearer ...");
}

void call_denied(struct call *c, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(sizeof(c->err.msg));
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&text, fmt, ap);
	va_end(ap);
	denial_note(c->api, c->r, NULL, strbuf_cstr(&text));
	call_failf(c, RC_DENIED, "%s", strbuf_cstr(&text));
}

/* ---- cross-site requests ---- */

/* Only who can read our answers knows it: another site cannot. */
static void csrf_of(struct str cookie, char ret[DIGEST_HEX + 1])
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(AGENT_TEXT);

	strbuf_adds(&text, "csrf:");
	strbuf_addstr(&text, cookie);
	secret_hash(strbuf_str(&text), ret);
	mem_wipe(text.p, text.n);
}

static bool same_secret(struct str a, struct str b)
{
	unsigned char differs = a.n != b.n;

	for (size_t i = 0; i < a.n && i < b.n; i++)
		differs |= (unsigned char)(a.p[i] ^ b.p[i]);
	return !differs;
}

/* Browsers say it; over plain HTTP older ones, and all to other machines, only by where the page came from. */
static bool is_cross_site(const struct call *c)
{
	const char *site = request_header(c->r, "Sec-Fetch-Site");
	const char *origin = request_header(c->r, "Origin"), *host = request_header(c->r, "Host");

	if (site)
		return !streq(site, "same-origin") && !streq(site, "none");
	if (!origin)
		return false;
	const char *at = strstr(origin, "://");
	return !at || !host || strcasecmp(at + 3, host) != 0;
}

bool call_same_site(struct call *c)
{
	const char *via = request_via(c->r), *site = request_header(c->r, "Sec-Fetch-Site");
	char wanted[DIGEST_HEX + 1];

	if (streq(c->route->method, "GET"))
		return true;
	if (c->route->flags & ROUTE_OPEN && is_cross_site(c)) {
		call_problem(c, 403, RC_DENIED,
			     "another site's page asks this: nobody is logged in from there");
		return false;
	}
	if (!via || !str_starts(str_of(via), "ses-"))
		return true;
	csrf_of(request_cookie(c->r, SESSION_COOKIE), wanted);
	if (same_secret(str_of(request_header(c->r, CSRF_HEADER)), str_of(wanted)) &&
	    (!site || streq(site, "same-origin")))
		return true;
	call_denied(c, "a write by a browser's session needs the header " CSRF_HEADER
		       " with the value of GET " WIRE_ME);
	return false;
}

/* ---- in and out ---- */

/* secret NULL: the cookie is removed. */
static void set_cookie(struct call *c, const char *secret, usec_t age)
{
	const struct set_cookie cookie = {
		.name = SESSION_COOKIE, .value = secret, .seconds = (uint32_t)(age / USEC_SEC)};

	BUG_ON(!request_set_cookie(c->r, &cookie)); /* hex */
}

static void on_session(void *ctx, enum rc rc, const struct err *err, uint64_t seq)
{
	struct call *c = ctx;

	if (rc == RC_OK)
		set_cookie(c, c->data, SESSION_TIME);
	call_done_at(c, rc, err, seq);
}

static void wipe_secret(void *data)
{
	mem_wipe(data, SECRET_TEXT);
	xfree(data);
}

void session_cookie(struct call *c, const char *secret)
{
	set_cookie(c, secret, SESSION_TIME);
}

void session_event(struct call *c, const char *actor, const char *token, struct event *ev,
		   char ret_secret[SECRET_TEXT + 1])
{
	const char *agent = request_header(c->r, "User-Agent");
	char digest[DIGEST_HEX + 1];

	secret_make("pss_", ret_secret);
	secret_hash(str_of(ret_secret), digest);
	call_sign(c, ev);
	xfree(ev->actor);
	ev->actor = xstrdup(actor);
	ev->text = xstrdup(actor);
	ev->id = token ? xstrdup(token) : NULL;
	ev->digest = xstrdup(digest);
	ev->type = agent ? xstrndup(agent, MIN_OF(strlen(agent), (size_t)AGENT_TEXT)) : NULL;
	ev->until = runner_now(c->api->runner) + SESSION_TIME;
}

/* The answer brings the cookie once the journal has the session. */
void session_begin(struct call *c, const char *actor, const char *token, usec_t begun)
{
	struct event ev = {.kind = EV_LOGIN, .started_at = begun};

	c->data = xcalloc(1, SECRET_TEXT + 1);
	c->free_data = wipe_secret;
	session_event(c, actor, token, &ev, c->data);
	engine_ask(c->api->e, &ev, on_session, c);
}

static void session_end(struct call *c, const char *id)
{
	struct event ev = {.kind = EV_LOGOUT, .id = xstrdup(id)};

	call_sign(c, &ev);
	engine_submit(c->api->e, &ev);
}

static void end_brought(struct call *c)
{
	const char *via = request_via(c->r);

	if (via && str_starts(str_of(via), "ses-"))
		session_end(c, via);
}

void post_login(struct call *c)
{
	const struct model *m = engine_model(c->api->e);
	char digest[DIGEST_HEX + 1];

	secret_hash(str_trim(str_of(json_get_text(c->body, "token", ""))), digest);
	const struct token *t = access_token(m, digest, runner_now(c->api->runner));
	if (!t ||
	    t->scope) { /* who brings a good one is not kept out by others behind the same address */
		if (is_throttled(c))
			return;
		failed_login(c->api, c->r);
		call_problem(c, 401, RC_DENIED, "%s",
			     t ? "this token is for the build caches or an agent, not for people"
			       : "this token is not known here, was revoked, or its time is over");
		return;
	}
	AUTO(freep) char *actor = t->owner ? xstrdup(t->owner) : xasprintf("token:%s", t->name);
	end_brought(c); /* a new one each time: nobody can have planted it */
	session_begin(c, actor, t->id, 0);
}

void post_logout(struct call *c)
{
	struct json_out o = JSON_OUT(&c->out);

	end_brought(c);
	set_cookie(c, NULL, 0);
	json_open(&o, NULL);
	json_bool(&o, "ok", true);
	json_close(&o);
	call_json(c, 200, &c->out);
}

void post_rotate(struct call *c)
{
	const struct session *s = model_session(engine_model(c->api->e), request_via(c->r));

	if (!s) {
		call_failf(c, RC_CONFLICT, "only a browser's session has a cookie to change");
		return;
	}
	AUTO(freep) char *actor = xstrdup(s->actor);
	AUTO(freep) char *token = s->token ? xstrdup(s->token) : NULL;
	usec_t begun = s->begun_at;
	end_brought(c);
	session_begin(c, actor, token, begun);
}

void get_login(struct call *c)
{
	struct json_out o = JSON_OUT(&c->out);

	json_open(&o, NULL);
	json_bool(&o, "token", true);
	if (c->api->o.oidc) {
		json_open(&o, "oidc");
		json_cstr(&o, "name", c->api->o.oidc_name ? c->api->o.oidc_name : "single sign-on");
		json_close(&o);
	}
	json_close(&o);
	call_json(c, 200, &c->out);
}

/* ---- oneself ---- */

static void write_roles(struct json_out *o, const struct model *m, const struct who *who)
{
	json_list(o, "roles");
	enum role all = access_role(m, who, NULL);
	if (all != ROLE_NONE) {
		json_open(o, NULL);
		json_cstr(o, "role", role_names[all]);
		json_close(o);
	}
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_ENVIRONMENT], e));) {
		enum role here = access_role(m, who, e->key);

		if (here == all)
			continue;
		json_open(o, NULL);
		json_cstr(o, "role", role_names[here]);
		json_cstr(o, "environment", e->key);
		json_close(o);
	}
	json_unlist(o);
	json_cstr(o, "role", role_names[all]);
}

void get_me(struct call *c)
{
	const struct model *m = engine_model(c->api->e);
	const struct user *u = access_user(m, request_actor(c->r));
	struct json_out o = JSON_OUT(&c->out);
	char csrf[DIGEST_HEX + 1];
	texts groups = {0};
	struct who who;

	who_asks(c->api, c->r, &groups, &who);
	json_open(&o, NULL);
	json_cstr(&o, "actor", who.actor);
	json_cstr(&o, "name", u && u->name ? u->name : who.actor);
	if (u && u->email)
		json_cstr(&o, "email", u->email);
	json_list(&o, "groups");
	vec_each(g, &groups)
		json_cstr(&o, NULL, *g);
	json_unlist(&o);
	write_roles(&o, m, &who);
	json_cstr(&o, "via", request_via(c->r));
	if (model_session(m, request_via(c->r))) {
		csrf_of(request_cookie(c->r, SESSION_COOKIE), csrf);
		json_cstr(&o, "csrf", csrf);
	}
	json_close(&o);
	vec_done(&groups);
	call_json(c, 200, &c->out);
}
