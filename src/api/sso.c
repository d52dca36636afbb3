/*
 * Logging in by an OpenID provider: the browser is sent there, comes back with a code, and who it stands for becomes a user (by the provider's
 * subject, not by a name that may change hands) with the groups that the provider tells. What a login must remember goes with the browser's cookie as a key
 * to memory: a restart in between only means to begin again.
 */
#include "api/api_impl.h"
#include "clients/oidc.h"

#define STATE_COOKIE "penstock_login"
#define LOGIN_TIME   (10 * USEC_MIN)
#define LOGINS_MAX   1000
#define LOGINS_EACH  50 /* of one address, once there are many */
#define ASKING_MAX   64 /* logins that wait for the provider's word */
#define PATH_MAX_    512

struct pending_login {
	struct oidc_login login;
	char digest[DIGEST_HEX + 1]; /* of the cookie */
	char *to;                    /* the page to go back to */
	char *from;                  /* address of the browser */
	usec_t until;
};
struct logins {
	VEC(struct pending_login) list;
};

static void drop(struct logins *l, size_t i)
{
	mem_wipe(&l->list.v[i].login, sizeof(l->list.v[i].login));
	xfree(l->list.v[i].to);
	xfree(l->list.v[i].from);
	vec_remove(&l->list, i);
}

void logins_free(struct logins *l)
{
	while (l && l->list.n)
		drop(l, 0);
	if (l)
		vec_done(&l->list);
	xfree(l);
}

static struct logins *logins_of(struct api *api)
{
	usec_t now = runner_now(api->runner);

	if (!api->logins)
		api->logins = xcalloc(1, sizeof(*api->logins));
	for (size_t i = 0; i < api->logins->list.n;)
		if (api->logins->list.v[i].until <= now)
			drop(api->logins, i);
		else
			i++;
	return api->logins;
}

/* A path of our own, so that nobody is sent elsewhere by a link to us. */
static bool is_own_path(const char *to)
{
	if (!to || to[0] != '/' || to[1] == '/' || to[1] == '\\' || strlen(to) > PATH_MAX_)
		return false;
	for (const char *p = to; *p; p++)
		if ((unsigned char)*p <= 0x20 || *p == 0x7f || *p == '\\')
			return false;
	return true;
}

/* ---- there ---- */

struct journey {
	struct oidc_login login;
	struct strbuf url;
	char *to, *from;
	/* back */
	char *state, *code, *iss, *error, *description;
	struct oidc_person person;
	char *id;
};

static void free_journey(void *data)
{
	struct journey *j = data;

	mem_wipe(&j->login, sizeof(j->login));
	if (j->code)
		mem_wipe(j->code, strlen(j->code));
	strbuf_done(&j->url);
	char *texts_[] = {j->to,  j->from,  j->state,       j->code,
			  j->iss, j->error, j->description, j->id};
	for (size_t i = 0; i < ARRAY_LEN(texts_); i++)
		xfree(texts_[i]);
	oidc_person_done(&j->person);
	xfree(j);
}

static struct journey *journey_new(struct call *c)
{
	struct journey *j = xcalloc(1, sizeof(*j));

	j->url = STRBUF(8192);
	c->data = j;
	c->free_data = free_journey;
	return j;
}

static void redirect(struct call *c, const char *to)
{
	request_add_header(c->r, "Location", to);
	call_status(c, 303);
}

/* A page of ours that shows what went wrong; the reason is in the log and the journal, too. */
static void to_login(struct call *c, const char *why)
{
	AUTO(strbuf_done) struct strbuf to = STRBUF(4096);

	strbuf_adds(&to, "/login?error=");
	strbuf_add_urlencoded(&to, str_of(why));
	redirect(c, strbuf_cstr(&to));
}

static void begin(struct call *c)
{
	struct journey *j = c->data;

	c->rc = oidc_begin(c->api->o.oidc, &j->login, &j->url, &c->err);
}

/* Lax: the browser comes back from another site with it. secret NULL: it is removed. */
static void set_state_cookie(struct call *c, const char *secret)
{
	const struct set_cookie cookie = {.name = STATE_COOKIE,
					  .value = secret,
					  .path = WIRE_LOGIN "/oidc",
					  .seconds = LOGIN_TIME / USEC_SEC,
					  .lax = true};

	BUG_ON(!request_set_cookie(c->r, &cookie));
}

