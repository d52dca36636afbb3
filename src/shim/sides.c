/*
 * Services beside a job: a process of its own, so that the job's loop knows only one more child. It starts all of them in the network that it was
 * born in, waits until they are ready, keeps their logs, and dies with the job's shim; what it started dies with it.
 *
 * It tells by a pipe: "ready\n", or "failed <name> <reason>\n"; later "ended <name> <reason>\n" of one that went away by itself.
 */
#include "shim/box.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG_MAX       ((uint64_t)16 << 20)
#define START_DEFAULT (60 * USEC_SEC)
#define PROBE_FIRST   (10 * USEC_MS)
#define PROBE_EVERY   (200 * USEC_MS)
#define PROBE_LIMIT   (10 * USEC_SEC)
#define GRACE         (500 * USEC_MS)
#define SIDES_MAX     32

struct side {
	const struct shim_side *def;
	struct shim_spec spec; /* its members are the def's */
	struct sandbox box;
	struct group group;
	struct out out;
	char *dir;
	int status, probe_status;
	int said, saying; /* memory files: what the latest probe printed, what this one prints */
	pid_t pid, probe; /* 0: none */
	usec_t probe_at, probe_end, wait;
	bool ready, told;
};
struct work {
	const char *dir;
	struct shim_spec spec;
	struct side sides[SIDES_MAX];
	size_t n;
	struct watch watch;
	usec_t began;
	bool up; /* all were ready */
};

static int told = -1; /* where we answer */

static void tell(const char *fmt, ...) PRINTF(1, 2);
static void tell(const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf line = STRBUF(1024);
	struct err err = {0};
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&line, fmt, ap);
	va_end(ap);
	strbuf_addc(&line, '\n');
	(void)!write_all(told, strbuf_cstr(&line), line.n, &err);
}

static enum rc side_open(struct work *w, struct side *s, const struct shim_side *def, size_t i,
			 struct err *err)
{
	AUTO(freep) char *group = xasprintf("penstock-%ld-%zu", (long)getpid(), i);

	s->def = def;
	s->said = s->saying = s->status = s->probe_status = s->out.fd = s->out.pipe[0] =
		s->out.pipe[1] = -1;
	s->dir = xasprintf("%s/services/%s", w->dir, def->name);
	s->spec = (struct shim_spec){.name = def->name,
				     .env = def->env,
				     .argv = def->argv,
				     .cwd = def->cwd,
				     .memory = def->memory,
				     .sandbox = w->spec.sandbox,
				     .network = true,
				     .box = def->box};
	enum rc rc = mkdir(s->dir, 0700) == 0 || errno == EEXIST
			     ? RC_OK
			     : err_errno(err, errno, "make %s", s->dir);
	if (rc == RC_OK)
		rc = out_open(&s->out, s->dir, true, LOG_MAX, &w->spec, err);
	if (rc == RC_OK)
		rc = box_mount(&def->box, err);
	if (rc != RC_OK)
		return rc;
	group_make(&s->group, group, def->memory, 4096);
	sandbox_init(&s->box, &s->spec, s->dir, NULL);
	return RC_OK;
}

static enum rc side_start(struct side *s, usec_t now, struct err *err)
{
	s->status = memfd_create("status", MFD_CLOEXEC);
	s->probe_at = now + PROBE_FIRST;
	s->wait = PROBE_FIRST;
	return sandbox_start(&s->box, &s->spec, NULL, &s->group, s->out.pipe[1], s->status, &s->pid,
			     err);
}

static bool port_takes(uint32_t port)
{
	AUTO(fd_drop) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	/* The loopback answers or refuses at once. */
	return fd >= 0 && connect(fd, (const struct sockaddr *)&at, sizeof(at)) == 0;
}

static void probe_begin(struct side *s, usec_t now)
{
	struct err err = {0};

	s->probe_status = memfd_create("probe", MFD_CLOEXEC);
	s->probe_end = now + PROBE_LIMIT;
	fd_drop(&s->saying);
	s->saying = memfd_create("said", MFD_CLOEXEC);
	if (sandbox_start(&s->box, &s->spec, s->def->ready, &s->group, s->saying, s->probe_status,
			  &s->probe, &err) == RC_OK)
		return;
	fd_drop(&s->probe_status);
	out_note(&s->out, "%s", err.msg);
}

