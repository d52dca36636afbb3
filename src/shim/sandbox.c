/*
 * How bubblewrap is told. Its options go through a memory file (--args), so that the environment
 * stands in no command line and touches only the command: bubblewrap itself runs with an empty
 * one.
 */
#include "shim/box.h"
#include "shim/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define TMP_DEFAULT  ((uint64_t)1 << 30)
#define FILE_DEFAULT ((uint64_t)4 << 30)
#define STATUS_MAX   4096

static void arg(struct sandbox *b, const char *text)
{
	vec_push(&b->args, xstrdup(text));
}

static void args3(struct sandbox *b, const char *option, const char *one, const char *two)
{
	arg(b, option);
	arg(b, one);
	if (two)
		arg(b, two);
}

/* /bin, /lib ... are links into /usr on today's systems, folders on older ones. */
static void system_folders(struct sandbox *b)
{
	static const char *const names[] = {"/bin", "/sbin", "/lib", "/lib32", "/lib64"};

	args3(b, "--ro-bind", "/usr", "/usr");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char to[64];
		ssize_t n = readlink(names[i], to, sizeof(to) - 1);
		if (n > 0) {
			to[n] = '\0';
			args3(b, "--symlink", to, names[i]);
		} else if (access(names[i], F_OK) == 0) {
			args3(b, "--ro-bind", names[i], names[i]);
		}
	}
}

/* Runs after the first (steps, finally) see its /tmp: a folder, with a disk of its own where we may
 * mount. */
static void shared_tmp(struct sandbox *b, const char *dir, uint64_t max)
{
	AUTO(freep) char *size = xasprintf("size=%llu,mode=1777", (unsigned long long)max);

	b->tmp = path_in(dir, "tmp");
	mkdir(b->tmp, 01777);
	bool ours = b->zygote || (geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
				  mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0);
	b->mounted = ours && mount("tmpfs", b->tmp, "tmpfs", MS_NOSUID | MS_NODEV, size) == 0;
}

static void tmp_folder(struct sandbox *b, const struct shim_spec *spec, const char *dir)
{
	uint64_t max = spec->tmp_max ? spec->tmp_max : TMP_DEFAULT;

	if (spec->finally.n || spec->steps.n > 1) {
		shared_tmp(b, dir, max);
		args3(b, "--bind", b->tmp, "/tmp");
	} else {
		AUTO(freep) char *size = xasprintf("%llu", (unsigned long long)max);
		args3(b, "--size", size, NULL);
		args3(b, "--tmpfs", "/tmp", NULL);
	}
}

/* An image's file system instead of the machine's folders; its superuser may do what a package manager needs. */
static void image_root(struct sandbox *b, const struct shim_box *box)
{
	AUTO(freep) char *root = path_in(box->dir, "root");

	for (size_t i = 0; i < ARRAY_LEN(box_caps) && geteuid() == 0; i++)
		args3(b, "--cap-add", box_caps[i], NULL);
	args3(b, "--bind", root, "/");
}

static void environment(struct sandbox *b, const struct shim_spec *spec)
{
	shim_texts env = {0};

	env_of(spec, &env);
	for (size_t i = 0; i < env.n; i++) {
		char *value = strchr(env.v[i], '=');
		*value = '\0';
		args3(b, "--setenv", env.v[i], value + 1);
		*value = '=';
	}
	texts_free(&env);
}

void sandbox_init(struct sandbox *b, const struct shim_spec *spec, const char *dir,
		  struct zygote *zygote)
{
	static const char *const fixed[] = {"--unshare-pid",     "--unshare-ipc",
					    "--unshare-uts",     "--unshare-cgroup-try",
					    "--die-with-parent", "--new-session",
					    "--hostname",        "job",
					    "--cap-drop",        "ALL"};

