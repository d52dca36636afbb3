/* Adapter of ports/route.h: the orders. See route_haproxy.h for how it works. */
#include "flow/5-deploy/names.h"
#include "flow/5-deploy/route_haproxy.h"
#include "io/clock.h"
#include "io/files.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define DRAIN_WITHIN (5 * USEC_SEC)

static struct route_haproxy *self(struct route *r)
{
	return container_of(r, struct route_haproxy, route);
}

static void unlock(pthread_mutex_t **m)
{
	pthread_mutex_unlock(*m);
}
#define LOCKED(h)                                          \
	pthread_mutex_t *locked AUTO(unlock) = &(h)->lock; \
	pthread_mutex_lock(locked)

static enum rc service_of(struct route_haproxy *h, const char *environment, const char *unit,
			  struct split_service **ret, struct err *err)
{
	if (split_names_ok(environment, unit, err) != RC_OK)
		return err->rc;
	*ret = split_find(&h->state, environment, unit);
	return *ret ? RC_OK
		    : err_set(err, RC_NOT_FOUND, "%s has no front door in %s", unit, environment);
}

/* ---- front doors ---- */

static bool port_is_free(uint32_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)port),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd AUTO(fd_close) = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return fd >= 0 && bind(fd, (const struct sockaddr *)(const void *)&a, sizeof(a)) == 0 &&
	       listen(fd, 1) == 0;
}

static enum rc new_port(struct route_haproxy *h, uint32_t *ret, struct err *err)
{
	for (uint32_t p = h->port_base; p < h->port_base + h->port_count; p++) {
		bool taken = false;

		vec_each(s, &h->state.services)
			taken = taken || s->port == p;
		if (!taken && port_is_free(p)) {
			*ret = p;
			return RC_OK;
		}
	}
	return err_set(err, RC_TOO_BIG, "no free port for a front door in %u-%u", h->port_base,
		       h->port_base + h->port_count - 1);
}

static void service_drop_last(struct route_haproxy *h, size_t keep)
{
	while (h->state.services.n > keep) {
		struct split_service *s = vec_last(&h->state.services);

		xfree(s->environment);
		xfree(s->unit);
		h->state.services.n--;
	}
}

static enum rc services(struct route *r, const char *environment, const texts *units,
			struct err *err)
{
	struct route_haproxy *h = self(r);
	LOCKED(h);
	size_t before = h->state.services.n;
	uint32_t port = 0;

	vec_each(u, units)
		if (split_names_ok(environment, *u, err) != RC_OK)
			return err->rc;
	vec_each(u, units) {
		struct split_service *s;

		if (split_find(&h->state, environment, *u))
			continue;
		if (new_port(h, &port, err) != RC_OK) {
			service_drop_last(h, before);
			return err->rc;
		}
		vec_add(&h->state.services);
		s = vec_last(&h->state.services);
		s->environment = xstrdup(environment);
		s->unit = xstrdup(*u);
		s->port = port;
	}
	h->stopped = false;
	if (before == h->state.services.n && h->pid)
		return RC_OK;
	if (split_save(h, err) != RC_OK || split_launch(h, err) != RC_OK) {
		struct err second;

		service_drop_last(h, before);
		(void)!split_save(h, &second);
		return err->rc;
	}
	return RC_OK;
}

static enum rc front_door(struct route *r, const char *environment, const char *unit,
			  char **ret_url, struct err *err)
{
	struct route_haproxy *h = self(r);
	LOCKED(h);
	struct split_service *s = NULL;

	if (service_of(h, environment, unit, &s, err) != RC_OK)
		return err->rc;
	*ret_url = xasprintf("http://127.0.0.1:%u", s->port);
	return RC_OK;
}

/* ---- orders ---- */

/* HAProxy does not run: ensure() will start it with what was ordered; until then the order does
 * not hold. */
static enum rc running(struct route_haproxy *h, struct err *err)
{
	if (h->pid)
		return RC_OK;
	return h->stopped ? err_set(err, RC_UNAVAILABLE, "the splitter was stopped")
			  : split_launch(h, err);
}

