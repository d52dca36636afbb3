/* Users, tokens, grants, sessions: who may come in, as what. */
#include "api/api_impl.h"

#define DEVICE_TOKEN_TIME (90 * USEC_DAY)

void post_user(struct call *c)
{
	struct event ev = {.kind = EV_USER, .ok = !body_truth(c, "disabled", false)};
	const struct user *u;

	ev.id = body_take(c, "id");
	ev.text = body_take(c, "name");
	ev.type = body_take(c, "email");
	body_texts(c, "groups", &ev.ids);
	u = model_user(engine_model(c->api->e), ev.id);
	if (u && u->issuer) { /* what is not said stays, also whose account it is */
		ev.base = xstrdup(u->issuer);
		ev.ref = u->subject ? xstrdup(u->subject) : NULL;
	}
	if (u && !ev.text && u->name)
		ev.text = xstrdup(u->name);
	if (u && !ev.type && u->email)
		ev.type = xstrdup(u->email);
	if (u && !json_get(c->body, "groups"))
		vec_each(g, &u->groups)
			vec_push(&ev.ids, xstrdup(*g));
	call_order(c, &ev);
}

/* ---- tokens ---- */

struct made {
	char secret[SECRET_TEXT + 1];
	char *id;
};

static void free_made(void *data)
{
	struct made *made = data;

	mem_wipe(made->secret, sizeof(made->secret));
	xfree(made->id);
	xfree(made);
}

static void on_made(void *ctx, enum rc rc, const struct err *err, uint64_t seq)
{
	struct call *c = ctx;
	struct made *made = c->data;
	struct json_out o = JSON_OUT(&c->out);

	if (rc != RC_OK) {
		call_fail(c, err);
		return;
	}
	json_open(&o, NULL);
	json_bool(&o, "ok", true);
	json_u64(&o, "seq", seq);
	json_cstr(&o, "id", made->id);
	json_cstr(&o, "token", made->secret);
	json_close(&o);
	call_json(c, 201, &c->out);
}

static void make_token(struct call *c, struct event *ev)
{
	struct made *made = xcalloc(1, sizeof(*made));
	char digest[DIGEST_HEX + 1];

	secret_make(ev->base ? "psc_" : "pst_", made->secret);
	secret_hash(str_of(made->secret), digest);
	made->id = access_id("tok-", digest);
	ev->digest = xstrdup(digest);
	c->data = made;
	c->free_data = free_made;
	call_sign(c, ev);
	if (!ev->actor) /* a program: the person who let it in stands behind it */
		ev->actor = xstrdup(ev->text);
	engine_ask(c->api->e, ev, on_made, c);
}

static bool fill_token(struct call *c, struct event *ev)
{
	ev->type = body_take(c, "name");
	ev->role = body_role(c, "role");
	ev->environment = body_take(c, "environment");
	return body_end(c, &ev->until);
}

void post_token(struct call *c)
{
	struct event ev = {.kind = EV_TOKEN, .ready = body_truth(c, "read_only", false)};

	if (!fill_token(c, &ev))
		goto refused;
	ev.base = body_take(c, "scope");
	ev.text = body_take(c, "owner");
	body_texts(c, "groups", &ev.ids);
	if (ev.base && !token_scope_good(str_of(ev.base))) {
		call_failf(c, RC_INVALID, "\"%.80s\" is no scope: trusted, pr/NUMBER or agent/NAME",
			   ev.base);
		goto refused;
	}
	if (ev.base && (ev.role || ev.text)) {
		call_failf(c, RC_INVALID,
			   "a token with a scope has no role and no owner: it opens nothing else");
		goto refused;
	}
	make_token(c, &ev);
	return;
refused:
	event_done(&ev);
}

/* A token that a token makes is no way around what that one is limited to. */
bool token_limit(struct call *c, enum role *role, char **environment, uint64_t *until)
{
	texts groups = {0};
	struct who who;

	who_asks(c->api, c->r, &groups, &who);
	vec_done(&groups);
	if (who.environment && *environment && !streq(who.environment, *environment)) {
		call_denied(c, "what you came by is for %s only: it makes no token for %s",
			    who.environment, *environment);
		return false;
	}
	if (who.environment && !*environment)
		*environment = xstrdup(who.environment);
	*role = MIN_OF(*role, who.most);
	if (who.until && (!*until || *until > who.until))
		*until = who.until;
	return true;
}