static void probe_close(struct side *s, usec_t now)
{
	int64_t code = -1;

	s->ready = sandbox_exit(s->probe_status, &code) && code == 0;
	s->probe = 0;
	fd_drop(&s->said);
	s->said = s->saying;
	s->saying = -1;
	fd_drop(&s->probe_status);
	box_turn_done(&s->spec.box, s->box.turn);
	s->wait = MIN_OF(s->wait * 2, (usec_t)PROBE_EVERY);
	s->probe_at = now + s->wait;
}

static void side_probe(struct side *s, usec_t now)
{
	if (s->ready || !s->pid || now < s->probe_at)
		return;
	if (s->probe) {
		if (now >= s->probe_end)
			kill(s->probe, SIGKILL);
		return;
	}
	if (s->def->ready && *s->def->ready) {
		probe_begin(s, now);
	} else {
		s->ready = !s->def->port || port_takes(s->def->port);
		s->wait = MIN_OF(s->wait * 2, (usec_t)PROBE_EVERY);
		s->probe_at = now + s->wait;
	}
}

/* Why its `ready` says no, into its log. */
static void show_probe(struct side *s)
{
	char text[512];
	int from = s->said >= 0 ? s->said : s->saying; /* the first one still runs */
	ssize_t n = pread(from, text, sizeof(text), 0);
	struct str rest = str_trim((struct str){text, n > 0 ? (size_t)n : 0});

	while (rest.p && rest.n) {
		struct str line = str_cut(&rest, '\n');
		out_note(&s->out, "ready: %.*s", (int)line.n, line.p);
	}
}

static void side_ended(const struct work *w, struct side *s, int status)
{
	AUTO(strbuf_done) struct strbuf why = STRBUF(256);
	int64_t code = -1;

	s->pid = 0;
	while (out_read(&s->out))
		;
	out_flush(&s->out);
	if (group_saw_oom(&s->group) || (s->def->memory && sandbox_saw_oom(s->status)))
		strbuf_addf(&why, "out of memory: it needed more than %llu MiB",
			    (unsigned long long)(s->def->memory >> 20));
	else if (sandbox_exit(s->status, &code))
		strbuf_addf(&why, "it ended with exit %lld", (long long)code);
	else
		strbuf_addf(&why, "its sandbox did not start it (%s %d)",
			    WIFSIGNALED(status) ? "signal" : "exit",
			    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	if (!s->told)
		tell("%s %s %s", w->up ? "ended" : "failed", s->def->name, strbuf_cstr(&why));
	s->told = true;
}

static void reap(struct work *w, usec_t now)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < w->n; i++) {
			if (w->sides[i].probe == pid)
				probe_close(&w->sides[i], now);
			else if (w->sides[i].pid == pid)
				side_ended(w, &w->sides[i], status);
		}
}

/* False: one of them failed. */
static bool look(struct work *w, usec_t now)
{
	size_t ready = 0;

	for (size_t i = 0; i < w->n; i++) {
		struct side *s = &w->sides[i];
		uint64_t limit = s->def->start ? s->def->start : START_DEFAULT;
		side_probe(s, now);
		ready += s->ready;
		if (!w->up && !s->ready && !s->told && now - w->began > limit) {
			AUTO(strbuf_done) struct strbuf took = STRBUF(64);
			show_probe(s);
			strbuf_add_duration(&took, limit);
			tell("failed %s it was not ready within %s", s->def->name,
			     strbuf_cstr(&took));
			s->told = true;
		}
		if (!w->up && s->told)
			return false;
	}
	if (!w->up && ready == w->n) {
		w->up = true;
		tell("ready");
	}
	return true;
}

