/* The root of a box: an overlay over an unpacked image, in a mount namespace of our own; and a network of our own. */
#include "shim/box.h"

#include <errno.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const box_caps[10] = {"CAP_CHOWN",   "CAP_DAC_OVERRIDE",     "CAP_FOWNER", "CAP_FSETID",
				  "CAP_KILL",    "CAP_NET_BIND_SERVICE", "CAP_SETGID", "CAP_SETUID",
				  "CAP_SETPCAP", "CAP_SYS_CHROOT"};

#define BIT(capability) ((uint64_t)1 << (capability))
const uint64_t box_cap_bits = BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) |
			      BIT(CAP_FSETID) | BIT(CAP_KILL) | BIT(CAP_NET_BIND_SERVICE) |
			      BIT(CAP_SETGID) | BIT(CAP_SETUID) | BIT(CAP_SETPCAP) |
			      BIT(CAP_SYS_CHROOT);

static bool own_mounts(void)
{
	static bool done;

	if (!done)
		done = unshare(CLONE_NEWNS) == 0 &&
		       mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0;
	return done;
}

static enum rc make(const char *path, struct err *err)
{
	return mkdir(path, 0755) == 0 || errno == EEXIST ? RC_OK
							 : err_errno(err, errno, "make %s", path);
}

enum rc box_mount(const struct shim_box *box, struct err *err)
{
	static const char *const names[] = {"upper", "work", "root"};
	char *paths[ARRAY_LEN(names)] = {NULL};
	enum rc rc = RC_OK;

	if (!box->lower)
		return RC_OK;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		paths[i] = path_in(box->dir, names[i]);
		if (rc == RC_OK)
			rc = make(paths[i], err);
	}
	AUTO(freep)
	char *options =
		xasprintf("lowerdir=%s,upperdir=%s,workdir=%s", box->lower, paths[0], paths[1]);
	if (rc == RC_OK && strpbrk(box->lower, ":,\\"))
		rc = err_set(err, RC_UNSUPPORTED,
			     "the data folder's path has a ':', ',' or '\\' in it: %s", box->lower);
	if (rc == RC_OK && (!own_mounts() || mount("overlay", paths[2], "overlay",
						   MS_NOSUID | MS_NODEV, options) < 0))
		rc = err_errno(err, errno, "lay the image's file system out (overlay)");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		xfree(paths[i]);
	return rc;
}

enum rc box_network(struct err *err)
{
	struct ifreq lo = {.ifr_name = "lo"};

	if (unshare(CLONE_NEWNET) < 0)
		return err_errno(err, errno, "make a network for the job and its services");
	AUTO(fd_drop) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	lo.ifr_flags = IFF_UP | IFF_RUNNING;
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0)
		return err_errno(err, errno, "bring the loopback up");
	return RC_OK;
}

/* Where the runtime writes the program's number once it runs. */
char *box_pid_file(const struct shim_box *box, unsigned turn)
{
	return xasprintf("%s/pid.%u", box->dir, turn);
}

bool box_started(const struct shim_spec *spec, unsigned turn)
{
	if (!spec->box.dir || !spec->box.runtime)
		return true;
	AUTO(freep) char *path = box_pid_file(&spec->box, turn);
	return access(path, F_OK) == 0;
}

void box_signal(const struct shim_box *box, const struct group *g, pid_t outer, pid_t init, int sig)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(1 << 20);
	struct err err = {0};

	if (is_docker(box->runtime) && init > 0)
		kill(init, sig);
	if (is_docker(box->runtime) || !g->n)
		return;
	AUTO(freep) char *procs = path_in(g->paths[g->n - 1], "cgroup.procs");
	if (read_file(procs, (1 << 20) - 1, &text, &err) != RC_OK)
		return;
	struct str rest = strbuf_str(&text);
	while (rest.p) {
		uint32_t pid = 0;
		if (parse_u32(str_cut(&rest, '\n'), &pid) && pid > 1 && (pid_t)pid != outer &&
		    (pid_t)pid != init)
			kill((pid_t)pid, sig);
	}
}
