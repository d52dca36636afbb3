/*
 * A box's programs run by podman, inside the same bubblewrap as a runtime of its own: all of podman (its store, its monitor, the container) dies with
 * the shim and stays in the shim's control groups. Its store is a file system in memory that goes with the turn; the environment comes through a
 * containers.conf there, so that secrets stand neither on a disk nor in a command line. The image's file system is ours: podman pulls nothing.
 */
#include "shim/box.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define TMP_DEFAULT  ((uint64_t)1 << 30)
#define FILE_DEFAULT ((uint64_t)4 << 30)
#define STATE \
	"/run/penstock-podman" /* podman takes no long paths; each turn has a file system of its own there */
#define CONF       STATE "/containers.conf"
#define TASKS_MOST 32768 /* what podman lowers its own limit to */

bool is_podman(const char *runtime)
{
	const char *base = runtime ? strrchr(runtime, '/') : NULL;

	return base && streq(base + 1, "podman");
}

static void toml_text(struct strbuf *to, const char *text)
{
	strbuf_addc(to, '"');
	for (const char *p = text; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			strbuf_addf(to, "\\u%04x", (unsigned)*p);
		else if (*p == '"' || *p == '\\')
			strbuf_addf(to, "\\%c", *p);
		else
			strbuf_addc(to, *p);
	}
	strbuf_addc(to, '"');
}

static uint64_t hard_limit(__rlimit_resource_t which, uint64_t most)
{
	struct rlimit r;

	return getrlimit(which, &r) == 0 ? MIN_OF((uint64_t)r.rlim_max, most) : most;
}

/* Podman asks for limits that a superuser without CAP_SYS_RESOURCE may not have: ours are named. Its locks are in its own store, or those of containers
 * that were killed would fill the machine's shared memory. */
static void write_conf(struct strbuf *to, const struct shim_spec *spec)
{
	shim_texts env = {0};

	strbuf_addf(
		to,
		"[engine]\nlock_type = \"file\"\n[containers]\ndefault_ulimits = [\"nofile=%llu:%llu\", \"nproc=%llu:%llu\"]\n"
		"env = [\n",
		(unsigned long long)hard_limit(RLIMIT_NOFILE, 1 << 20),
		(unsigned long long)hard_limit(RLIMIT_NOFILE, 1 << 20),
		(unsigned long long)hard_limit(RLIMIT_NPROC, TASKS_MOST),
		(unsigned long long)hard_limit(RLIMIT_NPROC, TASKS_MOST));
	env_of(spec, &env);
	for (size_t i = 0; i < env.n; i++) {
		toml_text(to, env.v[i]);
		strbuf_adds(to, ",\n");
	}
	texts_free(&env);
	strbuf_adds(to, "]\n");
}

static enum rc conf_file(const struct shim_spec *spec, int *ret, struct err *err)
{
	AUTO(fd_drop) int fd = memfd_create("containers.conf", MFD_CLOEXEC);
	AUTO(strbuf_done) struct strbuf text = STRBUF(SHIM_SPEC_MAX);

	if (fd < 0)
		return err_errno(err, errno, "memfd_create");
	write_conf(&text, spec);
	enum rc rc = strbuf_failed(&text) ? err_set(err, RC_TOO_BIG, "the environment is too big")
					  : write_all(fd, text.p, text.n, err);
	if (text.p)
		mem_wipe(text.p, text.n);
	if (rc != RC_OK)
		return rc;
	lseek(fd, 0, SEEK_SET);
	*ret = fd;
	fd = -1;
	return RC_OK;
}

/* ---- the command line ---- */

static void word(shim_texts *to, const char *text)
{
	vec_push(to, xstrdup(text));
}

static void words_of(shim_texts *to, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		word(to, list[i]);
}

static void option(shim_texts *to, const char *name, char *value)
{
	word(to, name);
	vec_push(to, value);
}

static enum rc bind(shim_texts *to, const char *from, const char *there, bool writable,
		    struct err *err)
{
	if (strchr(from, ':') || strchr(there, ':'))
		return err_set(err, RC_UNSUPPORTED, "podman mounts no path with a ':' in it: %s",
			       strchr(from, ':') ? from : there);
	if (access(from, F_OK) == 0)
		option(to, "--volume",
		       xasprintf("%s:%s:%s,nosuid,nodev,rbind", from, there,
				 writable ? "rw" : "ro"));
	return RC_OK;
}

static enum rc mounts(shim_texts *to, const struct sandbox *b, const struct shim_spec *spec,
		      const char *root, struct err *err)
{
	uint64_t size = spec->tmp_max ? spec->tmp_max : TMP_DEFAULT;
	AUTO(freep) char *resolv = path_in(root, "etc/resolv.conf");
	enum rc rc = bind(to, resolv, "/etc/resolv.conf", true, err);

	if (rc == RC_OK && b->tmp)
		rc = bind(to, b->tmp, "/tmp", true, err);
	else if (!spec->box.own_tmp)
		option(to, "--tmpfs",
		       xasprintf("/tmp:rw,exec,nosuid,nodev,mode=1777,size=%llu",
				 (unsigned long long)size));
	for (size_t i = 0; i < spec->binds.n && rc == RC_OK; i++)
		rc = bind(to, spec->binds.v[i].from, spec->binds.v[i].to, spec->binds.v[i].writable,
			  err);
	return rc;
}

