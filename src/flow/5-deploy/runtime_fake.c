/*
 * Adapter of ports/runtime.h in memory, with a clock that runtime_fake_tick() moves: for the
 * simulator. It outlives an engine that crashes, as shims do. Behaves as the shim does: back-off
 * from 200 ms to 10 s, a probe each 250 ms.
 */
#include "flow/5-deploy/adapters_deploy.h"
#include "flow/5-deploy/names.h"

#define BACKOFF_MIN (200 * USEC_MS)
#define BACKOFF_MAX (10 * USEC_SEC)
#define PROBE_EVERY (250 * USEC_MS)

struct life {
	struct replica r; /* its texts are owned */
	char why[160];
	uint64_t started, backoff, next; /* next: when it comes back */
};
struct word {
	char *image;
	struct runtime_fake_behaviour b;
};
struct fake {
	struct runtime runtime;
	uint64_t now;
	VEC(struct life) lives; /* in order of place */
	VEC(struct word) words;
	struct {
		uint32_t after, times;
		enum rc rc;
	} fail[RUNTIME_FAKE_CALLS];
	uint32_t ports;
};

static struct fake *self(struct runtime *r)
{
	return container_of(r, struct fake, runtime);
}

static enum rc trouble(struct fake *f, enum runtime_fake_call call, struct err *err)
{
	if (f->fail[call].after) {
		f->fail[call].after--;
		return RC_OK;
	}
	if (!f->fail[call].times)
		return RC_OK;
	f->fail[call].times--;
	return err_set(err, f->fail[call].rc, "the runtime fails because the test wants it");
}

static void own(char const **to, const char *text)
{
	char *old = (char *)(uintptr_t)*to;

	*to = text ? xstrdup(text) : NULL;
	xfree(old);
}

static void life_done(struct life *l)
{
	own(&l->r.environment, NULL);
	own(&l->r.unit, NULL);
	own(&l->r.image, NULL);
}

static struct runtime_fake_behaviour behaviour(const struct fake *f, const char *image)
{
	struct runtime_fake_behaviour b = {.ready_after = 50 * USEC_MS};

	vec_each(w, &f->words) {
		if (!w->image)
			b = w->b;
		else if (streq(w->image, image))
			return w->b;
	}
	return b;
}

static bool of_set(const struct life *l, const char *environment, const char *unit,
		   const char *image)
{
	return streq(l->r.environment, environment) && streq(l->r.unit, unit) &&
	       streq(l->r.image, image);
}

static void begin(struct fake *f, struct life *l)
{
	l->r.state = REPLICA_STARTING;
	l->r.since = l->started = f->now;
	l->r.probes = 0;
	l->why[0] = '\0';
}

static int by_place(const struct replica *a, const struct replica *b)
{
	int c = strcmp(a->environment, b->environment);

	c = c ? c : strcmp(a->unit, b->unit);
	c = c ? c : strcmp(a->image, b->image);
	return c ? c : a->index < b->index ? -1 : a->index > b->index;
}

static void add(struct fake *f, const struct deploy *d, uint32_t index)
{
	struct life l = {
		.r = {.index = index, .address = "127.0.0.1", .port = 20000 + f->ports++ % 10000},
		.backoff = BACKOFF_MIN};
	size_t at = 0;

	own(&l.r.environment, d->environment);
	own(&l.r.unit, d->unit);
	own(&l.r.image, d->image);
	begin(f, &l);
	while (at < f->lives.n && by_place(&f->lives.v[at].r, &l.r) < 0)
		at++;
	vec_push(&f->lives, l);
	memmove(&f->lives.v[at + 1], &f->lives.v[at], (f->lives.n - 1 - at) * sizeof(l));
	f->lives.v[at] = l;
}

static void drop(struct fake *f, const char *environment, const char *unit, const char *image,
		 uint32_t from)
{
	for (size_t i = f->lives.n; i-- > 0;)
		if (of_set(&f->lives.v[i], environment, unit, image) &&
		    f->lives.v[i].r.index >= from) {
			life_done(&f->lives.v[i]);
			vec_remove(&f->lives, i);
		}
}

static enum rc names_ok(const char *environment, const char *unit, const char *image,
			struct err *err)
{
	if (!deploy_name_ok(environment))
		return err_set(err, RC_INVALID, "\"%.100s\" is no name of an environment",
			       environment ? environment : "");
	if (!deploy_name_ok(unit))
		return err_set(err, RC_INVALID, "\"%.100s\" is no name of a service",
			       unit ? unit : "");
	return image && *image ? RC_OK : err_set(err, RC_INVALID, "\"\" is no image digest");
}

static enum rc start(struct runtime *r, const struct deploy *d, uint32_t count,
		     const struct runtime_inputs *in, struct err *err)
{
	struct fake *f = self(r);

	(void)in;
	if (names_ok(d->environment, d->unit, d->image, err) != RC_OK ||
	    trouble(f, RUNTIME_FAKE_START, err) != RC_OK)
		return err->rc;
	for (uint32_t i = 0; i < count; i++) {
		bool there = false;

		vec_each(l, &f->lives)
			there = there ||
				(l->r.index == i && of_set(l, d->environment, d->unit, d->image));
		if (!there)
			add(f, d, i);
	}
	drop(f, d->environment, d->unit, d->image, count);
	return RC_OK;
}

