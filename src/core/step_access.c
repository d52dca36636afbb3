/* Users, tokens, sessions, grants: who may come in, and as what. */
#include "base/digest.h"
#include "core/access.h"
#include "core/step_impl.h"

#define NAME_MAX_  64
#define GROUP_MAX  128
#define GROUPS_MAX 256
#define TOKENS_MAX 64 /* good ones of one person */
#define SESSION_MOST \
	(7 * USEC_DAY) /* then somebody logs in again, however often the cookie was renewed */
#define DISABLED     "this account was disabled by an administrator"
#define SESSIONS_MAX 64 /* open ones of one actor: the oldest ends */

static bool is_name(const char *text)
{
	size_t n = text ? strlen(text) : 0;

	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      strchr("-_.@+", c)))
			return false;
	}
	return n > 0 && n <= NAME_MAX_;
}

static bool is_group(const char *text)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	return n > 0 && n <= GROUP_MAX;
}

static enum rc check_groups(struct step *s)
{
	if (s->ev->ids.n > GROUPS_MAX)
		return err_set(s->err, RC_TOO_BIG, "%zu groups: at most %d are kept", s->ev->ids.n,
			       GROUPS_MAX);
	vec_each(g, &s->ev->ids)
		if (!is_group(*g))
			return err_set(
				s->err, RC_INVALID,
				"\"%.60s\" is no name of a group: at most %d bytes without control characters",
				*g, GROUP_MAX);
	return RC_OK;
}

static enum rc bad_name(struct step *s, const char *what, const char *name)
{
	return err_set(s->err, RC_INVALID,
		       "\"%.80s\" is no name of a %s: letters, digits and - _ . @ + up to %d",
		       name ? name : "", what, NAME_MAX_);
}

static void take_groups(texts *to, const texts *from)
{
	vec_each(g, to)
		xfree(*g);
	to->n = 0;
	vec_each(g, from)
		texts_add(to, *g);
}

/* ---- users ---- */

/* A name stays with whom the provider first gave it to: another subject of the same name is another person. */
static bool is_somebody_else(const struct user *u, const struct event *ev)
{
	return ev->base && u->issuer && !(streq(u->issuer, ev->base) && streq(u->subject, ev->ref));
}

/* The provider says who somebody is, not whether we let them in. */
static bool is_login(const struct event *ev)
{
	return ev->base && streq(ev->via, "oidc");
}

enum rc on_user(struct step *s)
{
	const struct event *ev = s->ev;
	struct user *u = model_user(s->m, ev->id);

	if (!is_name(ev->id))
		return bad_name(s, "user", ev->id);
	if (check_groups(s) != RC_OK)
		return s->err->rc;
	if (u && is_somebody_else(u, ev))
		return err_set(
			s->err, RC_CONFLICT,
			"the name %s belongs to another account of the provider; an administrator has to rename or remove one",
			ev->id);
	if (u && ev->base && !u->issuer)
		return err_set(
			s->err, RC_CONFLICT,
			"there is a user %s who was made here: nobody logs in as them by a provider",
			ev->id);
	/* The login may have begun before an administrator disabled the account: it never lifts that. */
	if (u && u->disabled && is_login(ev))
		return err_set(s->err, RC_DENIED, DISABLED);
	AUTO(freep) char *who = xasprintf("user:%s", ev->id);
	if (!u && ev->base && access_is_granted(s->m, who))
		return err_set(
			s->err, RC_CONFLICT,
			"%s has a role already: nobody gets it by a name that the provider tells; give roles after the first login, or to groups",
			who);
	if (!u) {
		u = model_add(s->m, AGG_USER, ev->id);
		u->id = xstrdup(ev->id);
		u->created_at = s->m->time;
		set_text(&u->issuer, ev->base);
		set_text(&u->subject, ev->ref);
	}
	set_text(&u->name, ev->text);
	set_text(&u->email, ev->type);
	take_groups(&u->groups, &ev->ids);
	u->disabled = !ev->ok;
	model_touch(s->m, AGG_USER, u->id);
	return RC_OK;
}

/* ---- tokens ---- */

static enum rc check_token(struct step *s)
{
	const struct event *ev = s->ev;
	struct digest digest;
	size_t of_owner = 0;

