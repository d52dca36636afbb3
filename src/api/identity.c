#include "api/api_impl.h"

#include <pthread.h>
#include <sys/random.h>

#define RANDOM     32
#define SCOPE_MAX  64
#define AUTH_MAX   1024
#define USED_EVERY USEC_HOUR /* how exactly the last use of a token is known */

void secret_make(const char *prefix, char ret[SECRET_TEXT + 1])
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned char raw[RANDOM];
	size_t at = strlen(prefix);
	uint32_t bits = 0;
	int have = 0;

	BUG_ON(at > SECRET_TEXT - 43 || getrandom(raw, sizeof(raw), 0) != sizeof(raw));
	memcpy(ret, prefix, at);
	for (size_t i = 0; i < sizeof(raw) || have > 0;) {
		if (have < 6 && i < sizeof(raw)) {
			bits = bits << 8 | raw[i++];
			have += 8;
			continue;
		}
		uint32_t digit = have >= 6 ? bits >> (have - 6) : bits << (6 - have);

		ret[at++] = digits[digit & 63];
		have -= 6;
	}
	ret[at] = 0;
	mem_wipe(raw, sizeof(raw));
}

void secret_hash(struct str secret, char ret[DIGEST_HEX + 1])
{
	digest_hex(digest_of(secret), ret);
}

bool token_scope_good(struct str s)
{
	uint64_t n;

	if (s.n > SCOPE_MAX)
		return false;
	if (str_is(s, "trusted"))
		return true;
	if (str_starts(s, "agent/")) {
		for (size_t i = 6; i < s.n; i++)
			if (!strchr("-_.", s.p[i]) && !(s.p[i] >= '0' && s.p[i] <= '9') &&
			    !(s.p[i] >= 'a' && s.p[i] <= 'z') && !(s.p[i] >= 'A' && s.p[i] <= 'Z'))
				return false;
		return s.n > 6;
	}
	if (!str_starts(s, "pr/"))
		return false;
	s.p += 3;
	s.n -= 3;
	return parse_u64(s, &n) && n > 0 && s.p[0] != '0';
}

/* ---- tokens of jobs ---- */

struct job_token {
	char *scope, *token;
	char digest[DIGEST_HEX + 1];
};
struct job_tokens {
	pthread_mutex_t lock;
	VEC(struct job_token) list;
};

struct job_tokens *job_tokens_new(void)
{
	struct job_tokens *t = xcalloc(1, sizeof(*t));

	pthread_mutex_init(&t->lock, NULL);
	return t;
}

void job_tokens_free(struct job_tokens *t)
{
	vec_each(one, &t->list) {
		mem_wipe(one->token, strlen(one->token));
		xfree(one->token);
		xfree(one->scope);
	}
	vec_done(&t->list);
	pthread_mutex_destroy(&t->lock);
	xfree(t);
}

enum rc api_job_token(void *ctx, const char *scope, struct strbuf *ret, struct err *err)
{
	struct job_tokens *t = ((struct api *)ctx)->job_tokens;
	const struct job_token *found = NULL;
	char secret[SECRET_TEXT + 1];

	if (!token_scope_good(str_of(scope)))
		return err_set(err, RC_INVALID, "\"%.80s\" is no scope of the caches", scope);
	pthread_mutex_lock(&t->lock);
	vec_each(one, &t->list)
		found = streq(one->scope, scope) ? one : found;
	if (!found) {
		vec_add(&t->list);
		struct job_token *fresh = vec_last(&t->list);

		secret_make("psj_", secret);
		fresh->scope = xstrdup(scope);
		fresh->token = xstrdup(secret);
		secret_hash(str_of(secret), fresh->digest);
		mem_wipe(secret, sizeof(secret));
		found = fresh;
	}
	strbuf_adds(ret, found->token);
	pthread_mutex_unlock(&t->lock);
	return RC_OK;
}

static bool is_job_token(struct api *api, struct request *r, const char *digest)
{
	struct job_tokens *t = api->job_tokens;
	bool is = false;

	pthread_mutex_lock(&t->lock);
	vec_each(one, &t->list) {
		if (!streq(one->digest, digest))
			continue;
		AUTO(freep) char *holder = xasprintf("token:jobs.%s", one->scope);

		request_set_scope(r, holder, one->scope, false);
		is = true;
	}
	pthread_mutex_unlock(&t->lock);
	return is;
}