	*b = (struct sandbox){.zygote = zygote};
	if (zygote) {
		if (spec->finally.n || spec->steps.n > 1)
			shared_tmp(b, dir, spec->tmp_max ? spec->tmp_max : TMP_DEFAULT);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		arg(b, fixed[i]);
	if (!spec->network)
		arg(b, "--unshare-net");
	if (spec->box.dir)
		image_root(b, &spec->box);
	else
		system_folders(b);
	/* A superuser without any capability may still write /proc/sys and /proc/sysrq-trigger. */
	args3(b, "--proc", "/proc", NULL);
	args3(b, "--remount-ro", "/proc", NULL);
	args3(b, "--dev", "/dev", NULL);
	if (!spec->box.own_tmp)
		tmp_folder(b, spec, dir);
	for (size_t i = 0; i < spec->binds.n; i++)
		args3(b, spec->binds.v[i].writable ? "--bind-try" : "--ro-bind-try",
		      spec->binds.v[i].from, spec->binds.v[i].to);
	if (!spec->box.dir)
		args3(b, "--remount-ro", "/", NULL);
	args3(b, "--chdir", spec->cwd ? spec->cwd : "/", NULL);
	environment(b, spec);
}

void sandbox_done(struct sandbox *b)
{
	if (b->mounted)
		umount2(b->tmp, MNT_DETACH);
	texts_free(&b->args);
	xfree(b->tmp);
}

static enum rc args_file(const struct sandbox *b, int *ret, struct err *err)
{
	AUTO(fd_drop) int fd = memfd_create("sandbox", MFD_CLOEXEC);
	AUTO(strbuf_done) struct strbuf text = STRBUF(SHIM_SPEC_MAX);

	if (fd < 0)
		return err_errno(err, errno, "memfd_create");
	for (size_t i = 0; i < b->args.n; i++)
		strbuf_add(&text, b->args.v[i], strlen(b->args.v[i]) + 1);
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

enum rc sandbox_start(struct sandbox *b, const struct shim_spec *spec, const char *command,
		      const struct group *g, int out, int status, pid_t *ret, struct err *err)
{
	AUTO(fd_drop) int args = -1;
	words argv = {0};

	if (b->zygote)
		return zygote_start(b->zygote, spec, b->tmp, command, out, status, ret, err);
	b->turn++;
	if (spec->box.dir && spec->box.runtime)
		return box_start(b, spec, command, g, out, status, ret, err);
	enum rc rc = args_file(b, &args, err);
	if (rc != RC_OK)
		return rc;
	AUTO(freep) char *args_text = xasprintf("%d", args);
	AUTO(freep) char *status_text = xasprintf("%d", status);
	const char *const front[] = {spec->sandbox,      "--args",    args_text,
				     "--json-status-fd", status_text, "--"};
	const char *const shell[] = {"/bin/sh", "-e", "-c", command};
	for (size_t i = 0; i < ARRAY_LEN(front); i++)
		vec_push(&argv, front[i]);
	for (size_t i = 0; command && i < ARRAY_LEN(shell); i++)
		vec_push(&argv, shell[i]);
	for (size_t i = 0; !command && i < spec->argv.n; i++)
		vec_push(&argv, spec->argv.v[i]);
	vec_push(&argv, NULL);
	static const char *const env[] = {"PATH=/usr/bin:/bin", NULL};
	const int keep[] = {args, status};
	struct spawn s = {
		.argv = argv.v,
		.env = env,
		.out = out,
		.keep = keep,
		.nkeep = ARRAY_LEN(keep),
		.group = g,
		.file_max = spec->file_max ? spec->file_max : FILE_DEFAULT,
		.pids = spec->pids,
		.session = true,
	};
	rc = spawn(&s, ret, err);
	vec_done(&argv);
	return rc;
}

/* "key": N in one of the JSON texts that bubblewrap appended. */
static bool status_number(int status, const char *key, int64_t *ret)
{
	char text[STATUS_MAX + 1];
	ssize_t n = pread(status, text, STATUS_MAX, 0);

	if (n <= 0)
		return false;
	text[n] = '\0';
	char *at = strstr(text, key);
	if (!at)
		return false;
	struct str rest = str_of(at + strlen(key));
	while (rest.n && (*rest.p == '"' || *rest.p == ':' || *rest.p == ' '))
		rest.p++, rest.n--;
	size_t digits = 0;
	while (digits < rest.n &&
	       ((rest.p[digits] >= '0' && rest.p[digits] <= '9') || rest.p[digits] == '-'))
		digits++;
	return parse_i64((struct str){rest.p, digits}, ret);
}

pid_t sandbox_init_pid(int status)
{
	int64_t pid = 0;

	return status_number(status, "\"child-pid\"", &pid) ? (pid_t)pid : 0;
}

bool sandbox_exit(int status, int64_t *ret)
{
	return status_number(status, "\"exit-code\"", ret);
}

bool sandbox_saw_oom(int status)
{
	int64_t n = 0;

	return status_number(status, "\"oom\"", &n) && n > 0;
}
