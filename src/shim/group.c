/* Control groups: version 1 (each controller alone, below our own group) or version 2 (below the
 * root's "penstock"). */
#include "shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#define TREE "/sys/fs/cgroup"

/* Our own group in a controller's hierarchy, from /proc/self/cgroup ("4:memory:/a/b"); NULL: none. */
static char *own_group(struct str table, const char *controller)
{
	while (table.p) {
		struct str line = str_cut(&table, '\n');
		str_cut(&line, ':');
		struct str names = str_cut(&line, ':');
		while (names.p)
			if (str_is(str_cut(&names, ','), controller))
				return xasprintf(TREE "/%s%.*s", controller, (int)line.n, line.p);
	}
	return NULL;
}

static bool set(const char *group, const char *file, const char *value)
{
	AUTO(freep) char *path = path_in(group, file);
	struct err err = {0};

	return write_text(path, value, &err) == RC_OK;
}

static bool set_number(const char *group, const char *file, uint64_t value)
{
	AUTO(freep) char *text = xasprintf("%llu", (unsigned long long)value);

	return set(group, file, text);
}

/* Make a group and open its list of processes. */
static bool add(struct group *g, const char *above, const char *name)
{
	AUTO(freep) char *path = path_in(above, name);

	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return false;
	AUTO(freep) char *procs = path_in(path, "cgroup.procs");
	int fd = open(procs, O_WRONLY | O_CLOEXEC);
	if (fd < 0) {
		rmdir(path);
		return false;
	}
	g->paths[g->n] = path;
	path = NULL;
	g->procs[g->n++] = fd;
	return true;
}

static void limit_memory_1(struct group *g, const char *own, const char *name, uint64_t memory)
{
	if (!own || !add(g, own, name))
		return;
	const char *path = g->paths[g->n - 1];
	set_number(path, "memory.limit_in_bytes", memory);
	set_number(path, "memory.memsw.limit_in_bytes", memory);
	g->oom = path_in(path, "memory.oom_control");
}

static void make_1(struct group *g, struct str table, const char *name, uint64_t memory,
		   uint64_t pids)
{
	AUTO(freep) char *own_memory = own_group(table, "memory");
	AUTO(freep) char *own_pids = own_group(table, "pids");

	if (memory)
		limit_memory_1(g, own_memory, name, memory);
	if (own_pids && add(g, own_pids, name))
		set_number(g->paths[g->n - 1], "pids.max", pids);
}

static void make_2(struct group *g, const char *name, uint64_t memory, uint64_t pids)
{
	static const char above[] = TREE "/penstock";

	set(TREE, "cgroup.subtree_control", "+memory");
	set(TREE, "cgroup.subtree_control", "+pids");
	if (mkdir(above, 0755) < 0 && errno != EEXIST)
		return;
	set(above, "cgroup.subtree_control", "+memory");
	set(above, "cgroup.subtree_control", "+pids");
	if (!add(g, above, name))
		return;
	const char *path = g->paths[g->n - 1];
	set_number(path, "pids.max", pids);
	if (memory) {
		set_number(path, "memory.max", memory);
		set(path, "memory.swap.max", "0");
	}
	g->oom = path_in(path, "memory.events");
}

void group_make(struct group *g, const char *name, uint64_t memory, uint64_t pids)
{
	AUTO(strbuf_done) struct strbuf table = STRBUF(65536);
	struct err err = {0};

	*g = (struct group){0};
	if (geteuid() != 0)
		return; /* delegated groups are not looked for: rlimits and the sandbox's own limits remain */
	if (access(TREE "/cgroup.controllers", F_OK) == 0)
		make_2(g, name, memory, pids);
	else if (read_file("/proc/self/cgroup", 65000, &table, &err) == RC_OK)
		make_1(g, strbuf_str(&table), name, memory, pids);
}

bool group_saw_oom(const struct group *g)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(4096);
	struct err err = {0};

	if (!g->oom || read_file(g->oom, 4096, &text, &err) != RC_OK)
		return false;
	struct str rest = strbuf_str(&text);
	while (rest.p) {
		struct str line = str_cut(&rest, '\n');
		uint64_t n = 0;
		if (str_is(str_cut(&line, ' '), "oom_kill") && parse_u64(str_trim(line), &n) && n)
			return true;
	}
	return false;
}

void group_signal(const char *path, int sig)
{
	AUTO(freep) char *procs = path_in(path, "cgroup.procs");
	AUTO(strbuf_done) struct strbuf text = STRBUF(1 << 20);
	struct err err = {0};

	if (read_file(procs, 1 << 20, &text, &err) != RC_OK)
		return;
	struct str rest = strbuf_str(&text);
	while (rest.p) {
		uint32_t pid = 0;
		if (parse_u32(str_cut(&rest, '\n'), &pid) && pid > 1)
			kill((pid_t)pid, sig);
	}
}

void group_end(const char *path)
{
	for (int i = 0; i < 200; i++) {
		if (rmdir(path) == 0 || errno == ENOENT)
			return;
		if (!set(path, "cgroup.kill", "1"))
			group_signal(path, SIGKILL);
		usleep(i < 20 ? 500 : 10000);
	}
}

void group_done(struct group *g)
{
	for (size_t i = 0; i < g->n; i++) {
		fd_drop(&g->procs[i]);
		group_end(g->paths[i]);
		xfree(g->paths[i]);
	}
	xfree(g->oom);
	*g = (struct group){0};
}
