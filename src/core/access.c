#include "core/access.h"
#include "core/state.h"

#define MAKERS 8 /* tokens that made tokens that ... */

static bool is_good(uint64_t ended_at, uint64_t until, usec_t now)
{
	return !ended_at && (!until || until > now);
}

static const void *by_digest(const struct model *m, enum aggregate_kind kind, const char *prefix,
			     const char *digest)
{
	AUTO(freep) char *id = access_id(prefix, digest);

	return model_get(m, kind, id);
}

const struct token *access_token(const struct model *m, const char *digest, usec_t now)
{
	const struct token *t = by_digest(m, AGG_TOKEN, "tok-", digest);

	if (!t || !streq(t->digest, digest) || !is_good(t->ended_at, t->until, now))
		return NULL;
	return t->owner && !access_user(m, t->owner) ? NULL : t;
}

const struct session *access_session(const struct model *m, const char *digest, usec_t now)
{
	const struct session *s = by_digest(m, AGG_SESSION, "ses-", digest);

	if (!s || !streq(s->digest, digest) || !is_good(s->ended_at, s->until, now))
		return NULL;
	const struct token *t = s->token ? model_token(m, s->token) : NULL;
	if (s->token && (!t || !is_good(t->ended_at, t->until, now)))
		return NULL;
	return str_starts(str_of(s->actor), "user:") && !access_user(m, s->actor) ? NULL : s;
}

bool access_is_good(const struct model *m, const char *id, usec_t now)
{
	const struct session *s = id ? model_session(m, id) : NULL;
	const struct token *t = id ? model_token(m, id) : NULL;

	if (s)
		return access_session(m, s->digest, now) != NULL;
	return t && access_token(m, t->digest, now);
}

static const struct token *machine_named(const struct model *m, const char *name)
{
	const struct token *last = NULL; /* a name may be taken again: the newest has it */

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_TOKEN], e));) {
		const struct token *t = e->value;

		if (!t->owner && !t->scope && streq(t->name, name) &&
		    (!last || t->created_at >= last->created_at))
			last = t;
	}
	return last;
}

const char *access_maker(const struct model *m, const char *via)
{
	const struct session *s = via ? model_session(m, via) : NULL;
	const char *id = s ? s->token : via;
	const struct token *t = id ? model_token(m, id) : NULL;

	for (int i = 0; i < MAKERS && t && !t->owner && t->actor; i++) {
		if (!str_starts(str_of(t->actor), "token:"))
			return t->actor;
		t = machine_named(m, t->actor + strlen("token:"));
	}
	return NULL;
}

const struct user *access_user(const struct model *m, const char *actor)
{
	const struct user *u = actor && str_starts(str_of(actor), "user:")
				       ? model_user(m, actor + strlen("user:"))
				       : NULL;

	return u && !u->disabled ? u : NULL;
}

static bool is_for(const char *where, const char *environment)
{
	return !where || (environment && streq(where, environment));
}

static bool is_of(const struct grant *g, const struct who *who)
{
	if (streq(g->who, who->actor))
		return true;
	if (!str_starts(str_of(g->who), "group:"))
		return false;
	for (size_t i = 0; who->groups && i < who->groups->n; i++)
		if (streq(g->who + strlen("group:"), who->groups->v[i]))
			return true;
	return false;
}

static bool is_project(const struct model *m, const struct grant *g)
{
	const struct project *p = model_project(m);

	return !g->project || (p && streq(g->project, p->name));
}

/* `anywhere`: whatever environment the grant is for. */
static enum role granted(const struct model *m, const struct who *who, const char *environment,
			 bool anywhere)
{
	enum role best = ROLE_NONE;

	if (who->owner)
		return ROLE_ADMIN;
	if (!anywhere && !is_for(who->environment, environment))
		return ROLE_NONE;
	if (who->machine)
		return who->most;
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_GRANT], e));) {
		const struct grant *g = e->value;

		if (!g->ended_at && g->role > best && is_of(g, who) && is_project(m, g) &&
		    (anywhere || is_for(g->environment, environment)))
			best = g->role;
	}
	return MIN_OF(best, who->most);
}

enum role access_role(const struct model *m, const struct who *who, const char *environment)
{
	return granted(m, who, environment, false);
}

bool access_allows(const struct model *m, const struct who *who, enum role needs,
		   const char *environment)
{
	return granted(m, who, environment, needs <= ROLE_VIEWER) >= needs;
}

bool access_is_granted(const struct model *m, const char *who)
{
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_GRANT], e));) {
		const struct grant *g = e->value;

		if (!g->ended_at && streq(g->who, who))
			return true;
	}
	return false;
}

bool access_has_admin(const struct model *m, usec_t now)
{
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_TOKEN], e));) {
		const struct token *t = e->value;

		if (t->role == ROLE_ADMIN && !t->scope && !t->owner && !t->environment &&
		    is_good(t->ended_at, t->until, now))
			return true;
	}
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_GRANT], e));) {
		const struct grant *g = e->value;

		if (g->role == ROLE_ADMIN && !g->environment && !g->ended_at)
			return true;
	}
	return false;
}

char *access_id(const char *prefix, const char *digest)
{
	return xasprintf("%s%.12s", prefix, digest);
}

char *access_grant_id(const char *who, enum role role, const char *environment)
{
	return xasprintf("%s=%s%s%s", who, role_names[role], environment ? "@" : "",
			 environment ? environment : "");
}