static enum rc keep(struct route_haproxy *h, struct err *err)
{
	if (split_save(h, err) != RC_OK || split_configure(h, err) != RC_OK)
		return err_wrap(err, "splitter");
	return RC_OK;
}

static enum rc shares(struct route_haproxy *h, struct split_service *s, struct err *err)
{
	if (split_apply_map(h, s, err) != RC_OK || split_apply_weights(h, s, err) != RC_OK)
		return err_wrap(err, "split %s in %s", s->unit, s->environment);
	return RC_OK;
}

/* The data plane first: a disk that is full must not keep a bad version in traffic. */
static enum rc set(struct route *r, const char *environment, const char *unit, const char *image,
		   double share, struct err *err)
{
	struct route_haproxy *h = self(r);
	LOCKED(h);
	struct split_service *s = NULL;
	struct err later = {0};
	enum rc rc;

	if (!split_image_ok(image))
		return err_set(err, RC_INVALID,
			       "\"%.100s\" is no image that the splitter can carry",
			       image ? image : "");
	if (service_of(h, environment, unit, &s, err) != RC_OK)
		return err->rc;
	split_ordered(s, image, share);
	rc = running(h, err);
	if (rc == RC_OK)
		rc = shares(h, s, err);
	if (rc == RC_NOT_FOUND ||
	    rc == RC_CONFLICT) /* it died, or was replaced, since ensure() looked */
		h->pid = 0;
	if (rc == RC_NOT_FOUND)
		rc = err->rc = RC_UNAVAILABLE;
	if (keep(h, &later) != RC_OK && rc == RC_OK) {
		*err = later;
		rc = later.rc;
	}
	return rc;
}

struct drain {
	const texts *leaving;
	uint64_t current;
};

static void count_current(void *ctx, const struct split_stat *row)
{
	struct drain *d = ctx;

	vec_each(l, d->leaving)
		if (str_is(row->server, *l))
			d->current += row->current;
}

/* Without the lock: others' orders do not wait for our requests to end. */
static void drain(struct route_haproxy *h, const char *proxy, const texts *leaving)
{
	usec_t until = clock_mono() + DRAIN_WITHIN;
	struct err err;

	for (;;) {
		struct drain d = {.leaving = leaving};

		if (split_stats(h, proxy, count_current, &d, &err) != RC_OK || d.current == 0 ||
		    clock_mono() >= until)
			return;
		clock_sleep(5 * USEC_MS);
	}
}

/* The new ones are there before the old ones go. */
static enum rc change(struct route_haproxy *h, const char *environment, const char *unit,
		      const struct route_server *v, size_t n, bool *ret_moved, texts *ret_leaving,
		      struct err *err)
{
	LOCKED(h);
	struct split_service *s = NULL;
	bool changed;

	if (service_of(h, environment, unit, &s, err) != RC_OK)
		return err->rc;
	changed = split_take(s, v, n, ret_moved);
	vec_each(x, &s->leaving)
		vec_push(ret_leaving, xstrdup(*x));
	if (changed && keep(h, err) != RC_OK)
		return err->rc;
	if (running(h, err) != RC_OK)
		return err->rc;
	if (!changed)
		return RC_OK;
	if (split_apply_servers(h, s, err) != RC_OK || shares(h, s, err) != RC_OK) {
		h->pid = 0; /* ensure() looks at everything again */
		return err->rc == RC_NOT_FOUND ? (err->rc = RC_UNAVAILABLE) : err->rc;
	}
	return RC_OK;
}

static enum rc remove_left(struct route_haproxy *h, const char *environment, const char *unit,
			   struct err *err)
{
	LOCKED(h);
	struct split_service *s = split_find(&h->state, environment, unit);

	if (!s)
		return RC_OK;
	split_texts_done(&s->leaving);
	return split_reap(h, s, err);
}

