/*
 * A replica: keep one service running, say how it is, end it in good order. Each change is one
 * line in <DIR>/events.
 */
#include "shim/replica.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG_DEFAULT   ((uint64_t)16 << 20)
#define STOP_DEFAULT  (5 * USEC_SEC)
#define EVENTS_MAX    (256 << 10)
#define PROBE_EVERY   (200 * USEC_MS)
#define QUICK_PROBES  4 /* at 10, 20, 40, 80 ms after the start; their failures do not count */
#define UNREADY_AFTER 3 /* failed probes in a row of one that was ready */
#define SAY_EVERY     5
#define BACKOFF_MIN   (200 * USEC_MS)
#define BACKOFF_MAX   (10 * USEC_SEC)
#define HEALTHY       (30 * USEC_SEC) /* ready for so long: the back-off begins anew */
#define LAUNCH_MAX    (30 * USEC_SEC)

struct replica {
	const char *dir;
	const struct shim_spec *spec;
	struct out out;
	struct watch watch;
	struct service service;
	struct probe probe;
	struct shim_event now; /* the last line; why is owned */
	int events;
	size_t events_bytes;
	unsigned quick; /* early probes made in this life */
	usec_t probe_at, restart_at, kill_at, ready_at, launch_until; /* USEC_NEVER: not */
	usec_t backoff;
	bool running, done;
};

static void open_events(struct replica *r, bool fresh)
{
	AUTO(freep) char *path = path_in(r->dir, "events");
	struct stat st;

	fd_drop(&r->events);
	r->events =
		open(path,
		     O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | (fresh ? O_TRUNC : 0),
		     0600);
	r->events_bytes = r->events >= 0 && fstat(r->events, &st) == 0 ? (size_t)st.st_size : 0;
}

static void say(struct replica *r, enum shim_state state, const char *why)
{
	AUTO(strbuf_done) struct strbuf line = STRBUF(65536);
	struct json_out o = JSON_OUT(&line);
	struct err err = {0};

	xfree(r->now.why);
	r->now.why = why && *why ? xstrdup(why) : NULL;
	r->now.t = now_wall();
	r->now.state = state;
	r->now.pid = (uint32_t)(r->service.pid > 0 ? r->service.pid : 0);
	shape_write(&o, NULL, &shape_shim_event, &r->now);
	strbuf_addc(&line, '\n');
	if (r->events_bytes > EVENTS_MAX) {
		AUTO(freep) char *path = path_in(r->dir, "events");
		if (write_file(path, strbuf_str(&line), &err) == RC_OK) {
			open_events(r, false);
			return;
		}
	}
	if (r->events >= 0 && write_all(r->events, line.p, line.n, &err) == RC_OK)
		r->events_bytes += line.n;
}

static void begin_life(struct replica *r, usec_t now)
{
	struct err err = {0};

	r->restart_at = USEC_NEVER;
	r->now.probes = 0;
	r->quick = 0;
	r->ready_at = USEC_NEVER;
	r->running = true;
	r->launch_until = r->spec->runtime ? now + LAUNCH_MAX : USEC_NEVER;
	r->probe_at = now + 10 * USEC_MS;
	if (service_start(&r->service, &err) != RC_OK) {
		out_note(&r->out, "%s", err.msg);
		r->service.ended = r->service.launch_failed = true;
		r->service.status = 127 << 8;
	}
	if (!r->service.ended)
		say(r, SHIM_STARTING, "");
}

static void why_ended(const struct replica *r, struct strbuf *why)
{
	int status = r->service.status;

	if (r->service.launch_failed)
		strbuf_addf(why, "it could not be started (exit %d): see the end of its log",
			    WEXITSTATUS(status));
	else if (WIFSIGNALED(status) && group_saw_oom(&r->service.group))
		strbuf_addf(why, "out of memory: it needed more than %llu MiB",
			    (unsigned long long)(r->spec->memory >> 20));
	else if (WIFSIGNALED(status))
		strbuf_addf(why, "signal %d", WTERMSIG(status));
	else
		strbuf_addf(why, "exit %d", WEXITSTATUS(status));
	if (r->now.restarts > 1)
		strbuf_addf(why, ", %u times", r->now.restarts);
}

/* It exited by itself: say so, sweep, plan the next life. */
static void end_life(struct replica *r, usec_t now)
{
	AUTO(strbuf_done) struct strbuf why = STRBUF(256);
	int status = r->service.status;

	r->running = r->service.ended = false;
	probe_done(&r->probe);
	r->probe_at = r->launch_until = USEC_NEVER;
	while (out_read(&r->out))
		;
	service_sweep(&r->service);
	r->now.exit = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
	if (r->now.state == SHIM_STOPPING)
		return;
	r->now.restarts++;
	if (r->ready_at != USEC_NEVER && now - r->ready_at >= HEALTHY)
		r->backoff = BACKOFF_MIN;
	r->restart_at = now + r->backoff;
	r->backoff = MIN_OF(r->backoff * 2, BACKOFF_MAX);
	why_ended(r, &why);
	say(r, SHIM_BACKOFF, strbuf_cstr(&why));
}

static void probe_failed(struct replica *r)
{
	AUTO(strbuf_done) struct strbuf why = STRBUF(512);

	if (r->now.state == SHIM_STARTING && r->quick < QUICK_PROBES) {
		r->quick++;
		return;
	}
	uint32_t n = ++r->now.probes;
	bool first = r->now.state == SHIM_READY && n == UNREADY_AFTER;
	if (!first && n % SAY_EVERY)
		return;
	strbuf_addf(&why, "%s, %u probes in a row", r->probe.why, n);
	say(r, SHIM_UNREADY, strbuf_cstr(&why));
}