	if (!is_name(ev->type))
		return bad_name(s, "token", ev->type);
	if (!ev->digest || strlen(ev->digest) != DIGEST_HEX ||
	    !digest_parse(str_of(ev->digest), &digest))
		return err_set(s->err, RC_INVALID, "a token needs the SHA-256 of its secret");
	if (ev->until && ev->until <= s->m->time)
		return err_set(s->err, RC_INVALID, "its end lies in the past");
	if (!ev->base && ev->role == ROLE_NONE)
		return err_set(
			s->err, RC_INVALID,
			"say what the token may do: viewer, developer, approver, operator or admin");
	if (ev->text && !access_user(s->m, ev->text))
		return err_set(s->err, RC_NOT_FOUND, "there is no user %s", ev->text);
	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_TOKEN], e));) {
		const struct token *t = e->value;

		if (!streq(t->owner, ev->text) || t->ended_at ||
		    (t->until && t->until <= s->m->time))
			continue;
		if (streq(t->name, ev->type))
			return err_set(
				s->err, RC_CONFLICT,
				"there is a token %s already: revoke it, or take another name",
				ev->type);
		of_owner++;
	}
	if (ev->text && of_owner >= TOKENS_MAX)
		return err_set(s->err, RC_TOO_BIG, "%s has %d tokens: revoke what is not used",
			       ev->text, TOKENS_MAX);
	return check_groups(s);
}

enum rc on_token(struct step *s)
{
	const struct event *ev = s->ev;

	if (check_token(s) != RC_OK)
		return s->err->rc;
	AUTO(freep) char *id = access_id("tok-", ev->digest);
	if (model_token(s->m, id))
		return err_set(s->err, RC_CONFLICT, "this very secret is a token already");
	struct token *t = model_add(s->m, AGG_TOKEN, id);
	t->id = xstrdup(id);
	set_text(&t->name, ev->type);
	set_text(&t->digest, ev->digest);
	set_text(&t->owner, ev->text);
	set_text(&t->environment, ev->environment);
	set_text(&t->scope, ev->base);
	set_text(&t->actor, ev->actor);
	take_groups(&t->groups, &ev->ids);
	t->role = ev->role;
	t->read_only = ev->ready;
	t->created_at = s->m->time;
	t->until = ev->until;
	return RC_OK;
}

enum rc on_token_end(struct step *s)
{
	struct token *t = model_token(s->m, s->ev->id);

	if (!t || t->ended_at)
		return err_set(s->err, RC_NOT_FOUND, "there is no token %s",
			       s->ev->id ? s->ev->id : "(none named)");
	t->ended_at = s->m->time;
	model_touch(s->m, AGG_TOKEN, t->id);
	return RC_OK;
}

enum rc on_token_used(struct step *s)
{
	struct token *t = model_token(s->m, s->ev->id);

	if (!t)
		return RC_OK;
	t->used_at = s->m->time;
	set_text(&t->used_from, s->ev->address);
	model_touch(s->m, AGG_TOKEN, t->id);
	return RC_OK;
}

/* ---- sessions ---- */

static void session_end(struct step *s, struct session *ses)
{
	ses->ended_at = s->m->time;
	model_touch(s->m, AGG_SESSION, ses->id);
}

/* Those whose time is over, and the oldest of somebody who has very many. */
static void sweep_sessions(struct step *s, const char *actor)
{
	struct session *oldest = NULL;
	size_t n = 0;

	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_SESSION], e));) {
		struct session *ses = e->value;

		if (ses->ended_at)
			continue;
		if (ses->until <= s->m->time) {
			session_end(s, ses);
			continue;
		}
		if (!streq(ses->actor, actor))
			continue;
		n++;
		oldest = oldest ? oldest : ses;
	}
	if (n >= SESSIONS_MAX)
		session_end(s, oldest);
}

enum rc on_login(struct step *s)
{
	const struct event *ev = s->ev;
	struct digest digest;