static enum rc servers(struct route *r, const char *environment, const char *unit,
		       const struct route_server *v, size_t n, struct err *err)
{
	struct route_haproxy *h = self(r);
	bool moved = false;
	enum rc rc;

	if (split_names_ok(environment, unit, err) != RC_OK || split_list_ok(v, n, err) != RC_OK)
		return err->rc;
	for (int pass = 0; pass < 2; pass++) {
		texts leaving AUTO(split_texts_done) = {0};

		rc = change(h, environment, unit, v, n, &moved, &leaving, err);
		if (rc == RC_OK && leaving.n) {
			char *proxy AUTO(freep) = xasprintf("%s:%s", environment, unit);

			drain(h, proxy, &leaving);
			rc = remove_left(h, environment, unit, err);
		}
		if (rc != RC_OK || !moved)
			return rc;
	}
	return RC_OK;
}

/* ---- reading back ---- */

struct usable {
	VEC(struct split_server) list;
	VEC(char *) names;
};

static void usable_done(struct usable *u)
{
	vec_each(x, &u->names)
		xfree(*x);
	vec_done(&u->names);
	vec_done(&u->list);
}

static void note_usable(void *ctx, const struct split_stat *row)
{
	struct usable *u = ctx;

	if (!str_starts(row->status, "UP") && !str_is(row->status, "no check") &&
	    !str_starts(row->status, "DRAIN"))
		return;
	vec_push(&u->names, xstrndup(row->server.p, row->server.n));
	vec_add(&u->list);
}

/* "0x55.. <slot> <server>" */
static void count_slots(struct usable *u, struct str map)
{
	while (map.p) {
		struct str line = str_cut(&map, '\n'), rest = line;

		(void)str_cut(&rest, ' ');
		if (!rest.p)
			continue;
		(void)str_cut(&rest, ' ');
		for (size_t i = 0; rest.p && i < u->names.n; i++)
			if (str_is(rest, u->names.v[i]))
				u->list.v[i].slots++;
	}
}

static enum rc confirm(struct route *r, const char *environment, const char *unit,
		       const char *image, double *ret_share, struct err *err)
{
	struct route_haproxy *h = self(r);
	LOCKED(h);
	struct split_service *s = NULL;
	struct usable u AUTO(usable_done) = {0};
	struct strbuf got AUTO(strbuf_done) = STRBUF(SPLIT_REPLY);
	char *proxy AUTO(freep) = xasprintf("%s:%s", environment, unit);
	uint32_t all = 0, mine = 0;
	enum rc rc;

	if (service_of(h, environment, unit, &s, err) != RC_OK)
		return err->rc;
	rc = split_stats(h, proxy, note_usable, &u, err);
	if (rc == RC_OK)
		rc = split_askf(h, &got, err, "show map maps/%s", proxy);
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? (err->rc = RC_UNAVAILABLE) : rc;
	count_slots(&u, strbuf_str(&got));
	for (size_t i = 0; i < u.names.n; i++) {
		uint32_t index;
		struct str of;

		all += u.list.v[i].slots;
		if (split_name_read(str_of(u.names.v[i]), &index, &of) && str_is(of, image))
			mine += u.list.v[i].slots;
	}
	*ret_share = all ? (double)mine / all : 0;
	return RC_OK;
}

/* ---- supervision ---- */

struct look {
	struct route_haproxy *h;
	struct split_service *last;
	bool differs;
};

static void compare(void *ctx, const struct split_stat *row)
{
	struct look *k = ctx;
	struct str unit = row->proxy, environment = str_cut(&unit, ':'), image;
	struct split_server *v = NULL;
	uint64_t failed = row->retries + row->redispatches;
	uint32_t index;

	if (!unit.p || !split_name_read(row->server, &index, &image))
		return;
	if (!k->last || !str_is(environment, k->last->environment) ||
	    !str_is(unit, k->last->unit)) {
		k->last = NULL;
		vec_each(s, &k->h->state.services)
			if (str_is(environment, s->environment) && str_is(unit, s->unit))
				k->last = s;
	}
	if (!k->last)
		return;
	vec_each(x, &k->last->servers)
		if (x->index == index && str_is(image, x->image))
			v = x;
	if (!v || row->weight != split_weight(k->last, v) || str_starts(row->status, "MAINT"))
		k->differs = true;
	if (!v)
		return;
	if (v->failed != UINT64_MAX && failed > v->failed)
		split_facts_failed(k->h->facts, k->last, v, failed - v->failed);
	v->failed = failed;
	v->seen = true;
}