static enum rc stop(struct runtime *r, const char *environment, const char *unit, const char *image,
		    struct err *err)
{
	struct fake *f = self(r);

	if (names_ok(environment, unit, image, err) != RC_OK ||
	    trouble(f, RUNTIME_FAKE_STOP, err) != RC_OK)
		return err->rc;
	drop(f, environment, unit, image, 0);
	return RC_OK;
}

static int fd(struct runtime *r)
{
	(void)r;
	return -1;
}

static enum rc poll_all(struct runtime *r, void (*each)(void *ctx, const struct replica *),
			void *ctx, struct err *err)
{
	struct fake *f = self(r);

	if (trouble(f, RUNTIME_FAKE_POLL, err) != RC_OK)
		return err->rc;
	vec_each(l, &f->lives) {
		struct replica x = l->r;

		x.why = l->why;
		each(ctx, &x);
	}
	return RC_OK;
}

static void fake_free(struct runtime *r)
{
	struct fake *f = self(r);

	vec_each(l, &f->lives)
		life_done(l);
	vec_done(&f->lives);
	vec_each(w, &f->words)
		xfree(w->image);
	vec_done(&f->words);
	xfree(f);
}

static const struct runtime_ops ops = {"fake", start, stop, fd, poll_all, fake_free};

enum rc runtime_fake_new(struct runtime **ret, struct err *err)
{
	struct fake *f = xcalloc(1, sizeof(*f));

	(void)err;
	f->runtime.ops = &ops;
	*ret = &f->runtime;
	return RC_OK;
}

void runtime_fake_behave(struct runtime *r, const char *image,
			 const struct runtime_fake_behaviour *b)
{
	struct fake *f = self(r);

	vec_each(w, &f->words)
		if (streq(w->image, image)) {
			w->b = *b;
			return;
		}
	vec_push(&f->words, ((struct word){image ? xstrdup(image) : NULL, *b}));
}

/* USEC_NEVER: this behaviour does not end a life. */
static uint64_t crash_time(const struct runtime_fake_behaviour *b, const struct life *l)
{
	uint64_t at = l->started + b->crash_after;

	return b->crash_after ? MAX_OF(at, b->crash_at) : USEC_NEVER;
}

static void crash(struct life *l, const struct runtime_fake_behaviour *b, uint64_t at)
{
	l->r.state = REPLICA_BACKOFF;
	l->r.since = at;
	l->r.restarts++;
	l->r.exit = b->exit ? b->exit : 1;
	l->next = at + l->backoff;
	l->backoff = MIN_OF(l->backoff * 2, BACKOFF_MAX);
	(void)snprintf(l->why, sizeof(l->why),
		       l->r.restarts > 1 ? "exit %lld, %u times" : "exit %lld",
		       (long long)l->r.exit, l->r.restarts);
}

/* One move of one replica at or before now; false: there is none. */
static bool move(struct fake *f, struct life *l, uint64_t now)
{
	struct runtime_fake_behaviour b = behaviour(f, l->r.image);
	uint64_t ready = b.never_ready ? USEC_NEVER : l->started + b.ready_after;

	if (l->r.state == REPLICA_BACKOFF) {
		if (l->next > now)
			return false;
		f->now = l->next;
		begin(f, l);
		return true;
	}
	if (crash_time(&b, l) <= now &&
	    (l->r.state == REPLICA_READY || crash_time(&b, l) <= ready)) {
		crash(l, &b, crash_time(&b, l));
		return true;
	}
	if (l->r.state != REPLICA_READY && ready <= now) {
		l->r.state = REPLICA_READY;
		l->r.since = MAX_OF(ready, l->r.since);
		l->r.probes = 0;
		l->why[0] = '\0';
		return true;
	}
	return false;
}

void runtime_fake_tick(struct runtime *r, uint64_t now)
{
	struct fake *f = self(r);

	vec_each(l, &f->lives) {
		struct runtime_fake_behaviour b = behaviour(f, l->r.image);

		while (move(f, l, now))
			continue;
		if (b.never_ready &&
		    (l->r.state == REPLICA_STARTING || l->r.state == REPLICA_UNREADY)) {
			l->r.probes = (uint32_t)((now - l->started) / PROBE_EVERY);
			if (l->r.probes >= 4 && l->r.state == REPLICA_STARTING) {
				l->r.state = REPLICA_UNREADY;
				l->r.since = now;
			}
			if (l->r.state == REPLICA_UNREADY)
				(void)snprintf(l->why, sizeof(l->why),
					       "HTTP 503 from /healthz, %u probes in a row",
					       l->r.probes);
		}
	}
	f->now = now;
}

void runtime_fake_fail(struct runtime *r, enum runtime_fake_call call, uint32_t after,
		       uint32_t times, enum rc rc)
{
	struct fake *f = self(r);

	f->fail[call].after = after;
	f->fail[call].times = times;
	f->fail[call].rc = rc;
}
