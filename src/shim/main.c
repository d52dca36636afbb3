/* penstock-shim: stands between the daemon and what it runs, so that neither dies with the other.
 * See spec.h. */
#include "shim/box.h"
#include "shim/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* The starter's lock, or one of our own when a person starts us. */
static enum rc take_lock(const char *dir, struct err *err)
{
	AUTO(freep) char *path = path_in(dir, "lock");
	struct stat given, there;
	int fd = SHIM_LOCK_FD;

	if (fstat(fd, &given) < 0 || stat(path, &there) < 0 || given.st_ino != there.st_ino ||
	    given.st_dev != there.st_dev) {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return err_errno(err, errno, "open %s", path);
	}
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return err_errno(err, errno, "lock %s: is another shim at work here?", path);
	AUTO(freep) char *text = xasprintf("%ld\n", (long)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, strlen(text), 0) < 0)
		return err_errno(err, errno, "write %s", path);
	return RC_OK;
}

enum rc shim_spec_read(int fd, struct shim_spec *ret, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(SHIM_SPEC_MAX);
	enum rc rc = read_fd(fd, SHIM_SPEC_MAX, &text, err);

	if (rc == RC_OK)
		rc = shape_parse(strbuf_str(&text), SHIM_SPEC_MAX, &shape_shim_spec, ret, err);
	if (text.p)
		mem_wipe(text.p, text.n);
	return rc;
}

/* Descriptors 0 to 2 lead nowhere; nothing else is inherited but the lock. */
void own_stdio(void)
{
	int fd = open("/dev/null", O_RDWR);

	for (int i = 0; i < 3 && fd >= 0; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}

void shim_spec_wipe(struct shim_spec *s)
{
	for (size_t i = 0; i < s->secrets.n; i++)
		if (s->secrets.v[i].value)
			mem_wipe(s->secrets.v[i].value, strlen(s->secrets.v[i].value));
	shape_done(&shape_shim_spec, s);
}

/* Nobody reads our stderr in earnest: the log is where people look. */
int shim_refuse(const char *dir, const struct err *why)
{
	AUTO(freep) char *path = path_in(dir, "log");
	AUTO(fd_drop)
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);

	fprintf(stderr, "penstock-shim: %s\n", why->msg);
	if (fd >= 0)
		dprintf(fd, "[penstock] %s\n", why->msg);
	return 3;
}

static int run_job(const char *dir, const struct shim_spec *spec)
{
	struct zygote zygote = {.ask = -1};
	struct host host = {.zygote = &zygote, .daemon = -1, .pid = getpid()};
	struct err err = {0};
	int ret = 3;

	if (!spec->box.dir && !spec->sides.n)
		zygote_open(&zygote);
	if (watch_signals(&host.watch, &err) == RC_OK)
		ret = job_run(dir, spec, &host);
	else
		shim_refuse(dir, &err);
	zygote_done(&zygote);
	watch_done(&host.watch);
	return ret;
}

static int run(const char *dir)
{
	struct shim_spec spec = {0};
	struct err err = {0};
	int ret = 1;

	if (take_lock(dir, &err) != RC_OK || shim_spec_read(0, &spec, &err) != RC_OK)
		return shim_refuse(dir, &err);
	setsid();
	umask(022);
	prctl(PR_SET_DUMPABLE, 0); /* secrets are in this memory */
	own_stdio();
	switch (spec.kind) {
	case SHIM_JOB:
		ret = run_job(dir, &spec);
		break;
	case SHIM_REPLICA:
		ret = replica_run(dir, &spec);
		break;
	}
	shim_spec_wipe(&spec);
	return ret;
}

/* Only what sides_up() wrote comes here. */
static int descriptor(const char *text)
{
	uint32_t n = 0;

	return parse_u32(str_of(text), &n) && n < 4096 ? (int)n : -1;
}

int main(int argc, char **argv)
{
	if (argc == 2 && argv[1][0] == '/')
		return run(argv[1]);
	if (argc == 3 && streq(argv[1], "--clean") && argv[2][0] == '/')
		return clean(argv[2]);
	if (argc == 5 && streq(argv[1], "--sides") && argv[2][0] == '/')
		return sides_run(argv[2], descriptor(argv[3]), descriptor(argv[4]));
	if (argc == 4 && streq(argv[1], "--shell") && argv[2][0] == '/')
		return shell_run(argv[2], descriptor(argv[3]));
	if (argc >= 2 && streq(argv[1], "--host"))
		return host_run(argc, argv);
	fprintf(stderr, "usage: penstock-shim [--clean] DIR\n"
			"Started by penstock, with a spec on stdin. DIR is an absolute path.\n");
	return 2;
}
