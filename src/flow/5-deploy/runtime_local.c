/* Adapter of ports/runtime.h: replicas on this machine, each under a shim. See runtime_local.h
 * for how it works. */
#include "flow/5-deploy/runtime_local.h"
#include "flow/5-deploy/names.h"
#include "io/clock.h"
#include "io/files.h"
#include <errno.h>
#include <netinet/in.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOK_EVERY    (2 * USEC_SEC) /* at a lock, when nobody says anything */
#define RECOVER_EVERY USEC_SEC
#define RECOVER_MOST  (30 * USEC_SEC)
#define SOON          (10 * USEC_SEC) /* a shim that ends before was started in vain */
#define MAX_REPLICAS  1000u

static struct runtime_local *self(const struct runtime *r)
{
	return container_of((struct runtime *)(uintptr_t)r, struct runtime_local, runtime);
}

static void unlock(pthread_mutex_t **m)
{
	pthread_mutex_unlock(*m);
}
#define LOCKED(l)                                          \
	pthread_mutex_t *locked AUTO(unlock) = &(l)->lock; \
	pthread_mutex_lock(locked)

static enum rc deploy_ok(const char *environment, const char *unit, const char *image,
			 struct err *err)
{
	const char *hex = image ? strchr(image, ':') : NULL;

	if (!deploy_name_ok(environment))
		return err_set(err, RC_INVALID, "\"%.100s\" is no name of an environment",
			       environment ? environment : "");
	if (!deploy_name_ok(unit))
		return err_set(err, RC_INVALID, "\"%.100s\" is no name of a service",
			       unit ? unit : "");
	hex = hex ? hex + 1 : image;
	if (!hex || strlen(hex) < 12 || strspn(hex, "0123456789abcdef") != strlen(hex))
		return err_set(err, RC_INVALID, "\"%.100s\" is no image digest",
			       image ? image : "");
	return RC_OK;
}

/* ---- ports ---- */

static bool port_is_free(uint32_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd AUTO(fd_close) = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	/* Of every address: a service that binds to all of them must find it free too. */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return fd >= 0 && bind(fd, (const struct sockaddr *)(const void *)&a, sizeof(a)) == 0 &&
	       listen(fd, 1) == 0;
}

/* Going round, so that a port that was just left is not used again at once. */
static enum rc new_port(struct runtime_local *l, uint32_t *ret, struct err *err)
{
	for (uint32_t i = 0; i < l->port_count; i++) {
		uint32_t p = l->port_base + (l->next_port + i) % l->port_count;
		bool taken = false;

		vec_each(m, &l->members)
			taken = taken || (*m)->note.port == p;
		if (!taken && port_is_free(p)) {
			l->next_port = p - l->port_base + 1;
			*ret = p;
			return RC_OK;
		}
	}
	return err_set(err, RC_TOO_BIG, "no free port for a replica in %u-%u", l->port_base,
		       l->port_base + l->port_count - 1);
}

/* ---- start ---- */

static char *url_name(const char *unit)
{
	char *name = xasprintf("%s_URL", unit);

	for (char *p = name; *p; p++)
		*p = *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p == '-' || *p == '.' ? '_' : *p;
	return name;
}

static enum rc urls(const struct deploy *d, const struct runtime_inputs *in, shim_pairs *to,
		    struct err *err)
{
	vec_each(c, &d->consumers) {
		char *name AUTO(freep) = url_name(*c), *url AUTO(freep) = NULL;

		if (in->front_door(in->ctx, d->environment, *c, &url, err) != RC_OK)
			return err_wrap(err, "front door of %s", *c);
		pair_set(to, name, url);
	}
	return RC_OK;
}

static void note_done(struct replica_note *n)
{
	shape_done(&shape_replica_note, n);
}

/* Under the lock: the member that is to be started, busy from now on; NULL: it runs. */
static enum rc claim(struct runtime_local *l, const struct deploy *d, uint32_t index,
		     const shim_pairs *to, struct member **ret, struct err *err)
{
	LOCKED(l);
	struct replica_note n AUTO(note_done) = {.index = index};
	struct member *m = member_find(l, d->environment, d->unit, d->image, index);

	if (m && shim_lives(m->dir) && !m->stopping && m->last.state != SHIM_GONE)
		return RC_OK;
	shape_copy(&shape_deploy, &n.deploy, d);
	n.deploy.replicas = 0;
	vec_each(p, to)
		pair_set(&n.urls, p->key, p->value);
	n.port = m ? m->note.port : 0;
	if (!n.port && new_port(l, &n.port, err) != RC_OK)
		return err->rc;
	if (m) {
		shape_done(&shape_replica_note, &m->note);
		m->note = n;
		memset(&n, 0, sizeof(n));
	} else {
		m = member_new(l, &n);
	}
	m->busy = true;
	m->stopping = false;
	m->recovery = RECOVERY_NONE;
	*ret = m;
	return RC_OK;
}

