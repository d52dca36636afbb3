/* What the world does by itself: jobs end, replicas come and go, refs move. Each change becomes one event. */
#include "engine/engine_impl.h"
#include <stdlib.h>
#include "base/log.h"

/* ---- replicas ---- */

static bool is_leaving(const struct engine *e, const char *environment, const char *unit,
		       const char *image)
{
	vec_each(l, &e->leaving)
		if (streq(l->environment, environment) && streq(l->unit, unit) &&
		    streq(l->image, image))
			return true;
	return false;
}

void leaving_add(struct engine *e, const char *environment, const char *unit, const char *image)
{
	if (!is_leaving(e, environment, unit, image))
		vec_push(&e->leaving,
			 ((struct leaving){xstrdup(environment), xstrdup(unit), xstrdup(image)}));
}

void leaving_del(struct engine *e, const char *environment, const char *unit, const char *image)
{
	for (size_t i = 0; i < e->leaving.n; i++) {
		struct leaving *l = &e->leaving.v[i];

		if (!streq(l->environment, environment) || !streq(l->unit, unit) ||
		    !streq(l->image, image))
			continue;
		xfree(l->environment);
		xfree(l->unit);
		xfree(l->image);
		vec_remove(&e->leaving, i);
		return;
	}
}

/* The servers that may get traffic: ready, not on their way out. The caller frees the list and its texts. */
size_t servers_of(struct engine *e, const char *environment, const char *unit, const char *without,
		  struct route_server **ret)
{
	VEC(struct route_server) list = {0};

	vec_each(r, &e->replicas) {
		if (!streq(r->environment, environment) || !streq(r->unit, unit) ||
		    streq(r->image, without) || !r->port)
			continue;
		if (r->state != REPLICA_READY || is_leaving(e, environment, unit, r->image))
			continue;
		vec_push(&list, ((struct route_server){.image = xstrdup(r->image),
						       .index = r->index,
						       .address = xstrdup(r->address),
						       .port = r->port,
						       .ready = true}));
	}
	*ret = list.v;
	return list.n;
}

struct sync {
	struct engine *e;
	char *environment, *unit, *live;
	struct route_server *servers;
	size_t n;
	VEC(struct event) events;
	struct err err;
	enum rc rc;
};

static void sync_it(void *arg)
{
	struct sync *s = arg;

	s->rc = route_servers(s->e->w.route, s->environment, s->unit, s->servers, s->n, &s->err);
	if (s->rc == RC_OK && s->live)
		s->rc = route_set(s->e->w.route, s->environment, s->unit, s->live, 1, &s->err);
}

static void synced(void *arg)
{
	struct sync *s = arg;

	if (s->rc != RC_OK && s->rc != RC_NOT_FOUND)
		LOG(LOG_WARN,
		    "the splitter did not take the servers; it is put right within a second",
		    LF("environment", s->environment), LF("unit", s->unit),
		    LF("error", s->err.msg));
	vec_each(ev, &s->events)
		engine_submit(s->e, ev);
	vec_done(&s->events);
	for (size_t i = 0; i < s->n; i++) {
		xfree((void *)(uintptr_t)s->servers[i].image);
		xfree((void *)(uintptr_t)s->servers[i].address);
	}
	xfree(s->servers);
	xfree(s->environment);
	xfree(s->unit);
	xfree(s->live);
	xfree(s);
}

/* Nothing is rolled out, or what was has no traffic any more and only stops: all is the live version's, also when its servers were away for a while, which a
 * splitter forgets. */
static char *live_of(const struct engine *e, const char *environment, const char *unit)
{
	const struct environment *env = model_environment(&e->model, environment);

	for (struct map_entry *m = NULL; (m = map_next(&e->model.by_kind[AGG_ROLLOUT], m));) {
		const struct rollout *ro = m->value;

		bool ends = ro->state == ROLLOUT_ABORTING && ro->zero_confirmed_at;

		if (!rollout_is_final(ro->state) && !ends && streq(ro->environment, environment) &&
		    streq(ro->unit, unit))
			return NULL;
	}
	for (size_t i = 0; env && i < env->live.n; i++)
		if (streq(env->live.v[i].unit, unit))
			return xstrdup(env->live.v[i].image);
	return NULL;
}

