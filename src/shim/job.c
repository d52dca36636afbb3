/*
 * A job: its command, or its steps up to the first that fails, each in a sandbox; then the `finally` commands in sandboxes of their own, always;
 * then the exit file. A sandbox has its own process namespace, so that its end is the end of all
 * that was started in it; we are their subreaper and wait until the last is gone.
 */
#include "shim/box.h"
#include "shim/zygote.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG_DEFAULT     ((uint64_t)1 << 30)
#define PIDS_DEFAULT    512
#define FINALLY_DEFAULT (30 * USEC_SEC)
#define GRACE_DEFAULT   (2 * USEC_SEC)
#define RETRY           (100 * USEC_MS) /* for a kill that came before the sandbox was up */

struct job {
	struct host *host;
	const char *dir;
	const struct shim_spec *spec;
	struct out out;
	struct watch watch;
	struct group group;
	struct sandbox box;
	struct sides sides;
	struct shim_exit end;
	usec_t began;
	uint32_t step; /* the one that runs, from 1; 0: the job has no steps */
};
/* One command in its sandbox. */
struct turn {
	bool docker; /* what we started ends when its first process does */
	bool cloned; /* from a zygote, which stays: all of a command are gone when the first of its namespace is */
	int status;
	pid_t pid;             /* bubblewrap outside */
	bool may_cancel, gone; /* gone: no process of it is left */
	usec_t until, kill_at; /* USEC_NEVER: none */
	usec_t term_at;
	enum shim_class stopped;
	int wait; /* bubblewrap's own wait status */
};

static void turn_signal(const struct job *j, struct turn *t, int sig)
{
	pid_t init = sandbox_init_pid(t->status);

	/* The whole session of the sandbox; its init ignores all but SIGKILL, which ends everybody. */
	if (init > 0 && (sig == SIGKILL || !is_docker(j->spec->box.runtime)))
		kill(sig == SIGKILL ? init : -init, sig);
	if (sig == SIGKILL && t->pid > 0)
		kill(t->pid, sig);
	if (sig != SIGKILL && j->spec->box.runtime) /* its programs have sessions of their own */
		box_signal(&j->spec->box, &j->group, t->pid, init, sig);
}

static void turn_stop(struct job *j, struct turn *t, enum shim_class why, usec_t now)
{
	t->stopped = why;
	t->until = USEC_NEVER;
	t->kill_at = now + (j->spec->grace ? j->spec->grace : GRACE_DEFAULT);
	turn_signal(j, t, SIGTERM);
}

/* With services there is always a child more: the sandbox is gone when its init is. */
static bool turn_is_gone(const struct turn *t)
{
	pid_t init = t->docker ? 0 : sandbox_init_pid(t->status); /* reaped by its daemon */

	return !t->pid && (!init || (kill(init, 0) < 0 && errno == ESRCH));
}

static void turn_reap(const struct job *j, struct turn *t)
{
	int status;
	pid_t pid;

	if (t->cloned && waitpid(t->pid, &t->wait, WNOHANG) == t->pid) {
		t->pid = 0;
		t->gone = true;
	}
	if (t->cloned)
		return;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == t->pid) {
			t->wait = status;
			t->pid = 0;
		}
	t->gone = pid < 0 ? errno == ECHILD : j->sides.pid && turn_is_gone(t);
}

static void turn_check(struct job *j, struct turn *t)
{
	usec_t now = now_mono();

	if (j->watch.end && t->may_cancel && !t->stopped)
		turn_stop(j, t, SHIM_CANCELLED, now);
	else if (now >= t->until)
		turn_stop(j, t, SHIM_TIMEOUT, now);
	if (now >= t->kill_at) {
		turn_signal(j, t, SIGKILL);
		t->kill_at = now + RETRY;
	}
}