static enum rc launch(struct runtime_local *l, struct member *m, const struct runtime_inputs *in,
		      struct err *err)
{
	char *left AUTO(freep) = xasprintf("%s/left", m->dir);

	if (dir_make(m->dir, 0755, err) != RC_OK)
		return err->rc;
	for (int i = 0; i < 1400 && shim_lives(m->dir); i++) /* one that is on its way out */
		clock_sleep(5 * USEC_MS);
	if (file_exists(left) && shim_clean(l, m->dir, err) != RC_OK)
		return err->rc;
	if (replica_note_write(m->dir, &m->note, err) != RC_OK)
		return err->rc;
	return shim_start(l, m, in, err);
}

static void release(struct runtime_local *l, struct member *m, bool started)
{
	LOCKED(l);
	m->busy = false;
	if (!started) {
		struct err ignored;

		(void)!tree_remove(m->dir, &ignored);
		member_drop(l, m);
		return;
	}
	m->offset = m->inode = 0;
	m->lives = 0;
	m->why[0] = '\0';
	shape_done(&shape_shim_event, &m->last);
	m->last.t = clock_wall();
	m->looked = m->begun_at = clock_mono();
	m->falls = 0;
	member_watch(l, m);
}

static enum rc stop_above(struct runtime_local *l, const char *environment, const char *unit,
			  const char *image, uint32_t count, struct err *err);

static enum rc start(struct runtime *r, const struct deploy *d, uint32_t count,
		     const struct runtime_inputs *in, struct err *err)
{
	struct runtime_local *l = self(r);
	shim_pairs to AUTO(pairs_done) = {0};

	if (deploy_ok(d->environment, d->unit, d->image, err) != RC_OK)
		return err->rc;
	if (count > MAX_REPLICAS)
		return err_set(err, RC_TOO_BIG, "%u replicas of %s: at most %u", count, d->unit,
			       MAX_REPLICAS);
	if (count &&
	    (rootfs_ready(l, d->image, in, err) != RC_OK || urls(d, in, &to, err) != RC_OK))
		return err->rc;
	pthread_mutex_lock(&l->lock);
	l->inputs = *in;
	l->have_inputs = true;
	pthread_mutex_unlock(&l->lock);
	for (uint32_t i = 0; i < count; i++) {
		struct member *m = NULL;

		if (claim(l, d, i, &to, &m, err) != RC_OK)
			return err->rc;
		if (!m)
			continue;
		enum rc rc = launch(l, m, in, err);
		release(l, m, rc == RC_OK);
		if (rc != RC_OK)
			return err_wrap(err, "start %s", d->unit);
	}
	return stop_above(l, d->environment, d->unit, d->image, count, err);
}

/* ---- stop ---- */

struct dirs {
	VEC(char *) list;
};

static void dirs_done(struct dirs *d)
{
	vec_each(x, &d->list)
		xfree(*x);
	vec_done(&d->list);
}

static bool of_set(const struct member *m, const char *environment, const char *unit,
		   const char *image, uint32_t from)
{
	const struct deploy *d = &m->note.deploy;

	return m->note.index >= from && streq(d->environment, environment) &&
	       streq(d->unit, unit) && streq(d->image, image);
}

static enum rc stop_above(struct runtime_local *l, const char *environment, const char *unit,
			  const char *image, uint32_t count, struct err *err)
{
	struct dirs dirs AUTO(dirs_done) = {0};
	enum rc rc;

	pthread_mutex_lock(&l->lock);
	vec_each(m, &l->members)
		if (of_set(*m, environment, unit, image, count)) {
			(*m)->stopping = (*m)->busy = true;
			(*m)->recovery = RECOVERY_NONE;
			vec_push(&dirs.list, xstrdup((*m)->dir));
		}
	pthread_mutex_unlock(&l->lock);
	rc = shims_stop(l, dirs.list.v, dirs.list.n, err);
	pthread_mutex_lock(&l->lock);
	for (size_t i = l->members.n; i-- > 0;) {
		struct member *m = l->members.v[i];

		if (!of_set(m, environment, unit, image, count))
			continue;
		m->busy = false;
		if (!file_exists(m->dir))
			member_drop(l, m);
	}
	pthread_mutex_unlock(&l->lock);
	return rc;
}