/* podman's own options, up to "run". */
static void front(shim_texts *to, const struct shim_spec *spec, int conf, int status)
{
	const char *const bubble[] = {spec->sandbox,
				      "--unshare-pid",
				      "--die-with-parent",
				      "--bind",
				      "/",
				      "/",
				      "--dev-bind",
				      "/dev",
				      "/dev",
				      "--proc",
				      "/proc",
				      "--ro-bind",
				      "/sys",
				      "/sys",
				      "--tmpfs",
				      "/sys/fs/cgroup",
				      "--tmpfs",
				      STATE,
				      "--chdir",
				      "/",
				      "--file"};
	const char *const podman[] = {
		spec->box.runtime,        "--log-level=error",         "--storage-driver=vfs",
		"--runtime=crun",         "--cgroup-manager=cgroupfs", "--events-backend=none",
		"--root=" STATE "/store", "--runroot=" STATE "/run",   "--tmpdir=" STATE "/tmp"};

	words_of(to, bubble, ARRAY_LEN(bubble));
	vec_push(to, xasprintf("%d", conf));
	word(to, CONF);
	option(to, "--json-status-fd", xasprintf("%d", status));
	word(to, "--");
	words_of(to, podman, ARRAY_LEN(podman));
}

static void rights(shim_texts *to, const struct shim_spec *spec)
{
	option(to, "--user", xasprintf("%u:%u", spec->box.uid, spec->box.gid));
	word(to, "--cap-drop=all");
	for (size_t i = 0; i < ARRAY_LEN(box_caps) && !spec->box.uid; i++)
		option(to, "--cap-add", xstrdup(box_caps[i]));
}

/* The container: in the network that is ours already, in no control groups but ours. */
static enum rc command_line(shim_texts *to, const struct sandbox *b, const struct shim_spec *spec,
			    const char *command, const char *pid, struct err *err)
{
	static const char *const fixed[] = {"run",
					    "--rm",
					    "--cgroups=disabled",
					    "--network=host",
					    "--ipc=private",
					    "--no-hosts",
					    "--systemd=false",
					    "--log-driver=passthrough",
					    "--security-opt=no-new-privileges"};
	const char *const shell[] = {"/bin/sh", "-e", "-c", command};
	bool named = spec->name && *spec->name && !strchr(spec->name, '/');
	AUTO(freep) char *root = path_in(spec->box.dir, "root");

	words_of(to, fixed, ARRAY_LEN(fixed));
	option(to, "--pidfile", xstrdup(pid));
	option(to, "--hostname", xstrdup(named ? spec->name : "job"));
	option(to, "--workdir", xstrdup(spec->cwd && *spec->cwd ? spec->cwd : "/"));
	rights(to, spec);
	enum rc rc = mounts(to, b, spec, root, err);
	option(to, "--rootfs", xstrdup(root));
	if (command)
		words_of(to, shell, ARRAY_LEN(shell));
	for (size_t i = 0; !command && i < spec->argv.n; i++)
		word(to, spec->argv.v[i]);
	return rc;
}

enum rc podman_start(const struct sandbox *b, const struct shim_spec *spec, const char *command,
		     const struct group *g, int out, int status, pid_t *ret, struct err *err)
{
	AUTO(freep) char *pid = box_pid_file(&spec->box, b->turn);
	AUTO(fd_drop) int conf = -1;
	shim_texts line = {0};
	words argv = {0};

	enum rc rc = mkdir(STATE, 0700) == 0 || errno == EEXIST
			     ? conf_file(spec, &conf, err)
			     : err_errno(err, errno, "make " STATE);
	if (rc != RC_OK)
		return rc;
	unlink(pid);
	front(&line, spec, conf, status);
	rc = command_line(&line, b, spec, command, pid, err);
	for (size_t i = 0; i < line.n; i++)
		vec_push(&argv, line.v[i]);
	vec_push(&argv, NULL);
	static const char *const env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
					  "CONTAINERS_CONF=" CONF, NULL};
	const int keep[] = {conf, status};
	struct spawn s = {
		.argv = argv.v,
		.env = env,
		.dir = "/",
		.out = out,
		.keep = keep,
		.nkeep = ARRAY_LEN(keep),
		.group = g,
		.file_max = spec->file_max ? spec->file_max : FILE_DEFAULT,
		.pids = spec->pids,
		.session = true,
	};
	if (rc == RC_OK)
		rc = spawn(&s, ret, err);
	vec_done(&argv);
	texts_free(&line);
	return rc;
}
