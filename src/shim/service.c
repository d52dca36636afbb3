/*
 * The program of a replica. A plain process is our child. A container's first process becomes our
 * child when `runc run -d` has ended, as we are the subreaper: so its exit code reaches us without
 * another program in between.
 */
#include "shim/replica.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const runtime_env[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};

static void write_left(const struct service *s)
{
	struct shim_left left = {.pid = (uint32_t)s->pid, .pid_start = pid_start(s->pid)};

	left.runtime = s->spec->runtime;
	left.root = s->spec->root;
	left.container = s->spec->container;
	for (size_t i = 0; i < s->group.n; i++)
		vec_push(&left.groups, s->group.paths[i]);
	left_write(s->dir, &left);
	vec_done(&left.groups);
}

static void hide_unified(void)
{
	if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0)
		(void)!umount2("/sys/fs/cgroup/unified", MNT_DETACH);
}

static enum rc init_container(struct service *s, struct err *err)
{
	const struct shim_spec *spec = s->spec;

	if (!spec->root || !spec->bundle || !spec->container || !spec->config)
		return err_set(err, RC_INVALID,
			       "a container needs root, bundle, container and config");
	enum rc rc = oci_config(spec->config, &s->env, &s->config, err);
	if (rc != RC_OK)
		return rc;
	AUTO(freep) char *link = path_in(spec->bundle, "config.json");
	AUTO(freep) char *to = xasprintf("/proc/self/fd/%d", s->config);
	if ((unlink(link) < 0 && errno != ENOENT) || symlink(to, link) < 0)
		return err_errno(err, errno, "link %s", link);
	if (spec->hide_unified)
		hide_unified();
	s->must_clean = true; /* of an earlier shim's container with this id */
	return RC_OK;
}

enum rc service_init(struct service *s, const char *dir, const struct shim_spec *spec,
		     struct out *out, struct err *err)
{
	AUTO(freep) char *name = xasprintf("penstock-%ld", (long)getpid());

	*s = (struct service){.dir = dir, .spec = spec, .out = out, .config = -1};
	env_of(spec, &s->env);
	if (spec->port) {
		char *port = xasprintf("PORT=%u", spec->port);
		vec_push(&s->env, port);
	}
	if (spec->runtime)
		return init_container(s, err);
	if (!spec->argv.n)
		return err_set(err, RC_INVALID, "nothing to start");
	group_make(&s->group, name, spec->memory, spec->pids ? spec->pids : 512);
	return RC_OK;
}

static enum rc runtime(struct service *s, const char *const *argv, pid_t *ret, struct err *err)
{
	struct spawn sp = {
		.argv = argv,
		.env = runtime_env,
		.out = s->out->pipe[1],
		.keep = &s->config,
		.nkeep = 1,
		.group = &s->group,
		.session = true,
	};
	return spawn(&sp, ret, err);
}

static void clean_container(struct service *s)
{
	const struct shim_spec *spec = s->spec;
	const char *argv[] = {spec->runtime, "--root",        spec->root, "delete",
			      "--force",     spec->container, NULL};
	struct err err = {0};

	s->must_clean = false;
	if (runtime(s, argv, &s->cleaner, &err) != RC_OK)
		out_note(s->out, "%s", err.msg);
}

static enum rc start_container(struct service *s, struct err *err)
{
	const struct shim_spec *spec = s->spec;
	AUTO(freep) char *pid_file = path_in(s->dir, "pid");
	AUTO(freep) char *state = path_in(spec->root, spec->container);
	const char *argv[] = {spec->runtime, "--root",        spec->root, "run",
			      "--detach",    "--pid-file",    pid_file,   "--bundle",
			      spec->bundle,  spec->container, NULL};

	if (s->must_clean && access(state, F_OK) == 0) {
		clean_container(s);
		while (s->cleaner && waitpid(s->cleaner, NULL, 0) < 0 && errno == EINTR)
			;
		s->cleaner = 0;
	}
	lseek(s->config, 0, SEEK_SET);
	s->must_clean = true;
	return runtime(s, argv, &s->launcher, err);
}

