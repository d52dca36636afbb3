/* Adapter of ports/route.h in memory: for the simulator. Its shares are counted as route_haproxy
 * counts them; it can be slow, lie and fail. */
#include "flow/5-deploy/route_haproxy.h"

struct truth {
	char *image;
	uint32_t slots;
	struct route_server server;
};
struct door {
	VEC(struct truth) now;
	uint32_t late;
}; /* what requests see */
struct fact {
	struct route_fact f;
	char *environment, *unit, *image;
};
struct fake {
	struct route route;
	struct split_state state; /* what was ordered */
	VEC(struct door) doors;   /* of each service */
	VEC(struct fact) facts;
	struct {
		uint32_t after, times;
		enum rc rc;
	} fail[ROUTE_FAKE_CALLS];
	uint32_t lies, slow;
};

static struct fake *self(struct route *r)
{
	return container_of(r, struct fake, route);
}

static enum rc trouble(struct fake *f, enum route_fake_call call, struct err *err)
{
	if (f->fail[call].after) {
		f->fail[call].after--;
		return RC_OK;
	}
	if (!f->fail[call].times)
		return RC_OK;
	f->fail[call].times--;
	return err_set(err, f->fail[call].rc, "the splitter fails because the test wants it");
}

static void door_done(struct door *d)
{
	vec_each(t, &d->now) {
		xfree(t->image);
		xfree((void *)(uintptr_t)t->server.address);
	}
	vec_done(&d->now);
}

static struct door *door_of(struct fake *f, const struct split_service *s)
{
	return &f->doors.v[s - f->state.services.v];
}

/* What was ordered becomes true. */
static void apply(struct fake *f, struct split_service *s)
{
	struct door *d = door_of(f, s);

	door_done(d);
	d->late = 0;
	vec_each(v, &s->servers) {
		vec_add(&d->now);
		*vec_last(&d->now) = (struct truth){.image = xstrdup(v->image),
						    .slots = v->slots,
						    .server = {.index = v->index,
							       .address = xstrdup(v->address),
							       .port = v->port,
							       .ready = v->ready}};
		vec_last(&d->now)->server.image = vec_last(&d->now)->image;
	}
	split_texts_done(&s->leaving);
}

static enum rc service_of(struct fake *f, const char *environment, const char *unit,
			  struct split_service **ret, struct err *err)
{
	if (split_names_ok(environment, unit, err) != RC_OK)
		return err->rc;
	*ret = split_find(&f->state, environment, unit);
	return *ret ? RC_OK
		    : err_set(err, RC_NOT_FOUND, "%s has no front door in %s", unit, environment);
}

static enum rc services(struct route *r, const char *environment, const texts *units,
			struct err *err)
{
	struct fake *f = self(r);

	if (trouble(f, ROUTE_FAKE_SERVICES, err) != RC_OK)
		return err->rc;
	vec_each(u, units)
		if (split_names_ok(environment, *u, err) != RC_OK)
			return err->rc;
	vec_each(u, units) {
		if (split_find(&f->state, environment, *u))
			continue;
		vec_add(&f->state.services);
		*vec_last(&f->state.services) =
			(struct split_service){.environment = xstrdup(environment),
					       .unit = xstrdup(*u),
					       .port = 18080 + (uint32_t)f->state.services.n - 1};
		vec_add(&f->doors);
	}
	return RC_OK;
}

static enum rc servers(struct route *r, const char *environment, const char *unit,
		       const struct route_server *v, size_t n, struct err *err)
{
	struct fake *f = self(r);
	struct split_service *s = NULL;
	bool moved = true;

	if (trouble(f, ROUTE_FAKE_SERVERS, err) != RC_OK ||
	    service_of(f, environment, unit, &s, err) != RC_OK || split_list_ok(v, n, err) != RC_OK)
		return err->rc;
	while (moved)
		(void)split_take(s, v, n, &moved);
	apply(f, s);
	return RC_OK;
}

static enum rc set(struct route *r, const char *environment, const char *unit, const char *image,
		   double share, struct err *err)
{
	struct fake *f = self(r);
	struct split_service *s = NULL;

	if (trouble(f, ROUTE_FAKE_SET, err) != RC_OK ||
	    service_of(f, environment, unit, &s, err) != RC_OK)
		return err->rc;
	if (!split_image_ok(image))
		return err_set(err, RC_INVALID,
			       "\"%.100s\" is no image that the splitter can carry",
			       image ? image : "");
	split_ordered(s, image, share);
	if (f->lies)
		f->lies--;
	else if (f->slow)
		door_of(f, s)->late = f->slow;
	else
		apply(f, s);
	return RC_OK;
}