static void probed(struct replica *r, enum probe_result how, usec_t now)
{
	if (how == PROBE_OPEN)
		return;
	bool early = r->now.state == SHIM_STARTING && r->quick < QUICK_PROBES && how == PROBE_BAD;
	usec_t begun = r->probe.until - USEC_SEC,
	       every = early ? (10 * USEC_MS) << r->quick : PROBE_EVERY;
	r->probe_at = MAX_OF(begun + every, now + USEC_MS);
	if (how == PROBE_BAD) {
		probe_failed(r);
		return;
	}
	r->now.probes = 0;
	if (r->now.state != SHIM_READY) {
		r->ready_at = now;
		say(r, SHIM_READY, "");
	}
}

static void probe_turn(struct replica *r, usec_t now)
{
	const char *path = r->spec->health && *r->spec->health ? r->spec->health : NULL;

	if (!r->running || !r->service.pid || r->now.state == SHIM_STOPPING)
		return;
	if (!r->spec->port) {
		if (r->now.state != SHIM_READY) {
			r->ready_at = now;
			r->probe_at = USEC_NEVER;
			say(r, SHIM_READY, "");
		}
	} else if (r->probe.fd >= 0) {
		probed(r, probe_go_on(&r->probe, r->spec->port, path, now), now);
	} else if (now >= r->probe_at) {
		probed(r, probe_begin(&r->probe, r->spec->port, path, now), now);
	}
}

static void begin_stop(struct replica *r, usec_t now)
{
	probe_done(&r->probe);
	r->restart_at = r->probe_at = USEC_NEVER;
	r->kill_at = now + (r->spec->stop ? r->spec->stop : STOP_DEFAULT);
	say(r, SHIM_STOPPING, "");
	service_signal(&r->service, SIGTERM);
}

static void turn(struct replica *r)
{
	usec_t now = now_mono();
	bool stopping = r->now.state == SHIM_STOPPING;
	bool launching = r->service.launcher != 0;

	if (r->watch.child) {
		r->watch.child = false;
		service_reap(&r->service);
		if (stopping && launching && r->service.pid)
			service_signal(&r->service,
				       SIGTERM); /* it came up after the order to stop */
	}
	if (r->service.ended)
		end_life(r, now);
	if (r->watch.end && !stopping)
		begin_stop(r, now);
	if (now >= r->kill_at || now >= r->launch_until) {
		service_signal(&r->service, SIGKILL);
		r->launch_until = USEC_NEVER;
		r->kill_at = r->now.state == SHIM_STOPPING ? now + 100 * USEC_MS : USEC_NEVER;
	}
	if (r->launch_until != USEC_NEVER && r->service.pid) {
		r->launch_until = USEC_NEVER;
		say(r, r->now.state, ""); /* now the container's pid is known */
	}
	if (now >= r->restart_at && service_idle(&r->service))
		begin_life(r, now);
	probe_turn(r, now);
	r->done = r->now.state == SHIM_STOPPING && !r->running && service_idle(&r->service);
}

static int next_wait(const struct replica *r)
{
	usec_t now = now_mono(), next = MIN_OF(r->restart_at, r->kill_at);

	if (r->restart_at <= now && !service_idle(&r->service))
		next = r->kill_at; /* the cleaner's end wakes us */
	next = MIN_OF(next, r->launch_until);
	if (r->running && r->service.pid)
		next = MIN_OF(next, r->probe.fd >= 0 ? r->probe.until : r->probe_at);
	return next == USEC_NEVER ? -1
	       : next <= now      ? 0
				  : (int)MIN_OF((next - now + 999) / 1000, 60000);
}

static void loop(struct replica *r)
{
	while (!r->done) {
		struct pollfd p[4] = {
			{r->out.pipe[0], POLLIN, 0},
			{r->watch.signals, POLLIN, 0},
			{r->watch.folder, POLLIN, 0},
			{r->probe.fd, r->probe.events, 0},
		};
		if (poll(p, ARRAY_LEN(p), next_wait(r)) < 0 && errno != EINTR)
			break;
		if (p[0].revents)
			out_read(&r->out);
		if (p[1].revents | p[2].revents)
			watch_read(&r->watch);
		turn(r);
	}
	service_sweep(&r->service);
	while (out_read(&r->out))
		;
	out_flush(&r->out);
}

int replica_run(const char *dir, const struct shim_spec *spec)
{
	struct replica r = {.dir = dir, .spec = spec, .events = -1, .backoff = BACKOFF_MIN};
	struct err err = {0};

	r.probe.fd = r.probe.last = -1;
	r.service.config = -1;
	r.probe_at = r.restart_at = r.kill_at = r.ready_at = r.launch_until = USEC_NEVER;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	open_events(&r, true);
	enum rc rc = out_open(&r.out, dir, true, spec->log_max ? spec->log_max : LOG_DEFAULT, spec,
			      &err);
	if (rc == RC_OK)
		rc = watch_open(&r.watch, dir, "stop", &err);
	if (rc == RC_OK)
		rc = service_init(&r.service, dir, spec, &r.out, &err);
	if (rc == RC_OK) {
		begin_life(&r, now_mono());
		loop(&r);
		service_done(&r.service);
	} else {
		out_note(&r.out, "%s", err.msg);
	}
	say(&r, SHIM_GONE, rc == RC_OK ? "" : err.msg);
	xfree(r.now.why);
	fd_drop(&r.events);
	watch_done(&r.watch);
	out_done(&r.out);
	return rc == RC_OK ? 0 : 3;
}