static uint32_t count_ready(const struct engine *e, const struct seen_replica *of)
{
	uint32_t n = 0;

	vec_each(r, &e->replicas)
		n += r->state == REPLICA_READY && streq(r->environment, of->environment) &&
		     streq(r->unit, of->unit) && streq(r->image, of->image);
	return n;
}

static void replica_event(struct engine *e, const struct seen_replica *r, struct event *ev)
{
	*ev = (struct event){.kind = EV_REPLICA,
			     .index = r->index,
			     .count = r->restarts,
			     .probes = r->probes,
			     .replica = r->state,
			     .ready = count_ready(e, r),
			     .exit = r->exit,
			     .started_at = r->since};
	ev->environment = xstrdup(r->environment);
	ev->unit = xstrdup(r->unit);
	ev->image = xstrdup(r->image);
	ev->text = r->why && *r->why ? xstrdup(r->why) : NULL;
}

/* The changed replicas of one service: the splitter hears it first, then core. */
static void tell(struct engine *e, const char *environment, const char *unit)
{
	struct sync *s = xcalloc(1, sizeof(*s));

	s->e = e;
	s->environment = xstrdup(environment);
	s->unit = xstrdup(unit);
	vec_each(r, &e->replicas) {
		struct event ev;

		if (!r->fresh || !streq(r->environment, environment) || !streq(r->unit, unit))
			continue;
		r->fresh = false;
		replica_event(e, r, &ev);
		vec_push(&s->events, ev);
	}
	s->n = servers_of(e, environment, unit, NULL, &s->servers);
	s->live = live_of(e, environment, unit);
	/* Not the lane of weights: servers that leave are drained, and taking traffic away must not wait for that. */
	AUTO(freep) char *lane = xasprintf("servers/%s/%s", environment, unit);
	runner_work(e->w.runner, lane, sync_it, synced, s);
}

static struct seen_replica *find_replica(struct engine *e, const char *key)
{
	vec_each(r, &e->replicas)
		if (streq(r->key, key))
			return r;
	vec_push(&e->replicas, ((struct seen_replica){.key = xstrdup(key)}));
	return vec_last(&e->replicas);
}

static void replace(char **text, const char *by)
{
	char *copy = xstrdup(by ? by : "");

	xfree(*text);
	*text = copy;
}

static void see_replica(void *ctx, const struct replica *r)
{
	struct engine *e = ctx;
	AUTO(freep)
	char *key = xasprintf("%s/%s/%s/%u", r->environment, r->unit, r->image, r->index);
	struct seen_replica *seen = find_replica(e, key);

	seen->there = true;
	if (seen->environment && seen->state == r->state && seen->restarts == r->restarts &&
	    seen->probes == r->probes && seen->port == r->port)
		return;
	replace(&seen->environment, r->environment);
	replace(&seen->unit, r->unit);
	replace(&seen->image, r->image);
	replace(&seen->address, r->address);
	replace(&seen->why, r->why);
	seen->index = r->index;
	seen->state = r->state;
	seen->restarts = r->restarts;
	seen->probes = r->probes;
	seen->port = r->port;
	seen->exit = r->exit;
	seen->since = r->since;
	seen->fresh = true;
}

static void drop_gone(struct engine *e)
{
	for (size_t i = e->replicas.n; i-- > 0;) {
		struct seen_replica *r = &e->replicas.v[i];
		char *members[] = {r->key, r->environment, r->unit, r->image, r->address, r->why};

		if (r->state != REPLICA_GONE || r->fresh || r->there)
			continue;
		for (size_t k = 0; k < ARRAY_LEN(members); k++)
			xfree(members[k]);
		vec_remove(&e->replicas, i);
	}
}