static void turn_loop(struct job *j, struct turn *t)
{
	struct pollfd p[3] = {{j->out.pipe[0], POLLIN, 0},
			      {j->watch.signals, POLLIN, 0},
			      {j->watch.folder, POLLIN, 0}};

	while (!t->gone) {
		turn_check(j, t);
		usec_t now = now_mono(), next = MIN_OF(t->until, t->kill_at);
		int wait = next == USEC_NEVER ? -1
			   : next <= now      ? 0
					      : (int)MIN_OF((next - now) / 1000 + 1, 60000);
		if (poll(p, ARRAY_LEN(p), wait) < 0 && errno != EINTR)
			break;
		if (p[1].revents | p[2].revents)
			watch_read(&j->watch);
		if (p[0].revents)
			out_read(&j->out);
		if (j->watch.child) {
			j->watch.child = false;
			turn_reap(j, t);
		}
	}
	while (out_read(&j->out))
		;
	out_flush(&j->out);
}

/* Run a command to its end. Returns its exit code; *ret says what else ended it. */
static int64_t turn_run(struct job *j, const char *command, uint64_t limit, bool may_cancel,
			enum shim_class *ret, struct err *err)
{
	AUTO(fd_drop) int status = memfd_create("status", MFD_CLOEXEC);
	struct turn t = {.cloned = j->box.zygote != NULL,
			 .docker = is_docker(j->spec->box.runtime),
			 .status = status,
			 .may_cancel = may_cancel,
			 .kill_at = USEC_NEVER};
	int64_t code = -1;

	if (sandbox_start(&j->box, j->spec, command, &j->group, j->out.pipe[1], status, &t.pid,
			  err) != RC_OK) {
		*ret = SHIM_INFRA;
		return -1;
	}
	t.until = limit ? now_mono() + limit : USEC_NEVER;
	turn_loop(j, &t);
	if ((!sandbox_exit(status, &code) || !box_started(j->spec, j->box.turn)) && !t.stopped) {
		bool killed = WIFSIGNALED(t.wait);
		*ret = SHIM_INFRA;
		err_set(err, RC_UNAVAILABLE,
			"the sandbox did not start the command (%s %d): see the end of the log",
			killed ? "signal" : "exit",
			killed ? WTERMSIG(t.wait) : WEXITSTATUS(t.wait));
		return -1;
	}
	*ret = t.stopped                                            ? t.stopped
	       : code && j->spec->memory && sandbox_saw_oom(status) ? SHIM_OOM
	       : code                                               ? SHIM_EXIT
								    : SHIM_PASSED;
	return code;
}

/* What ended a command, for people. step NULL: the job's only one. */
static char *end_text(const struct job *j, const struct shim_step *step, uint64_t limit,
		      const struct err *err)
{
	const struct shim_exit *e = &j->end;
	AUTO(strbuf_done) struct strbuf text = STRBUF(4096), took = STRBUF(64);

	if (step && e->failure != SHIM_CANCELLED)
		strbuf_addf(&text, "step \"%.*s\": ", LOG_STEP_NAME, step->name ? step->name : "");
	switch (e->failure) {
	case SHIM_PASSED:
		return NULL;
	case SHIM_EXIT:
		strbuf_addf(&text, "exit %lld", (long long)e->code);
		if (e->signal)
			strbuf_addf(&text, " (signal %u)", e->signal);
		break;
	case SHIM_TIMEOUT:
		strbuf_add_duration(&took, limit);
		strbuf_addf(&text, "%s did not end within %s",
			    step && limit == j->spec->timeout ? "the job" : "it",
			    strbuf_cstr(&took));
		break;
	case SHIM_OOM:
		strbuf_addf(&text, "out of memory: it needed more than %llu MiB",
			    (unsigned long long)(j->spec->memory >> 20));
		break;
	case SHIM_INFRA:
		strbuf_adds(&text, err->msg);
		break;
	case SHIM_CANCELLED:
		strbuf_adds(&text, "cancelled");
		break;
	}
	return strbuf_take(&text);
}