/* Who begins very many logins pushes out the own ones before those of others. */
static void make_room(struct logins *l, const char *from)
{
	size_t n = 0, first = 0;

	if (l->list.n < LOGINS_MAX / 2)
		return;
	for (size_t i = l->list.n; i-- > 0;)
		if (streq(l->list.v[i].from, from)) {
			n++;
			first = i;
		}
	if (n >= LOGINS_EACH)
		drop(l, first);
	else if (l->list.n >= LOGINS_MAX)
		drop(l, 0);
}

static void began(void *arg)
{
	struct call *c = arg;
	struct journey *j = c->data;
	struct logins *l = logins_of(c->api);
	char secret[SECRET_TEXT + 1];

	c->api->asking--;
	if (c->rc != RC_OK) {
		to_login(c, c->err.msg);
		return;
	}
	make_room(l, j->from);
	secret_make("psl_", secret);
	vec_add(&l->list);
	struct pending_login *p = vec_last(&l->list);
	p->login = j->login;
	p->to = xstrdup(j->to);
	p->from = xstrdup(j->from);
	p->until = runner_now(c->api->runner) + LOGIN_TIME;
	secret_hash(str_of(secret), p->digest);
	set_state_cookie(c, secret);
	mem_wipe(secret, sizeof(secret));
	redirect(c, strbuf_cstr(&j->url));
}

static void work(void *arg)
{
	struct call *c = arg;

	c->fn(c);
}

/* A lane of its own: a provider that does not answer keeps those waiting who log in, and nobody who reads. */
static void ask_provider(struct call *c, void (*fn)(struct call *c), void (*done)(void *arg))
{
	c->fn = fn;
	c->api->asking++;
	runner_work(c->api->runner, "api/login", work, done, c);
}

/* True: answered. */
static bool too_many_ask(struct call *c)
{
	if (c->api->asking < ASKING_MAX)
		return false;
	request_add_header(c->r, "Retry-After", "10");
	call_problem(c, 503, RC_UNAVAILABLE,
		     "the OpenID provider is slow, and many wait for it: try again in a moment");
	return true;
}

void get_login_oidc(struct call *c)
{
	const char *to = request_query(c->r, "to");

	if (!c->api->o.oidc) {
		call_failf(c, RC_NOT_FOUND,
			   "no OpenID provider is set up here: penstock serve --oidc-issuer URL");
		return;
	}
	if (too_many_ask(c))
		return;
	struct journey *j = journey_new(c);
	char address[REQUEST_ADDRESS];

	request_address(c->r, address);
	j->from = xstrdup(address);
	j->to = xstrdup(is_own_path(to) ? to : "/");
	ask_provider(c, begin, began);
}

/* ---- and back ---- */

static void finish(struct call *c)
{
	struct journey *j = c->data;
	const struct oidc_callback back = {j->state, j->code, j->iss, j->error, j->description};

	c->rc = oidc_finish(c->api->o.oidc, &j->login, &back, runner_now(c->api->runner),
			    &j->person, &c->err);
}

/* The address's local part, else the name, made a name of ours: whom it stands for is the subject's to say. */
static char *id_of(const struct oidc_person *p)
{
	struct strbuf id = STRBUF(128);
	struct str from = str_of(p->email ? p->email : p->name);

	if (p->email)
		from = str_cut(&from, '@');
	for (size_t i = 0; i < from.n && id.n < 60; i++) {
		char ch = from.p[i];
		bool plain = (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') ||
			     (ch && strchr("-_.+", ch));

		if (ch >= 'A' && ch <= 'Z')
			strbuf_addc(&id, (char)(ch + 32));
		else
			strbuf_addc(&id, plain ? ch : '-');
	}
	if (!id.n)
		strbuf_adds(&id, "user");
	return strbuf_take(&id);
}

/* Somebody has it, or it has rights that were given to somebody else. */
static bool is_taken(const struct model *m, const char *id)
{
	AUTO(freep) char *who = xasprintf("user:%s", id);

	return model_user(m, id) || access_is_granted(m, who);
}

/* Who came with this subject before keeps the id; a new one whose name is taken gets a number behind it. */
static char *id_for(const struct model *m, const struct oidc_person *p)
{
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_USER], e));) {
		const struct user *u = e->value;

		if (streq(u->issuer, p->issuer) && streq(u->subject, p->subject))
			return xstrdup(u->id);
	}
	char *base = id_of(p);

	if (!is_taken(m, base))
		return base;
	for (unsigned n = 2;; n++) {
		char *id = xasprintf("%s-%u", base, n);

		if (!is_taken(m, id)) {
			xfree(base);
			return id;
		}
		xfree(id);
	}
}