static enum rc stop(struct runtime *r, const char *environment, const char *unit, const char *image,
		    struct err *err)
{
	struct runtime_local *l = self(r);
	char d[13];

	if (deploy_ok(environment, unit, image, err) != RC_OK ||
	    stop_above(l, environment, unit, image, 0, err) != RC_OK)
		return err->rc;
	digest12(image, d);
	char *dir AUTO(freep) = xasprintf("%s/replicas/%s/%s/%s", l->data, environment, unit, d);
	(void)rmdir(dir);
	return RC_OK;
}

/* ---- poll ---- */

static bool drain(struct runtime_local *l)
{
	char buf[8192] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool any = false;
	ssize_t n;

	while ((n = read(l->inotify, buf, sizeof(buf))) > 0) {
		any = true;
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e = (const void *)(buf + at);

			vec_each(m, &l->members) {
				if (e->wd == (*m)->watch_lock)
					(*m)->asked = true;
				if (e->wd == (*m)->watch_events && (e->mask & IN_IGNORED))
					member_watch(l, *m); /* the shim replaced the file */
			}
			at += (ssize_t)(sizeof(*e) + e->len);
		}
	}
	return any;
}

/* One that ended by itself said why: the machine had no descriptor, no space, no control group for it. */
static void say_why(struct member *m)
{
	if (m->last.state == SHIM_GONE && m->last.why && *m->last.why)
		(void)snprintf(m->why, sizeof(m->why), "its shim ended: %.170s", m->last.why);
	else
		(void)snprintf(m->why, sizeof(m->why), "its shim was killed");
}

/* Nobody ordered the end of its shim. What that left is ended, then it is started again, later and later when that is in vain; never
 * waiting here. */
static void recover(struct runtime_local *l, struct member *m, usec_t now)
{
	char *left AUTO(freep) = xasprintf("%s/left", m->dir);
	struct err err = {0};

	if (m->recovery == RECOVERY_NONE) {
		m->lives += m->last.restarts + 1;
		m->last.restarts = 0;
		m->last.t = clock_wall();
		m->recovery = RECOVERY_CLEANING;
		m->recover_at = now + 10 * USEC_SEC;
		m->falls = m->begun_at && now - m->begun_at < SOON ? m->falls + 1 : 0;
		say_why(m);
		(void)!shim_clean_begin(l, m->dir, &err);
		return;
	}
	if (m->recovery == RECOVERY_CLEANING) {
		if (file_exists(left) && now < m->recover_at)
			return;
		m->recovery = RECOVERY_WAITING;
		m->recover_at = now + MIN_OF(m->falls * RECOVER_EVERY, RECOVER_MOST);
	}
	if (now < m->recover_at)
		return;
	m->recover_at = now + RECOVER_EVERY;
	if (shim_start(l, m, l->have_inputs ? &l->inputs : NULL, &err) != RC_OK) {
		(void)snprintf(m->why, sizeof(m->why),
			       "its shim was killed and does not start: %.120s", err.msg);
		return;
	}
	m->recovery = RECOVERY_NONE;
	m->offset = m->inode = 0;
	m->looked = m->begun_at = now;
	shape_done(&shape_shim_event, &m->last);
	m->last.t = clock_wall();
	member_watch(l, m);
}

static void look(struct runtime_local *l, struct member *m, usec_t now)
{
	member_read(m);
	if (m->busy || m->stopping)
		return;
	if (m->recovery != RECOVERY_NONE) {
		recover(l, m, now);
		return;
	}
	if (!m->asked && m->last.state != SHIM_GONE && now - m->looked < LOOK_EVERY)
		return;
	m->asked = false;
	m->looked = now;
	if (shim_lives(m->dir))
		return;
	member_read(m); /* its last word */
	recover(l, m, now);
}

static void tell(const struct member *m, void (*each)(void *ctx, const struct replica *), void *ctx)
{
	const struct deploy *d = &m->note.deploy;
	bool lost = m->why[0] != '\0' || m->recovery != RECOVERY_NONE;
	struct replica r = {
		.environment = d->environment,
		.unit = d->unit,
		.image = d->image,
		.index = m->note.index,
		.state = (enum replica_state)m->last.state,
		.restarts = m->last.restarts + m->lives,
		.probes = m->last.probes,
		.exit = lost ? -9 : m->last.exit,
		.why = lost          ? m->why
		       : m->last.why ? m->last.why
				     : "",
		.address = m->address,
		.port = m->note.port,
		.since = m->last.t,
	};

	if (m->stopping)
		r.state = REPLICA_STOPPING;
	else if (lost)
		r.state = REPLICA_BACKOFF;
	each(ctx, &r);
}