static void turn(struct work *w, int wait)
{
	struct pollfd p[SIDES_MAX + 2] = {{w->watch.signals, POLLIN, 0},
					  {w->watch.folder, POLLIN, 0}};

	for (size_t i = 0; i < w->n; i++)
		p[i + 2] = (struct pollfd){w->sides[i].out.pipe[0], POLLIN, 0};
	if (poll(p, w->n + 2, wait) < 0)
		return;
	if (p[0].revents | p[1].revents)
		watch_read(&w->watch);
	for (size_t i = 0; i < w->n; i++)
		if (p[i + 2].revents)
			out_read(&w->sides[i].out);
}

static bool any_lives(const struct work *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->sides[i].pid || w->sides[i].probe)
			return true;
	return false;
}

static void end_all(struct work *w)
{
	usec_t kill_at = now_mono() + GRACE, give_up = kill_at + 10 * USEC_SEC;

	for (size_t i = 0; i < w->n; i++) {
		struct side *s = &w->sides[i];
		s->told = true;
		box_signal(&s->spec.box, &s->group, s->pid, sandbox_init_pid(s->status), SIGTERM);
	}
	while (any_lives(w) && now_mono() < give_up) {
		bool hard = now_mono() >= kill_at;
		for (size_t i = 0; i < w->n && hard; i++) {
			if (w->sides[i].pid)
				kill(w->sides[i].pid, SIGKILL);
			if (w->sides[i].probe)
				kill(w->sides[i].probe, SIGKILL);
		}
		turn(w, 10);
		reap(w, now_mono());
	}
	for (size_t i = 0; i < w->n; i++) {
		struct side *s = &w->sides[i];
		while (out_read(&s->out))
			;
		out_flush(&s->out);
		group_done(&s->group);
	}
}

/* What --clean must end when this process is killed. */
static void note_groups(const struct work *w)
{
	AUTO(freep) char *dir = path_in(w->dir, "services");
	struct shim_left left = {0};

	for (size_t i = 0; i < w->n; i++)
		for (size_t k = 0; k < w->sides[i].group.n; k++)
			vec_push(&left.groups, w->sides[i].group.paths[k]);
	left_write(dir, &left);
	vec_done(&left.groups);
}

static bool start_all(struct work *w)
{
	struct err err = {0};

	for (size_t i = 0; i < w->n; i++)
		if (side_open(w, &w->sides[i], &w->spec.sides.v[i], i, &err) != RC_OK) {
			tell("failed %s %s", w->spec.sides.v[i].name, err.msg);
			w->n = i;
			return false;
		}
	note_groups(w);
	w->began = now_mono();
	for (size_t i = 0; i < w->n; i++)
		if (side_start(&w->sides[i], w->began, &err) != RC_OK) {
			tell("failed %s %s", w->sides[i].def->name, err.msg);
			return false;
		}
	return true;
}

int sides_run(const char *dir, int in, int answers)
{
	static struct work w; /* big; zeroed */
	AUTO(freep) char *folder = path_in(dir, "services");
	AUTO(strbuf_done) struct strbuf text = STRBUF(SHIM_SPEC_MAX);
	struct err err = {0};

	w.dir = dir;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	told = answers;
	own_stdio(); /* a shell's terminal is nothing for services */
	fcntl(in, F_SETFD, FD_CLOEXEC);
	fcntl(answers, F_SETFD, FD_CLOEXEC);
	enum rc rc = read_fd(in, SHIM_SPEC_MAX, &text, &err);
	if (rc == RC_OK)
		rc = shape_parse(strbuf_str(&text), SHIM_SPEC_MAX, &shape_shim_spec, &w.spec, &err);
	if (text.p)
		mem_wipe(text.p, text.n);
	w.n = MIN_OF(w.spec.sides.n, (size_t)SIDES_MAX);
	if (rc == RC_OK && mkdir(folder, 0700) < 0 && errno != EEXIST)
		rc = err_errno(&err, errno, "make %s", folder);
	if (rc == RC_OK)
		rc = watch_open(&w.watch, folder, "stop", &err);
	if (rc != RC_OK) {
		tell("failed - %s", err.msg);
		return 1;
	}
	bool go = start_all(&w);
	while (go && !w.watch.end) {
		go = look(&w, now_mono());
		turn(&w, w.up ? 1000 : 10);
		reap(&w, now_mono());
	}
	end_all(&w);
	left_write(folder, NULL);
	return 0;
}