enum rc service_start(struct service *s, struct err *err)
{
	const struct shim_spec *spec = s->spec;
	words argv = {0}, env = {0};

	s->ended = s->launch_failed = false;
	if (spec->runtime) {
		enum rc rc = start_container(s, err);
		write_left(s);
		return rc;
	}
	for (size_t i = 0; i < spec->argv.n; i++)
		vec_push(&argv, spec->argv.v[i]);
	for (size_t i = 0; i < s->env.n; i++)
		vec_push(&env, s->env.v[i]);
	vec_push(&argv, NULL);
	vec_push(&env, NULL);
	struct spawn sp = {
		.argv = argv.v,
		.env = env.v,
		.dir = spec->cwd,
		.out = s->out->pipe[1],
		.group = &s->group,
		.session = true,
	};
	enum rc rc = spawn(&sp, &s->pid, err);
	vec_done(&argv);
	vec_done(&env);
	write_left(s);
	return rc;
}

static void launched(struct service *s, int status)
{
	AUTO(freep) char *path = path_in(s->dir, "pid");
	AUTO(strbuf_done) struct strbuf text = STRBUF(64);
	struct err err = {0};
	uint32_t pid = 0;

	s->launcher = 0;
	if (status == 0 && read_file(path, 60, &text, &err) == RC_OK &&
	    parse_u32(str_trim(strbuf_str(&text)), &pid)) {
		s->pid = (pid_t)pid;
		write_left(s);
		return;
	}
	s->launch_failed = s->ended = true;
	s->status = status ? status : 0x100;
}

void service_reap(struct service *s)
{
	siginfo_t info;
	int status;

	/* The launcher first: what it started may have ended before it, and is known only by its
	 * pid file. */
	if (s->launcher && waitpid(s->launcher, &status, WNOHANG) == s->launcher)
		launched(s, status);
	if (s->launcher)
		return;
	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || !info.si_pid)
			return;
		if (waitpid(info.si_pid, &status, 0) < 0)
			return;
		if (info.si_pid == s->pid) {
			s->pid = 0;
			s->ended = true;
			s->status = status;
		} else if (info.si_pid == s->cleaner) {
			s->cleaner = 0;
		}
	}
}

void service_signal(struct service *s, int sig)
{
	if (s->pid > 0) {
		kill(s->pid, sig);
		if (!s->spec->runtime)
			kill(-s->pid, sig);
	}
	if (sig == SIGKILL) {
		if (s->launcher > 0)
			kill(s->launcher, sig);
		for (size_t i = 0; i < s->group.n; i++)
			group_signal(s->group.paths[i], sig);
	}
}

bool service_idle(const struct service *s)
{
	return !s->pid && !s->launcher && !s->cleaner;
}

/* Orphans of a plain process are our children: without control groups they are found that way. */
static void kill_children(void)
{
	AUTO(freep) char *path = xasprintf("/proc/self/task/%ld/children", (long)getpid());
	AUTO(strbuf_done) struct strbuf text = STRBUF(65536);
	struct err err = {0};

	if (read_file(path, 65000, &text, &err) != RC_OK)
		return;
	struct str rest = strbuf_str(&text);
	while (rest.p) {
		uint32_t pid = 0;
		if (parse_u32(str_cut(&rest, ' '), &pid) && pid > 1)
			kill((pid_t)pid, SIGKILL);
	}
}

void service_sweep(struct service *s)
{
	if (s->spec->runtime) {
		if (s->must_clean && !s->cleaner)
			clean_container(s);
		return;
	}
	for (size_t i = 0; i < s->group.n; i++)
		group_signal(s->group.paths[i], SIGKILL);
	kill_children();
}

void service_done(struct service *s)
{
	for (int i = 0; i < 100 && !s->spec->runtime; i++) {
		kill_children();
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
			break;
		usleep(1000);
	}
	group_done(&s->group);
	texts_free(&s->env);
	fd_drop(&s->config);
	left_write(s->dir, NULL);
}