/* What the runtime does not tell of any more is gone. */
static void miss_replicas(struct engine *e)
{
	vec_each(r, &e->replicas) {
		if (r->there || r->state == REPLICA_GONE)
			continue;
		r->state = REPLICA_GONE;
		r->probes = 0;
		r->since = runner_now(e->w.runner);
		r->fresh = true;
	}
}

void observe_replicas(struct engine *e)
{
	struct err err = {0};

	if (e->stopped)
		return;
	vec_each(r, &e->replicas)
		r->there = false;
	if (runtime_poll(e->w.runtime, see_replica, e, &err) != RC_OK) {
		LOG(LOG_WARN, "replicas cannot be looked at", LF("error", err.msg));
		return;
	}
	miss_replicas(e);
	for (size_t i = 0; i < e->replicas.n; i++)
		if (e->replicas.v[i].fresh) {
			AUTO(freep) char *environment = xstrdup(e->replicas.v[i].environment);
			AUTO(freep) char *unit = xstrdup(e->replicas.v[i].unit);
			tell(e, environment, unit);
		}
	drop_gone(e);
}

/* A set was (re)started: core hears its replicas again, also when nothing changed since. */
void observe_set_again(struct engine *e, const char *environment, const char *unit,
		       const char *image)
{
	vec_each(r, &e->replicas)
		if (streq(r->environment, environment) && streq(r->unit, unit) &&
		    streq(r->image, image))
			r->fresh = true;
	observe_replicas(e);
}

static void replicas_ready(void *arg)
{
	observe_replicas(arg);
}

/* ---- refs ---- */

struct refs {
	struct engine *e;
	char *repo;
	VEC(struct repo_ref) list;
	struct err err;
	enum rc rc;
};

static bool add_ref(void *ctx, const char *ref, const char *commit)
{
	struct refs *r = ctx;

	vec_push(&r->list, ((struct repo_ref){.ref = xstrdup(ref), .commit = xstrdup(commit)}));
	return true;
}

static void read_refs(void *arg)
{
	struct refs *r = arg;

	r->rc = scm_refs(r->e->w.scm, r->repo, add_ref, r, &r->err);
}

struct ref_move {
	char *ref, *commit, *old;
};
struct ref_moves {
	VEC(struct ref_move) v;
};

static void add_move(struct ref_moves *moves, const char *ref, const char *commit, const char *old)
{
	if (!commit && !old) /* it was gone before */
		return;
	vec_push(&moves->v, ((struct ref_move){xstrdup(ref), commit ? xstrdup(commit) : NULL,
					       old ? xstrdup(old) : NULL}));
}

static void ref_moved(struct engine *e, const char *repo, struct ref_move *m, bool first)
{
	struct event ev = {.kind = EV_REF_MOVED, .ok = first};

	ev.actor = xstrdup("git");
	ev.repo = xstrdup(repo);
	ev.ref = m->ref;
	ev.commit = m->commit;
	ev.base = m->old;
	*m = (struct ref_move){0};
	engine_submit(e, &ev);
}

static int by_ref_name(const void *a, const void *b)
{
	return strcmp(((const struct repo_ref *)a)->ref, ((const struct repo_ref *)b)->ref);
}

static void compare_refs(struct engine *e, struct refs *r)
{
	const struct project_repo *src = model_source(&e->model, r->repo);

	if (r->list.n)
		qsort(r->list.v, r->list.n, sizeof(*r->list.v), by_ref_name);
	struct ref_moves moves = {0};
	size_t i = 0, n = src ? src->refs.n : 0;

	/* Both in order of name. */
	vec_each(now, &r->list) {
		for (; i < n && strcmp(src->refs.v[i].ref, now->ref) < 0; i++)
			add_move(&moves, src->refs.v[i].ref, NULL, src->refs.v[i].commit);
		bool known = i < n && streq(src->refs.v[i].ref, now->ref);
		const char *was = known ? src->refs.v[i].commit : NULL;

		if (!streq(was, now->commit))
			add_move(&moves, now->ref, now->commit, was);
		i += known;
	}
	for (; i < n; i++)
		add_move(&moves, src->refs.v[i].ref, NULL, src->refs.v[i].commit);
	vec_each(m, &moves.v) {
		ref_moved(e, r->repo, m, n == 0);
		xfree(m->ref);
		xfree(m->commit);
		xfree(m->old);
	}
	vec_done(&moves.v);
}