	if (!ev->text || !ev->digest || strlen(ev->digest) != DIGEST_HEX ||
	    !digest_parse(str_of(ev->digest), &digest) || ev->until <= s->m->time)
		return err_set(s->err, RC_INVALID, "a session needs an actor, a digest and an end");
	struct user *u = str_starts(str_of(ev->text), "user:")
				 ? model_user(s->m, ev->text + strlen("user:"))
				 : NULL;
	if (u && u->disabled) /* it would be good again with the account */
		return err_set(s->err, RC_DENIED, DISABLED);
	usec_t begun = ev->started_at ? ev->started_at : s->m->time;
	if (begun + SESSION_MOST <= s->m->time)
		return err_set(s->err, RC_DENIED,
			       "this session began seven days ago: log in again");
	AUTO(freep) char *id = access_id("ses-", ev->digest);
	if (model_session(s->m, id))
		return err_set(s->err, RC_CONFLICT, "this session exists already");
	sweep_sessions(s, ev->text);
	struct session *ses = model_add(s->m, AGG_SESSION, id);
	ses->id = xstrdup(id);
	set_text(&ses->digest, ev->digest);
	set_text(&ses->actor, ev->text);
	set_text(&ses->token, ev->id);
	set_text(&ses->address, ev->address);
	set_text(&ses->agent, ev->type);
	ses->created_at = s->m->time;
	ses->until = MIN_OF(ev->until, begun + SESSION_MOST);
	ses->begun_at = begun;
	if (u) {
		u->login_at = s->m->time;
		model_touch(s->m, AGG_USER, u->id);
	}
	return RC_OK;
}

enum rc on_logout(struct step *s)
{
	struct session *ses = model_session(s->m, s->ev->id);

	if (!ses || ses->ended_at)
		return err_set(s->err, RC_NOT_FOUND, "there is no session %s",
			       s->ev->id ? s->ev->id : "(none named)");
	session_end(s, ses);
	return RC_OK;
}

/* ---- grants ---- */

static bool is_whom(const char *who)
{
	if (who && str_starts(str_of(who), "user:"))
		return is_name(who + strlen("user:"));
	return who && str_starts(str_of(who), "group:") && is_group(who + strlen("group:"));
}

enum rc on_grant(struct step *s)
{
	const struct event *ev = s->ev;

	if (!is_whom(ev->type))
		return err_set(s->err, RC_INVALID,
			       "a role is given to user:NAME or group:NAME, not to \"%.80s\"",
			       ev->type ? ev->type : "");
	if (ev->role == ROLE_NONE)
		return err_set(s->err, RC_INVALID,
			       "say which role: viewer, developer, approver, operator or admin");
	if (ev->role == ROLE_ADMIN && ev->environment)
		return err_set(
			s->err, RC_INVALID,
			"an administrator is one everywhere: leave the environment out, or give operator");
	AUTO(freep) char *id = access_grant_id(ev->type, ev->role, ev->environment);
	struct grant *g = model_grant(s->m, id);
	if (g && !g->ended_at)
		return err_set(s->err, RC_CONFLICT, "%s is %s%s%s already", ev->type,
			       role_names[ev->role], ev->environment ? " in " : "",
			       ev->environment ? ev->environment : "");
	if (!g) {
		g = model_add(s->m, AGG_GRANT, id);
		g->id = xstrdup(id);
		g->role = ev->role;
		set_text(&g->who, ev->type);
		set_text(&g->environment, ev->environment);
	}
	set_text(&g->project, ev->repo);
	set_text(&g->actor, ev->actor);
	g->since = s->m->time;
	g->ended_at = 0;
	model_touch(s->m, AGG_GRANT, id);
	return RC_OK;
}

enum rc on_grant_end(struct step *s)
{
	struct grant *g = model_grant(s->m, s->ev->id);

	if (!g || g->ended_at)
		return err_set(s->err, RC_NOT_FOUND, "there is no grant %s",
			       s->ev->id ? s->ev->id : "(none named)");
	g->ended_at = s->m->time;
	model_touch(s->m, AGG_GRANT, g->id);
	return RC_OK;
}

/* ---- what ended ---- */

static bool touched(const struct model *m, enum aggregate_kind kind, const char *id)
{
	vec_each(t, &m->touched)
		if (t->kind == kind && streq(t->id, id))
			return true;
	return false;
}

void access_evict(struct step *s)
{
	static const enum aggregate_kind kinds[] = {AGG_TOKEN, AGG_SESSION, AGG_GRANT};

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		texts over = {0};

		for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[kinds[k]], e));)
			if (model_is_ended(s->m, kinds[k], e->key) &&
			    !touched(s->m, kinds[k], e->key))
				texts_add(&over, e->key);
		vec_each(id, &over) {
			model_forget(s->m, kinds[k], *id);
			xfree(*id);
		}
		vec_done(&over);
	}
}