/* ---- what was brought ---- */

/* The token of the Authorization header into ret; false: there is none. */
static bool brought_token(const struct request *r, struct strbuf *ret)
{
	struct str given = str_of(request_header(r, "Authorization"));
	AUTO(strbuf_done) struct strbuf pair = STRBUF(AUTH_MAX);

	if (given.n > 7 && str_starts(given, "Bearer ")) {
		strbuf_addstr(ret, str_trim((struct str){given.p + 7, given.n - 7}));
	} else if (given.n > 6 && str_starts(given, "Basic ")) {
		given = str_trim((struct str){given.p + 6, given.n - 6});
		if (given.n > AUTH_MAX || !strbuf_add_unbase64(&pair, given))
			return false;
		struct str rest = strbuf_str(&pair);

		(void)str_cut(&rest, ':');
		if (rest.p)
			strbuf_addstr(ret, rest);
		mem_wipe(pair.p, pair.n);
	}
	return ret->n > 0 && !strbuf_failed(ret);
}

static void add_groups(struct request *r, const texts *groups)
{
	vec_each(g, groups)
		request_add_group(r, *g);
}

static void set_user(struct request *r, const struct model *m, const char *actor, const char *via)
{
	const struct user *u = access_user(m, actor);

	request_set_actor(r, actor, via);
	if (u)
		add_groups(r, &u->groups);
}

/* An exact time is not worth a record for every request. */
static void note_use(struct api *api, struct request *r, const struct token *t, usec_t now)
{
	struct event ev = {.kind = EV_TOKEN_USED};
	char address[REQUEST_ADDRESS];

	if (t->used_at + USED_EVERY > now && t->used_at)
		return;
	if (map_get(&api->noted, str_of(t->id)) == (void *)(uintptr_t)(now / USED_EVERY + 1))
		return; /* on its way into the journal */
	map_put(&api->noted, str_of(t->id), (void *)(uintptr_t)(now / USED_EVERY + 1));
	request_address(r, address);
	ev.id = xstrdup(t->id);
	ev.address = xstrdup(address);
	ev.actor = t->owner ? xstrdup(t->owner) : xasprintf("token:%s", t->name);
	ev.via = xstrdup(t->id);
	engine_submit(api->e, &ev);
}

static bool set_token(struct api *api, struct request *r, const char *digest)
{
	const struct model *m = engine_model(api->e);
	usec_t now = runner_now(api->runner);
	const struct token *t = access_token(m, digest, now);

	if (!t)
		return false;
	AUTO(freep) char *name = xasprintf("token:%s", t->name);
	if (t->scope) {
		request_set_scope(r, name, t->scope, t->read_only);
		request_set_via(r, t->id);
	} else if (t->owner) {
		set_user(r, m, t->owner, t->id);
	} else {
		request_set_actor(r, name, t->id);
		add_groups(r, &t->groups);
	}
	note_use(api, r, t, now);
	return true;
}

static void set_session(struct api *api, struct request *r, struct str cookie)
{
	const struct model *m = engine_model(api->e);
	char digest[DIGEST_HEX + 1];

	secret_hash(cookie, digest);
	const struct session *s = access_session(m, digest, runner_now(api->runner));
	if (!s)
		return;
	const struct token *t = s->token ? model_token(m, s->token) : NULL;
	set_user(r, m, s->actor, s->id);
	if (t && !t->owner)
		add_groups(r, &t->groups);
}

void api_identify(void *ctx, struct request *r)
{
	struct api *api = ctx;
	AUTO(strbuf_done) struct strbuf token = STRBUF(AUTH_MAX);
	char digest[DIGEST_HEX + 1];

	if (request_header(r, "Authorization")) {
		if (!brought_token(r, &token))
			return;
		secret_hash(strbuf_str(&token), digest);
		mem_wipe(token.p, token.n);
		if (!set_token(api, r, digest) && !is_job_token(api, r, digest))
			failed_login(api, r);
		if (request_actor(r)) {
			struct who who;
			texts groups = {0};

			/* The build caches take an actor for trusted: to look is not to write. */
			who_asks(api, r, &groups, &who);
			if (!access_allows(engine_model(api->e), &who, ROLE_DEVELOPER, NULL))
				request_set_read_only(r);
			vec_done(&groups);
		}
		return;
	}
	struct str cookie = request_cookie(r, SESSION_COOKIE);
	if (cookie.n)
		set_session(api, r, cookie);
}