static enum rc confirm(struct route *r, const char *environment, const char *unit,
		       const char *image, double *ret_share, struct err *err)
{
	struct fake *f = self(r);
	struct split_service *s = NULL;
	uint32_t all = 0, mine = 0;

	if (trouble(f, ROUTE_FAKE_CONFIRM, err) != RC_OK ||
	    service_of(f, environment, unit, &s, err) != RC_OK)
		return err->rc;
	if (door_of(f, s)->late && --door_of(f, s)->late == 0)
		apply(f, s);
	vec_each(t, &door_of(f, s)->now) {
		all += t->slots;
		mine += streq(t->image, image) ? t->slots : 0;
	}
	*ret_share = all ? (double)mine / all : 0;
	return RC_OK;
}

static enum rc front_door(struct route *r, const char *environment, const char *unit,
			  char **ret_url, struct err *err)
{
	struct split_service *s = NULL;

	if (service_of(self(r), environment, unit, &s, err) != RC_OK)
		return err->rc;
	*ret_url = xasprintf("http://127.0.0.1:%u", s->port);
	return RC_OK;
}

static enum rc ensure(struct route *r, struct err *err)
{
	struct fake *f = self(r);

	if (trouble(f, ROUTE_FAKE_ENSURE, err) != RC_OK)
		return err->rc;
	vec_each(s, &f->state.services)
		if (!door_of(f, s)->late)
			apply(f, s);
	return RC_OK;
}

static int fd(struct route *r)
{
	(void)r;
	return -1;
}

static void fact_done(struct fact *x)
{
	xfree(x->environment);
	xfree(x->unit);
	xfree(x->image);
}

static enum rc facts(struct route *r, void (*each)(void *ctx, const struct route_fact *), void *ctx,
		     struct err *err)
{
	struct fake *f = self(r);

	(void)err;
	for (size_t i = 0; i < f->facts.n; i++) {
		each(ctx, &f->facts.v[i].f);
		fact_done(&f->facts.v[i]);
	}
	f->facts.n = 0;
	return RC_OK;
}

static void fake_free(struct route *r)
{
	struct fake *f = self(r);

	vec_each(d, &f->doors)
		door_done(d);
	vec_done(&f->doors);
	vec_each(x, &f->facts)
		fact_done(x);
	vec_done(&f->facts);
	split_state_done(&f->state);
	xfree(f);
}

static const struct route_ops ops = {"fake",     services, servers, set,   confirm,
				     front_door, ensure,   fd,      facts, fake_free};

enum rc route_fake_new(struct route **ret, struct err *err)
{
	struct fake *f = xcalloc(1, sizeof(*f));

	(void)err;
	f->route.ops = &ops;
	*ret = &f->route;
	return RC_OK;
}

void route_fake_fail(struct route *r, enum route_fake_call call, uint32_t after, uint32_t times,
		     enum rc rc)
{
	struct fake *f = self(r);

	f->fail[call].after = after;
	f->fail[call].times = times;
	f->fail[call].rc = rc;
}

void route_fake_lie(struct route *r, uint32_t n)
{
	self(r)->lies = n;
}

void route_fake_slow(struct route *r, uint32_t n)
{
	self(r)->slow = n;
}

const struct route_server *route_fake_pick(struct route *r, const char *environment,
					   const char *unit, double u)
{
	struct fake *f = self(r);
	const struct split_service *s = split_find(&f->state, environment, unit);
	uint32_t slot = (uint32_t)(u * SPLIT_SLOTS), below = 0;

	if (!s)
		return NULL;
	vec_each(t, &door_of(f, s)->now) {
		below += t->slots;
		if (slot < below)
			return &t->server;
	}
	return NULL;
}

void route_fake_fact(struct route *r, const struct route_fact *fact)
{
	struct fake *f = self(r);
	struct fact *x;

	vec_add(&f->facts);
	x = vec_last(&f->facts);
	x->environment = xstrdup(fact->environment);
	x->unit = xstrdup(fact->unit);
	x->image = xstrdup(fact->image);
	x->f = *fact;
	x->f.environment = x->environment;
	x->f.unit = x->unit;
	x->f.image = x->image;
}