static enum rc refill(struct route_haproxy *h, struct err *err)
{
	vec_each(s, &h->state.services) {
		if (split_apply_servers(h, s, err) != RC_OK || shares(h, s, err) != RC_OK)
			return err->rc;
		if (split_reap(h, s, err) != RC_OK)
			return err_wrap(err, "%s in %s", s->unit, s->environment);
	}
	return RC_OK;
}

static enum rc compare_all(struct route_haproxy *h, struct err *err)
{
	struct look k = {.h = h};
	enum rc rc = split_stats(h, NULL, compare, &k, err);

	vec_each(s, &h->state.services)
		vec_each(v, &s->servers) {
			if (rc == RC_OK && !v->seen)
				k.differs = true;
			v->seen = false;
		}
	return rc == RC_OK && k.differs ? refill(h, err) : rc;
}

static enum rc ensure(struct route *r, struct err *err)
{
	struct route_haproxy *h = self(r);
	LOCKED(h);
	int64_t pid = 0;
	enum rc rc;

	if (h->state.services.n == 0 || h->stopped)
		return RC_OK;
	rc = split_pid(h, &pid, err);
	if (rc == RC_NOT_FOUND) {
		err_clear(err);
		return split_launch(h, err);
	}
	if (rc != RC_OK)
		return rc;
	if (pid != h->pid) { /* an earlier daemon's, or somebody restarted it */
		if (refill(h, err) != RC_OK)
			return err->rc;
		h->pid = pid;
	}
	return compare_all(h, err);
}

/* ---- the rest ---- */

static int fd(struct route *r)
{
	return split_facts_fd(self(r)->facts);
}

static enum rc facts(struct route *r, void (*each)(void *ctx, const struct route_fact *), void *ctx,
		     struct err *err)
{
	return split_facts_read(self(r)->facts, each, ctx, err);
}

static void haproxy_free(struct route *r)
{
	struct route_haproxy *h = self(r);

	split_facts_free(h->facts);
	split_state_done(&h->state);
	fd_close(&h->dirfd);
	xfree(h->dir);
	xfree(h->program);
	pthread_mutex_destroy(&h->lock);
	xfree(h);
}

static const struct route_ops ops = {"haproxy",  services, servers, set,   confirm,
				     front_door, ensure,   fd,      facts, haproxy_free};

enum rc route_haproxy_new(const struct route_haproxy_options *o, struct route **ret,
			  struct err *err)
{
	struct route_haproxy *h = xcalloc(1, sizeof(*h));
	char *maps AUTO(freep) = NULL;

	h->route.ops = &ops;
	h->dirfd = -1;
	h->dir = xasprintf("%s/splitter", o->data);
	h->port_base = o->port_base ? o->port_base : 18080;
	h->port_count = o->port_count ? o->port_count : 1000;
	pthread_mutex_init(&h->lock, NULL);
	maps = xasprintf("%s/maps", h->dir);
	if (deploy_ports_fit("front doors", h->port_base, h->port_count, err) != RC_OK ||
	    split_program(o->haproxy, &h->program, err) != RC_OK ||
	    dir_make(maps, 0700, err) != RC_OK || split_load(h, err) != RC_OK)
		goto out;
	h->dirfd = open(h->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (h->dirfd < 0)
		err_errno(err, errno, "%s", h->dir);
	else if (split_facts_new(h->dirfd, &h->facts, err) == RC_OK) {
		*ret = &h->route;
		return RC_OK;
	}
out:
	haproxy_free(&h->route);
	return err->rc;
}