/* ---- as core sees them ---- */

/* groups: borrowed texts in a list of the caller's, who frees only the list. */
void who_asks(struct api *api, const struct request *r, texts *groups, struct who *ret)
{
	const struct model *m = engine_model(api->e);
	const char *via = request_via(r), *group;
	const struct session *s = via ? model_session(m, via) : NULL;
	const struct token *t = via ? model_token(m, s ? s->token : via) : NULL;

	*ret = (struct who){.actor = request_actor(r),
			    .groups = groups,
			    .owner = request_is_local(r),
			    .machine = t && !t->owner,
			    .most = t ? t->role : ROLE_ADMIN,
			    .environment = t ? t->environment : NULL,
			    .until = t ? t->until : 0};
	for (size_t i = 0; (group = request_group(r, i)); i++)
		vec_push(groups, (char *)(uintptr_t)group);
}

bool call_is_known(const struct call *c)
{
	const struct model *m = engine_model(c->api->e);

	if (!request_actor(c->r) || request_is_local(c->r))
		return request_actor(c->r) != NULL;
	return access_is_good(m, request_via(c->r), runner_now(c->api->runner));
}

static bool is_over(void *ctx, const char *via)
{
	struct api *api = ctx;

	if (!str_starts(str_of(via), "ses-") && !str_starts(str_of(via), "tok-"))
		return false; /* the socket */
	return !access_is_good(engine_model(api->e), via, runner_now(api->runner));
}

void streams_look(struct api *api)
{
	if (api->httpd)
		httpd_end_streams(api->httpd, is_over, api);
}

static const char *project_name(const struct model *m)
{
	const struct project *p = model_project(m);

	return p && p->name ? p->name : "this project";
}

bool call_allowed(struct call *c)
{
	const struct model *m = engine_model(c->api->e);
	const char *environment = NULL;
	texts groups = {0};
	struct who who;

	if (c->route->flags & ROUTE_OPEN || c->route->of == OF_SELF)
		return true;
	switch (c->route->of) {
	case OF_ENVIRONMENT:
		environment = c->arg[0];
		break;
	case OF_ROLLOUT: {
		const struct rollout *ro = model_rollout(m, c->arg[0]);

		environment = ro ? ro->environment : NULL;
		break;
	}
	case OF_INCIDENT: {
		const struct incident *i = model_incident(m, c->arg[0]);

		environment = i ? i->environment : NULL;
		break;
	}
	case OF_RELEASE: {
		const struct release *r = model_release(m, c->arg[0]);
		const struct config *config = r ? model_config(m, r->config) : NULL;

		environment = config ? config->production_env : NULL;
		if (c->route->needs == ROLE_APPROVER)
			break; /* the gate is production's, wherever the release is now */
		const struct environment *now =
			r && r->environment ? model_environment(m, r->environment) : NULL;
		if (now && streq(now->active, r->id))
			environment = r->environment;
		break;
	}
	case OF_PROJECT:
	case OF_SELF:
		break;
	}
	who_asks(c->api, c->r, &groups, &who);
	bool allowed = access_allows(m, &who, c->route->needs, environment);
	enum role has = access_role(m, &who, environment);
	vec_done(&groups);
	if (allowed)
		return true;
	call_denied(c, "%s has %s%s in %s: it needs at least %s%s%s", who.actor,
		    has == ROLE_NONE ? "no role" : "only the role ",
		    has == ROLE_NONE ? "" : role_names[has], project_name(m),
		    role_names[c->route->needs], environment ? " for environment " : "",
		    environment ? environment : "");
	return false;
}

/* ---- the first way in ---- */

char *api_first_token(struct api *api)
{
	struct event ev = {.kind = EV_TOKEN, .role = ROLE_ADMIN};
	char secret[SECRET_TEXT + 1], digest[DIGEST_HEX + 1];

	if (access_has_admin(engine_model(api->e), runner_now(api->runner)))
		return NULL;
	secret_make("pst_", secret);
	secret_hash(str_of(secret), digest);
	ev.type = xstrdup("admin");
	ev.digest = xstrdup(digest);
	ev.via = xstrdup("first start");
	engine_submit(api->e, &ev);
	char *ret = xstrdup(secret);
	mem_wipe(secret, sizeof(secret));
	return ret;
}