static void came_in(void *ctx, enum rc rc, const struct err *err, uint64_t seq)
{
	struct call *c = ctx;
	struct journey *j = c->data;

	(void)seq;
	if (rc != RC_OK) {
		to_login(c, err->msg);
		return;
	}
	session_cookie(c, strbuf_cstr(&j->url));
	mem_wipe(j->url.p, j->url.n);
	set_state_cookie(c, NULL);
	redirect(c, j->to);
}

static void is_known(void *ctx, enum rc rc, const struct err *err, uint64_t seq)
{
	struct call *c = ctx;
	struct journey *j = c->data;
	struct event ev = {.kind = EV_LOGIN};
	AUTO(freep) char *actor = xasprintf("user:%s", j->id);
	char secret[SECRET_TEXT + 1];

	(void)seq;
	if (rc != RC_OK) {
		to_login(c, err->msg);
		return;
	}
	session_event(c, actor, NULL, &ev, secret);
	strbuf_clear(&j->url);
	strbuf_adds(&j->url, secret);
	mem_wipe(secret, sizeof(secret));
	engine_ask(c->api->e, &ev, came_in, c);
}

static void finished(void *arg)
{
	struct call *c = arg;
	struct journey *j = c->data;
	const struct model *m = engine_model(c->api->e);
	struct event ev = {.kind = EV_USER, .ok = true};

	c->api->asking--;
	if (c->rc != RC_OK) {
		failed_login(c->api, c->r);
		LOG(LOG_WARN, "a login by the OpenID provider failed", LF("error", c->err.msg));
		to_login(c, c->err.msg);
		return;
	}
	j->id = id_for(m, &j->person);
	const struct user *u = model_user(m, j->id);
	if (u && u->disabled) {
		to_login(c, "this account was disabled by an administrator");
		return;
	}
	ev.actor = xasprintf("user:%s", j->id);
	ev.via = xstrdup("oidc");
	ev.id = xstrdup(j->id);
	ev.text = xstrdup(j->person.name);
	ev.type = j->person.email && j->person.email_verified ? xstrdup(j->person.email) : NULL;
	ev.base = xstrdup(j->person.issuer);
	ev.ref = xstrdup(j->person.subject);
	vec_each(g, &j->person.groups)
		vec_push(&ev.ids, xstrdup(*g));
	char address[REQUEST_ADDRESS];
	request_address(c->r, address);
	ev.address = xstrdup(address);
	engine_ask(c->api->e, &ev, is_known, c);
}

static char *query_dup(const struct call *c, const char *key)
{
	const char *text = request_query(c->r, key);

	return text ? xstrdup(text) : NULL;
}

void get_login_oidc_callback(struct call *c)
{
	struct logins *l = logins_of(c->api);
	struct str cookie = request_cookie(c->r, STATE_COOKIE);
	char digest[DIGEST_HEX + 1];
	size_t at = 0;

	if (!c->api->o.oidc) {
		call_failf(c, RC_NOT_FOUND, "no OpenID provider is set up here");
		return;
	}
	if (too_many_ask(c))
		return;
	secret_hash(cookie, digest);
	while (at < l->list.n && !streq(l->list.v[at].digest, digest))
		at++;
	if (!cookie.n || at == l->list.n) {
		to_login(
			c,
			"this login was not begun in this browser, or took longer than ten minutes: begin again");
		return;
	}
	struct journey *j = journey_new(c);
	j->login = l->list.v[at].login;
	j->to = xstrdup(l->list.v[at].to);
	drop(l, at); /* good for once */
	j->state = query_dup(c, "state");
	j->code = query_dup(c, "code");
	j->iss = query_dup(c, "iss");
	j->error = query_dup(c, "error");
	j->description = query_dup(c, "error_description");
	ask_provider(c, finish, finished);
}

/* ---- who jobs are, for others ---- */

void get_workload_discovery(struct call *c)
{
	if (!c->api->o.workload) {
		call_failf(c, RC_NOT_FOUND,
			   "jobs have no tokens here: penstock serve --public-url URL");
		return;
	}
	workload_discovery(c->api->o.workload, &c->out);
	call_json(c, 200, &c->out);
}

static void read_keys(struct call *c)
{
	c->rc = workload_keys(c->api->o.workload, &c->out, &c->err);
}

void get_workload_keys(struct call *c)
{
	if (!c->api->o.workload)
		get_workload_discovery(c);
	else
		call_work(c, read_keys);
}
