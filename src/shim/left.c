/* What a killed shim leaves behind, and its end. */
#include "shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

void left_write(const char *dir, const struct shim_left *left)
{
	AUTO(freep) char *path = path_in(dir, "left");
	AUTO(strbuf_done) struct strbuf text = STRBUF(65536);
	struct json_out o = JSON_OUT(&text);
	struct err err = {0};

	if (!left) {
		unlink(path);
		return;
	}
	shape_write(&o, NULL, &shape_shim_left, left);
	(void)!write_file(path, strbuf_str(&text), &err);
}

static void delete_container(const struct shim_left *left)
{
	static const char *const env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	const char *argv[] = {left->runtime, "--root",        left->root, "delete",
			      "--force",     left->container, NULL};
	struct group none = {0};
	struct spawn s = {.argv = argv, .env = env, .out = -1, .group = &none, .session = true};
	struct err err = {0};
	pid_t pid;

	if (spawn(&s, &pid, &err) == RC_OK)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
}

/* The shim's lock is free: nobody writes here any more. */
static bool shim_is_gone(const char *dir)
{
	AUTO(freep) char *path = path_in(dir, "lock");
	AUTO(fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static void clean_groups(const char *dir)
{
	AUTO(freep) char *path = path_in(dir, "services/left");
	AUTO(strbuf_done) struct strbuf text = STRBUF(65536);
	struct shim_left left = {0};
	struct err err = {0};

	if (read_file(path, 65000, &text, &err) != RC_OK)
		return;
	if (shape_parse(strbuf_str(&text), 65536, &shape_shim_left, &left, &err) == RC_OK)
		for (size_t i = 0; i < left.groups.n; i++)
			group_end(left.groups.v[i]);
	shape_done(&shape_shim_left, &left);
	unlink(path);
}

int clean(const char *dir)
{
	AUTO(freep) char *path = path_in(dir, "left");
	AUTO(strbuf_done) struct strbuf text = STRBUF(65536);
	struct shim_left left = {0};
	struct err err = {0};

	if (!shim_is_gone(dir)) {
		fprintf(stderr, "penstock-shim: %s belongs to a living shim\n", dir);
		return 1;
	}
	clean_groups(dir);
	if (read_file(path, 65000, &text, &err) != RC_OK)
		return 0;
	if (shape_parse(strbuf_str(&text), 65536, &shape_shim_left, &left, &err) == RC_OK) {
		if (left.pid && left.pid_start && pid_start((pid_t)left.pid) == left.pid_start) {
			kill(-(pid_t)left.pid, SIGKILL);
			kill((pid_t)left.pid, SIGKILL);
		}
		if (left.runtime && left.root && left.container)
			delete_container(&left);
		for (size_t i = 0; i < left.groups.n; i++)
			group_end(left.groups.v[i]);
	}
	shape_done(&shape_shim_left, &left);
	unlink(path);
	return 0;
}
