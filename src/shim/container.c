/* A container runtime in bubblewrap: its config.json is made here and given through memory, so that secrets never stand on a disk. */
#include "shim/docker.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define TMP_DEFAULT  ((uint64_t)1 << 30)
#define FILE_DEFAULT ((uint64_t)4 << 30)

static void mount_open(struct json_out *o, const char *to, const char *type, const char *from)
{
	json_open(o, NULL);
	json_cstr(o, "destination", to);
	json_cstr(o, "type", type);
	json_cstr(o, "source", from);
	json_list(o, "options");
}

static void mount_close(struct json_out *o)
{
	json_unlist(o);
	json_close(o);
}

static void mount(struct json_out *o, const char *to, const char *type, const char *from,
		  const char *options)
{
	struct str rest = str_of(options);

	mount_open(o, to, type, from);
	while (rest.p)
		json_str(o, NULL, str_cut(&rest, ','));
	mount_close(o);
}

static void mounts(struct json_out *o, const struct sandbox *b, const struct shim_spec *spec)
{
	AUTO(freep)
	char *tmp = xasprintf("nosuid,nodev,mode=1777,size=%llu",
			      (unsigned long long)(spec->tmp_max ? spec->tmp_max : TMP_DEFAULT));

	json_list(o, "mounts");
	mount(o, "/proc", "proc", "proc", "nosuid,noexec,nodev");
	mount(o, "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k");
	mount(o, "/dev/pts", "devpts", "devpts",
	      "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620");
	mount(o, "/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=65536k");
	if (b->tmp)
		mount(o, "/tmp", "bind", b->tmp, "rbind,rw,nosuid,nodev");
	else if (!spec->box.own_tmp)
		mount(o, "/tmp", "tmpfs", "tmpfs", tmp);
	for (size_t i = 0; i < spec->binds.n; i++)
		if (access(spec->binds.v[i].from, F_OK) == 0)
			mount(o, spec->binds.v[i].to, "bind", spec->binds.v[i].from,
			      spec->binds.v[i].writable ? "rbind,rw,nosuid,nodev"
							: "rbind,ro,nosuid,nodev");
	json_unlist(o);
}

static void capabilities(struct json_out *o, const struct shim_spec *spec)
{
	static const char *const sets[] = {"bounding", "effective", "permitted", "inheritable",
					   "ambient"};

	json_open(o, "capabilities");
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		json_list(o, sets[i]);
		for (size_t k = 0; k < ARRAY_LEN(box_caps) && i < (spec->box.uid ? 1 : 3); k++)
			json_cstr(o, NULL, box_caps[k]);
		json_unlist(o);
	}
	json_close(o);
}

static void process(struct json_out *o, const struct shim_spec *spec, const char *command)
{
	shim_texts env = {0};

	env_of(spec, &env);
	json_open(o, "process");
	json_bool(o, "terminal", false);
	json_open(o, "user");
	json_u64(o, "uid", spec->box.uid);
	json_u64(o, "gid", spec->box.gid);
	json_close(o);
	json_list(o, "args");
	if (command) {
		json_cstr(o, NULL, "/bin/sh");
		json_cstr(o, NULL, "-e");
		json_cstr(o, NULL, "-c");
		json_cstr(o, NULL, command);
	}
	for (size_t i = 0; !command && i < spec->argv.n; i++)
		json_cstr(o, NULL, spec->argv.v[i]);
	json_unlist(o);
	json_list(o, "env");
	for (size_t i = 0; i < env.n; i++)
		json_cstr(o, NULL, env.v[i]);
	json_unlist(o);
	json_cstr(o, "cwd", spec->cwd && *spec->cwd ? spec->cwd : "/");
	capabilities(o, spec);
	json_bool(o, "noNewPrivileges", true);
	json_close(o);
	texts_free(&env);
}

static void word_list(struct json_out *o, const char *key, const char *list)
{
	struct str rest = str_of(list);

	json_list(o, key);
	while (rest.p)
		json_str(o, NULL, str_cut(&rest, ' '));
	json_unlist(o);
}

static void config(struct json_out *o, const struct sandbox *b, const struct shim_spec *spec,
		   const char *command)
{
	static const char *const own[] = {"pid", "mount", "ipc", "uts"};
	AUTO(freep) char *root = path_in(spec->box.dir, "root");

	json_open(o, NULL);
	json_cstr(o, "ociVersion", "1.0.2");
	process(o, spec, command);
	json_open(o, "root");
	json_cstr(o, "path", root);
	json_bool(o, "readonly", false);
	json_close(o);
	json_cstr(o, "hostname",
		  spec->name && *spec->name && !strchr(spec->name, '/') ? spec->name : "job");
	mounts(o, b, spec);
	json_open(o, "linux");
	json_list(o, "namespaces");
	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		json_open(o, NULL);
		json_cstr(o, "type", own[i]);
		json_close(o);
	}
	json_unlist(o);
	word_list(o, "maskedPaths",
		  "/proc/acpi /proc/asound /proc/kcore /proc/keys /proc/latency_stats "
		  "/proc/timer_list /proc/sched_debug /proc/scsi /sys/firmware");
	word_list(o, "readonlyPaths", "/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger");
	json_close(o);
	json_close(o);
}