/* Run one command of the job; false: it is the last one. */
static bool job_command(struct job *j, const char *command, uint64_t limit)
{
	const struct shim_spec *spec = j->spec;
	struct shim_exit *e = &j->end;
	const struct shim_step *step = j->step ? &spec->steps.v[j->step - 1] : NULL;
	struct err err = {0};
	uint64_t most = spec->timeout;

	if (spec->timeout) { /* what the steps before left of it */
		usec_t gone = now_mono() - j->began;
		uint64_t left = gone < spec->timeout ? spec->timeout - gone : 1;
		most = limit && limit < left ? limit : spec->timeout;
		limit = limit ? MIN_OF(limit, left) : left;
	} else {
		most = limit;
	}
	e->code = turn_run(j, command, limit, true, &e->failure, &err);
	e->signal = e->code > 128 && e->code < 128 + 65 ? (uint32_t)(e->code - 128) : 0;
	if (e->failure != SHIM_PASSED && e->failure != SHIM_CANCELLED && group_saw_oom(&j->group))
		e->failure = SHIM_OOM;
	e->error = end_text(j, step, most, &err);
	if (e->error && e->failure != SHIM_EXIT)
		out_note(&j->out, "%s", e->error);
	return e->failure == SHIM_PASSED;
}

static void job_steps(struct job *j)
{
	const struct shim_spec *spec = j->spec;
	uint32_t first = spec->resume_from < spec->steps.n ? spec->resume_from : 0;
	bool go = true;

	if (first)
		out_note(&j->out,
			 "%u of %zu steps passed in the attempt before: going on with \"%s\"",
			 first, spec->steps.n, spec->steps.v[first].name);
	for (uint32_t i = first; i < spec->steps.n && go; i++) {
		const struct shim_step *step = &spec->steps.v[i];
		j->step = i + 1;
		out_step(&j->out, j->step, step->name ? step->name : "");
		go = job_command(j, step->run ? step->run : "", step->timeout);
		out_step_end(&j->out, j->step, j->end.code);
		if (!go)
			j->end.step = j->step;
	}
}

/* The first surprise of who comes from elsewhere: a tool of this machine that a job does not see. */
static void note_not_found(struct job *j)
{
	const char *path = DEFAULT_PATH;

	for (size_t i = 0; i < j->spec->env.n; i++)
		if (streq(j->spec->env.v[i].key, "PATH"))
			path = j->spec->env.v[i].value;
	out_note(
		&j->out,
		"exit 127: a command was not found; %s, with PATH=%.300s: say env: {PATH: ...}, or container: IMAGE",
		j->spec->box.dir ? "a job sees the files of its image"
				 : "of this machine a job sees /usr alone",
		path);
}

static void job_main(struct job *j)
{
	j->began = now_mono();
	j->end.started = now_wall();
	if (j->spec->steps.n)
		job_steps(j);
	else
		(void)!job_command(j, j->spec->run ? j->spec->run : "", 0);
	j->end.ended = now_wall();
	if (j->end.failure == SHIM_EXIT && j->end.code == 127)
		note_not_found(j);
	if (j->end.failure == SHIM_EXIT && j->spec->hint)
		out_note(&j->out, "%s", j->spec->hint);
}

static void job_finally(struct job *j)
{
	uint64_t limit = j->spec->finally_timeout ? j->spec->finally_timeout : FINALLY_DEFAULT;

	for (size_t i = 0; i < j->spec->finally.n; i++) {
		enum shim_class how = SHIM_PASSED;
		struct err err = {0};
		uint32_t step = (uint32_t)(j->spec->steps.n + i + 1);
		out_step(&j->out, step, "finally");
		int64_t code = turn_run(j, j->spec->finally.v[i], limit, false, &how, &err);
		out_step_end(&j->out, step, code);
		if (how == SHIM_TIMEOUT)
			out_note(&j->out, "finally: stopped after %llu s: %s",
				 (unsigned long long)(limit / USEC_SEC), j->spec->finally.v[i]);
		else if (how == SHIM_INFRA)
			out_note(&j->out, "finally: %s", err.msg);
		else if (code)
			out_note(&j->out, "finally: exit %lld: %s", (long long)code,
				 j->spec->finally.v[i]);
	}
}