static enum rc poll_all(struct runtime *r, void (*each)(void *ctx, const struct replica *),
			void *ctx, struct err *err)
{
	struct runtime_local *l = self(r);
	LOCKED(l);
	usec_t now = clock_mono();

	(void)err;
	(void)drain(l);
	vec_each(m, &l->members)
		look(l, *m, now);
	vec_each(m, &l->members)
		tell(*m, each, ctx);
	return RC_OK;
}

static int fd(struct runtime *r)
{
	return self(r)->inotify;
}

/* ---- begin and end ---- */

static void adopt(struct runtime_local *l, char *take_dir)
{
	char *dir AUTO(freep) = take_dir, *stop_file AUTO(freep) = xasprintf("%s/stop", dir);
	struct replica_note n AUTO(note_done) = {0};
	struct member *m;
	struct err ignored;

	if (replica_note_read(dir, &n, &ignored) != RC_OK)
		return;
	m = member_new(l, &n);
	if (!streq(m->dir, dir)) { /* somebody moved the folder: not ours to judge */
		member_drop(l, m);
		return;
	}
	m->stopping = file_exists(stop_file);
	m->asked = true;
	member_watch(l, m);
	member_read(m);
}

static void local_free(struct runtime *r)
{
	struct runtime_local *l = self(r);

	vec_each(m, &l->members)
		member_free(*m);
	vec_done(&l->members);
	fd_close(&l->inotify);
	xfree(l->data);
	xfree(l->shim);
	pthread_mutex_destroy(&l->lock);
	xfree(l);
}

static const struct runtime_ops ops = {"local", start, stop, fd, poll_all, local_free};

static enum rc choose(struct runtime_local *l, const struct runtime_local_options *o,
		      struct err *err)
{
	struct err reason = {0};

	l->mode = o->mode;
	if (o->mode == RUNTIME_PROCESS)
		return RC_OK;
	if (runtime_probe(&l->oci, &reason) != RC_OK && !(o->oci && o->mode == RUNTIME_CONTAINER)) {
		if (o->mode == RUNTIME_CONTAINER) {
			*err = reason;
			return reason.rc;
		}
		l->mode = RUNTIME_PROCESS;
		return RC_OK;
	}
	if (o->oci)
		(void)snprintf(l->oci.path, sizeof(l->oci.path), "%s", o->oci);
	l->mode = RUNTIME_CONTAINER;
	return RC_OK;
}

enum runtime_mode runtime_local_mode(const struct runtime *r)
{
	return self(r)->mode;
}

enum rc runtime_local_new(const struct runtime_local_options *o, struct runtime **ret,
			  struct err *err)
{
	struct runtime_local *l = xcalloc(1, sizeof(*l));
	char *data AUTO(freep) = realpath(o->data, NULL); /* runc refuses a root below a link */
	char *oci AUTO(freep) = NULL;

	pthread_mutex_init(&l->lock, NULL);
	l->runtime.ops = &ops;
	l->shim = xstrdup(o->shim);
	l->port_base = o->port_base ? o->port_base : 20000;
	l->port_count = o->port_count ? o->port_count : 10000;
	l->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (deploy_ports_fit("replicas", l->port_base, l->port_count, err) != RC_OK)
		goto out;
	if (!data || l->inotify < 0) {
		err_errno(err, errno, "%s", data ? "inotify" : o->data);
		goto out;
	}
	l->data = data;
	data = NULL;
	oci = xasprintf("%s/oci", l->data);
	for (const char *p = l->data; *p; p++) /* two installations begin at different places */
		l->next_port = (l->next_port * 31 + (unsigned char)*p) % l->port_count;
	if (access(l->shim, X_OK) != 0)
		err_errno(err, errno, "%s", l->shim);
	else if (choose(l, o, err) == RC_OK && dir_make(oci, 0700, err) == RC_OK &&
		 replica_scan(l, adopt, err) == RC_OK) {
		*ret = &l->runtime;
		return RC_OK;
	}
out:
	local_free(&l->runtime);
	return err->rc;
}
