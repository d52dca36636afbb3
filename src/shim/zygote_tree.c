/* The zygote's root: a tmpfs with /usr, its links, /dev and empty mount points; read-only when it is done. */
#include "shim/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define STAGE "/tmp" /* covered by the new root, in the zygote's mount namespace only */

static bool bind_ro(const char *from, const char *to)
{
	struct mount_attr a = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
			       .propagation = MS_PRIVATE};
	AUTO(fd_drop)
	int fd = open_tree(AT_FDCWD, from, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	return fd >= 0 && mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &a, sizeof(a)) == 0 &&
	       move_mount(fd, "", AT_FDCWD, to, MOVE_MOUNT_F_EMPTY_PATH) == 0;
}

/* /bin, /lib ... are links into /usr on today's systems, folders on older ones. */
static bool system_folders(void)
{
	static const char *const names[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"};

	if (mkdir("usr", 0755) < 0 || !bind_ro("/usr", "usr"))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO(freep) char *from = path_in("", names[i]);
		char to[64];
		ssize_t n = readlink(from, to, sizeof(to) - 1);
		if (n > 0) {
			to[n] = '\0';
			if (symlink(to, names[i]) < 0)
				return false;
		} else if (access(from, F_OK) == 0 &&
			   (mkdir(names[i], 0755) < 0 || !bind_ro(from, names[i]))) {
			return false;
		}
	}
	return true;
}

static bool devices(void)
{
	static const struct {
		const char *name;
		unsigned major, minor;
	} nodes[] = {{"dev/null", 1, 3},   {"dev/zero", 1, 5},    {"dev/full", 1, 7},
		     {"dev/random", 1, 8}, {"dev/urandom", 1, 9}, {"dev/tty", 5, 0}};
	static const char *const links[][2] = {
		{"/proc/self/fd/0", "dev/stdin"},  {"/proc/self/fd/1", "dev/stdout"},
		{"/proc/self/fd/2", "dev/stderr"}, {"/proc/self/fd", "dev/fd"},
		{"/proc/kcore", "dev/core"},       {"pts/ptmx", "dev/ptmx"},
	};

	if (mkdir("dev", 0755) < 0 ||
	    mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k") < 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(nodes); i++)
		if (mknod(nodes[i].name, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)) <
			    0 ||
		    chmod(nodes[i].name, 0666) < 0)
			return false;
	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		if (symlink(links[i][0], links[i][1]) < 0)
			return false;
	return mkdir("dev/shm", 01777) == 0 && mkdir("dev/pts", 0755) == 0 &&
	       mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
		     "newinstance,ptmxmode=0666,mode=620") == 0 &&
	       mount(NULL, "dev", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC,
		     NULL) == 0;
}

static bool root_is(bool writable)
{
	return mount(NULL, "/", NULL,
		     MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | (writable ? 0 : MS_RDONLY),
		     NULL) == 0;
}

const char *zygote_tree(void)
{
	static const char *const points[] = {"proc", "tmp", "etc", "repo"};

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return "make mounts private";
	if (mount("tmpfs", STAGE, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m") < 0 ||
	    chdir(STAGE) < 0)
		return "mount a root";
	if (!system_folders())
		return "bind /usr";
	if (!devices())
		return "make /dev";
	for (size_t i = 0; i < ARRAY_LEN(points); i++)
		if (mkdir(points[i], 0755) < 0)
			return "make mount points";
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return "pivot_root";
	return root_is(false) ? NULL : "make the root read-only";
}

static void forget(shim_texts *t)
{
	for (size_t i = 0; i < t->n; i++)
		xfree(t->v[i]);
	t->n = 0;
}

static void unmake(struct zygote_points *p)
{
	for (size_t i = p->made.n; i-- > 0;)
		if (rmdir(p->made.v[i]) < 0)
			unlink(p->made.v[i]);
	forget(&p->made);
	forget(&p->wanted);
}

/* Every folder above it, then itself: 'd' a folder, 'f' a file. */
static bool make(struct zygote_points *p, const char *to)
{
	bool folder = *to++ == 'd';

	for (const char *slash = strchr(to + 1, '/');; slash = strchr(slash + 1, '/')) {
		char *path = slash ? xstrndup(to, (size_t)(slash - to)) : xstrdup(to);
		int made = slash || folder ? mkdir(path, 0755) : mknod(path, S_IFREG | 0644, 0);
		if (made == 0)
			vec_push(&p->made, path);
		else
			xfree(path);
		if (made < 0 && errno != EEXIST)
			return false;
		if (!slash)
			return true;
	}
}

/* Is its first folder one of the tree's? Then what is below is found, or made, once that is mounted. */
static bool is_ours(const char *to)
{
	static const char *const first[] = {"/proc", "/tmp", "/etc", "/repo", "/dev"};

	for (size_t i = 0; i < ARRAY_LEN(first); i++) {
		size_t n = strlen(first[i]);
		if (!strncmp(to + 1, first[i], n) && (to[n + 1] == '/' || !to[n + 1]))
			return true;
	}
	return false;
}

static bool same(const struct zygote_points *p, const char *const *to, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		if (!is_ours(to[i]) && (k >= p->wanted.n || !streq(p->wanted.v[k++], to[i])))
			return false;
	return k == p->wanted.n;
}

bool zygote_points(struct zygote_points *p, const char *const *to, size_t n)
{
	bool ok = true;

	if (same(p, to, n))
		return true;
	if (!root_is(true))
		return false;
	unmake(p);
	for (size_t i = 0; ok && i < n; i++) {
		if (is_ours(to[i]))
			continue;
		ok = make(p, to[i]);
		vec_push(&p->wanted, xstrdup(to[i]));
	}
	return root_is(false) && ok;
}