static void job_report(struct job *j)
{
	AUTO(freep) char *path = path_in(j->dir, "exit");
	AUTO(strbuf_done) struct strbuf text = STRBUF(65536);
	struct json_out o = JSON_OUT(&text);
	struct err err = {0};

	out_finish(&j->out);
	if (j->end.error && j->out.mask) {
		struct strbuf line = STRBUF(4096);
		strbuf_adds(&line, j->end.error);
		mask_text(j->out.mask, &line);
		xfree(j->end.error);
		j->end.error = strbuf_take(&line);
	}
	j->end.log = j->out.bytes;
	j->end.left_out = j->out.left_out;
	j->end.truncated = j->out.left_out != 0;
	shape_write(&o, NULL, &shape_shim_exit, &j->end);
	/* No fsync: a job's end becomes durable when it is collected. After a loss of power a file
	 * that is missing or cut counts as a lost shim, and the job runs again. */
	host_is_free(j->host, &j->watch);
	if (write_file(path, strbuf_str(&text), &err) != RC_OK)
		_exit(3); /* without it the job counts as lost with us, which is the truth */
}

static void job_body(struct job *j)
{
	AUTO(freep) char *name = xasprintf("penstock-job-%ld", (long)getpid());
	uint64_t pids = j->spec->pids ? j->spec->pids : PIDS_DEFAULT;
	struct zygote *zygote = j->host->zygote;
	struct shim_left left = {0};

	if (zygote->pid) { /* it dies with us, and leaves no more than an empty group */
		group_limit(&zygote->group, j->spec->memory, pids);
		j->group = zygote->group;
		sandbox_init(&j->box, j->spec, j->dir, zygote);
		job_main(j);
		job_finally(j);
		return;
	}
	group_make(&j->group, name, j->spec->memory, pids);
	for (size_t i = 0; i < j->group.n; i++)
		vec_push(&left.groups, j->group.paths[i]);
	left_write(j->dir, &left);
	vec_done(&left.groups);
	sandbox_init(&j->box, j->spec, j->dir, NULL);
	job_main(j);
	job_finally(j);
}

/* The file system, the network and the services that the job stands in. */
static enum rc job_surroundings(struct job *j, struct shim_spec *own, struct err *err)
{
	enum rc rc = own->box.dir ? box_mount(&own->box, err) : RC_OK;

	if (rc == RC_OK && !own->network && (own->sides.n || (own->box.dir && geteuid() == 0))) {
		rc = box_network(err);
		own->network = true; /* it is ours: whatever is started shares it */
	}
	return rc == RC_OK ? sides_up(&j->sides, j->dir, own, &j->watch, &j->out, err) : rc;
}

int job_run(const char *dir, const struct shim_spec *spec, struct host *host)
{
	struct shim_spec own = *spec; /* its members stay spec's */
	struct job j = {.host = host,
			.dir = dir,
			.spec = &own,
			.sides = {.told = -1},
			.watch = host->watch};
	struct err err = {0};
	enum rc rc = out_open(&j.out, dir, false, spec->log_max ? spec->log_max : LOG_DEFAULT, spec,
			      &err);

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (rc == RC_OK)
		rc = watch_folder(&j.watch, dir, "cancel", &err);
	if (rc == RC_OK)
		rc = job_surroundings(&j, &own, &err);
	if (rc == RC_OK) {
		job_body(&j);
	} else {
		j.end = (struct shim_exit){
			.failure = rc == RC_CONFLICT && j.watch.end ? SHIM_CANCELLED : SHIM_INFRA,
			.code = -1,
			.started = now_wall(),
			.ended = now_wall()};
		j.end.error = xstrdup(err.msg);
		out_note(&j.out, "%s", err.msg);
	}
	sides_down(&j.sides, &j.out);
	reports_mask(&j.out, dir, spec);
	job_report(&j);
	if (!j.box.zygote) {
		group_done(&j.group);
		left_write(dir, NULL);
	}
	sandbox_done(&j.box);
	watch_rest(&j.watch);
	host->watch = j.watch;
	out_done(&j.out);
	shape_done(&shape_shim_exit, &j.end);
	return 0;
}