static struct unread *unread_of(struct engine *e, const char *repo)
{
	vec_each(u, &e->unread)
		if (streq(u->repo, repo))
			return u;
	return NULL;
}

/* What was pushed meanwhile may not be told of again: a full disk is enough that a push is not fetched. */
static void read_later(struct engine *e, const struct refs *r)
{
	struct unread *u = unread_of(e, r->repo);

	if (!u) {
		vec_push(&e->unread, ((struct unread){.repo = xstrdup(r->repo)}));
		u = vec_last(&e->unread);
	}
	if (u->tries < 3 || u->tries % 20 == 0)
		LOG(LOG_WARN, "a repository cannot be read", LF("repo", r->repo),
		    LF("error", r->err.msg));
	u->next = runner_now(e->w.runner) + (USEC_SEC << MIN_OF(u->tries, 3u));
	u->tries++;
}

static void was_read(struct engine *e, const char *repo)
{
	struct unread *u = unread_of(e, repo);

	if (!u)
		return;
	size_t i = (size_t)(u - e->unread.v);
	xfree(u->repo);
	vec_remove(&e->unread, i);
}

static void read_unread(struct engine *e)
{
	vec_each(u, &e->unread)
		if (u->next <= runner_now(e->w.runner)) {
			u->next = USEC_NEVER; /* until the answer */
			engine_source_changed(e, u->repo);
		}
}

static void got_refs(void *arg)
{
	struct refs *r = arg;
	struct engine *e = r->e;

	if (r->rc != RC_OK)
		read_later(e, r);
	else
		was_read(e, r->repo);
	if (r->rc == RC_OK && !e->stopped)
		compare_refs(e, r);
	vec_each(ref, &r->list) {
		xfree(ref->ref);
		xfree(ref->commit);
	}
	vec_done(&r->list);
	xfree(r->repo);
	xfree(r);
}

void engine_source_changed(struct engine *e, const char *repo)
{
	struct refs *r = xcalloc(1, sizeof(*r));
	AUTO(freep) char *lane = xasprintf("source/%s", repo);

	r->e = e;
	r->repo = xstrdup(repo);
	runner_work(e->w.runner, lane, read_refs, got_refs, r);
}

static void jobs_ready(void *arg)
{
	observe_jobs(arg);
}

/* ---- the second's round ---- */

struct ensure {
	struct engine *e;
	struct err err;
	enum rc rc;
};

static void ensure_it(void *arg)
{
	struct ensure *x = arg;

	x->rc = route_ensure(x->e->w.route, &x->err);
}

static void ensured(void *arg)
{
	struct ensure *x = arg;

	x->e->ensuring = false;
	if (x->rc != RC_OK)
		LOG(LOG_WARN, "the splitter is not well", LF("error", x->err.msg));
	xfree(x);
}

static void tick(void *arg)
{
	struct engine *e = arg;

	if (e->stopped)
		return;
	observe_jobs(e);
	observe_replicas(e);
	observe_lost(e);
	read_unread(e);
	if (!e->ensuring) {
		struct ensure *x = xcalloc(1, sizeof(*x));

		x->e = e;
		e->ensuring = true;
		runner_work(e->w.runner, "route", ensure_it, ensured, x);
	}
	runner_timer(e->w.runner, runner_now(e->w.runner) + POLL_EVERY, tick, e);
}

void observe_start(struct engine *e)
{
	runner_watch(e->w.runner, exec_fd(e->w.exec), jobs_ready, e);
	runner_watch(e->w.runner, runtime_fd(e->w.runtime), replicas_ready, e);
	tick(e);
}