static enum rc config_file(const struct sandbox *b, const struct shim_spec *spec,
			   const char *command, int *ret, struct err *err)
{
	AUTO(fd_drop) int fd = memfd_create("config.json", MFD_CLOEXEC);
	AUTO(strbuf_done) struct strbuf text = STRBUF(SHIM_SPEC_MAX);
	struct json_out o = JSON_OUT(&text);

	if (fd < 0)
		return err_errno(err, errno, "memfd_create");
	config(&o, b, spec, command);
	if (strbuf_failed(&text))
		return err_set(err, RC_TOO_BIG, "the environment is too big");
	enum rc rc = write_all(fd, text.p, text.n, err);
	mem_wipe(text.p, text.n);
	if (rc != RC_OK)
		return rc;
	lseek(fd, 0, SEEK_SET);
	*ret = fd;
	fd = -1;
	return RC_OK;
}

/* The runtime finds its config where its own descriptor is; a folder a turn. */
static enum rc bundle(const char *path, int config_fd, struct err *err)
{
	AUTO(freep) char *link = path_in(path, "config.json");
	AUTO(freep) char *to = xasprintf("/proc/self/fd/%d", config_fd);

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_errno(err, errno, "make %s", path);
	if (unlink(link) < 0 &&
	    errno != ENOENT) /* of the job, when this is a shell in what it left */
		return err_errno(err, errno, "remove %s", link);
	if (symlink(to, link) < 0)
		return err_errno(err, errno, "make %s", link);
	return RC_OK;
}

static bool is_crun(const char *runtime)
{
	const char *base = strrchr(runtime, '/');

	return streq(base ? base + 1 : runtime, "crun");
}

enum rc box_start(const struct sandbox *b, const struct shim_spec *spec, const char *command,
		  const struct group *g, int out, int status, pid_t *ret, struct err *err)
{
	const struct shim_box *box = &spec->box;
	const unsigned turn = b->turn;
	AUTO(fd_drop) int fd = -1;
	AUTO(freep) char *state = path_in(box->dir, "state");
	AUTO(freep) char *dir = xasprintf("%s/bundle.%u", box->dir, turn);
	AUTO(freep) char *pid = box_pid_file(box, turn);
	AUTO(freep) char *id = xasprintf("penstock-%ld-%u", (long)getpid(), turn);
	AUTO(freep) char *to = xasprintf("%d", status);
	bool crun = is_crun(box->runtime);

	if (is_podman(box->runtime))
		return podman_start(b, spec, command, g, out, status, ret, err);
	if (is_docker(box->runtime))
		return docker_start(b, spec, command, g, out, status, ret, err);
	enum rc rc = config_file(b, spec, command, &fd, err);
	if (rc == RC_OK)
		rc = bundle(dir, fd, err);
	if (rc != RC_OK)
		return rc;
	unlink(pid);
	const char *argv[] = {spec->sandbox, "--unshare-pid", "--die-with-parent", "--new-session",
			      "--bind", "/", "/", "--dev-bind", "/dev", "/dev", "--proc", "/proc",
			      "--ro-bind", "/sys", "/sys",
			      /* crun 1.8 refuses version 1 and 2 side by side */
			      crun ? "--tmpfs" : "--chdir", crun ? "/sys/fs/cgroup" : "/",
			      "--json-status-fd", to, "--", box->runtime, "--root", state,
			      crun ? "--cgroup-manager=disabled" : "--rootless=true", "run",
			      "--bundle", dir, "--pid-file", pid, id, NULL};
	static const char *const env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	const int keep[] = {fd, status};
	struct spawn s = {
		.argv = argv,
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
	return spawn(&s, ret, err);
}

void box_turn_done(const struct shim_box *box, unsigned turn)
{
	AUTO(freep) char *dir = xasprintf("%s/bundle.%u", box->dir, turn);
	AUTO(freep) char *link = path_in(dir, "config.json");
	AUTO(freep) char *pid = box_pid_file(box, turn);
	AUTO(freep) char *ask = docker_ask(box, turn), *door = path_in(ask, "s");

	if (!box->runtime)
		return;
	unlink(link);
	rmdir(dir);
	unlink(pid);
	unlink(door);
	rmdir(ask);
}