void device_token(struct call *c, const char *actor, const char *name, enum role role,
		  const char *environment, usec_t until)
{
	struct event ev = {.kind = EV_TOKEN, .role = role};
	usec_t now = runner_now(c->api->runner);

	/* The same machine may ask again: the time makes its names differ. */
	ev.type = xasprintf("%.40s.%llu", name, (unsigned long long)(now / USEC_SEC));
	for (char *p = ev.type; *p; p++)
		if (!(*p >= 'a' && *p <= 'z') && !(*p >= 'A' && *p <= 'Z') &&
		    !(*p >= '0' && *p <= '9') && !strchr("-_.", *p))
			*p = '-';
	ev.text = xstrdup(actor);
	ev.environment = environment ? xstrdup(environment) : NULL;
	ev.until = now + DEVICE_TOKEN_TIME;
	if (until)
		ev.until = MIN_OF(ev.until, until);
	make_token(c, &ev);
}

/* Never more than oneself: what one may not do, one's token may not, whatever its role says. */
void post_my_token(struct call *c)
{
	struct event ev = {.kind = EV_TOKEN};
	const char *actor = request_actor(c->r);

	if (!access_user(engine_model(c->api->e), actor)) {
		call_failf(
			c, RC_CONFLICT,
			"%s has no account here: a token of a machine is made by an administrator (POST " WIRE_TOKENS
			")",
			actor);
		return;
	}
	if (!fill_token(c, &ev)) {
		event_done(&ev);
		return;
	}
	ev.text = xstrdup(actor);
	ev.role = ev.role ? ev.role : ROLE_ADMIN;
	if (token_limit(c, &ev.role, &ev.environment, &ev.until))
		make_token(c, &ev);
	else
		event_done(&ev);
}

static void end_token(struct call *c, const struct token *t)
{
	struct event ev = {.kind = EV_TOKEN_END};

	if (!t) {
		call_failf(c, RC_NOT_FOUND, "there is no token %s", c->arg[0]);
		return;
	}
	ev.id = xstrdup(t->id);
	call_order(c, &ev);
}

static const struct token *open_token(const struct model *m, const char *id, const char *owner,
				      bool any)
{
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_TOKEN], e));) {
		const struct token *t = e->value;

		if (!t->ended_at && (any || streq(t->owner, owner)) &&
		    (streq(t->id, id) || (streq(t->name, id) && streq(t->owner, owner))))
			return t;
	}
	return NULL;
}

void delete_token(struct call *c)
{
	end_token(c, open_token(engine_model(c->api->e), c->arg[0], NULL, true));
}

/* A token that leaked and may do little must not lock its owner's programs out: it ends itself, and what is no stronger. */
static bool may_end(struct call *c, const struct token *t)
{
	texts groups = {0};
	struct who who;

	who_asks(c->api, c->r, &groups, &who);
	vec_done(&groups);
	if (streq(request_via(c->r), t->id) ||
	    (who.most >= t->role && (!who.environment || streq(who.environment, t->environment))))
		return true;
	call_denied(
		c,
		"the token %s may do more (%s%s%s) than what you came by (%s%s%s): revoke it when logged in, or by a token as strong",
		t->name, role_names[t->role], t->environment ? " in " : "",
		t->environment ? t->environment : "", role_names[who.most],
		who.environment ? " in " : "", who.environment ? who.environment : "");
	return false;
}

void delete_my_token(struct call *c)
{
	const struct token *t =
		open_token(engine_model(c->api->e), c->arg[0], request_actor(c->r), false);

	if (!t || may_end(c, t))
		end_token(c, t);
}

/* ---- grants, sessions ---- */

void post_grant(struct call *c)
{
	struct event ev = {.kind = EV_GRANT, .role = body_role(c, "role")};

	ev.type = body_take(c, "who");
	ev.environment = body_take(c, "environment");
	ev.repo = body_take(c, "project");
	call_order(c, &ev);
}

void delete_grant(struct call *c)
{
	struct event ev = {.kind = EV_GRANT_END, .id = xstrdup(c->arg[0])};

	call_order(c, &ev);
}

void delete_session(struct call *c)
{
	struct event ev = {.kind = EV_LOGOUT, .id = xstrdup(c->arg[0])};

	call_order(c, &ev);
}
