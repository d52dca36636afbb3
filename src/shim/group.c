/* Control groups: version 1 (each controller alone, below our own group) or version 2 (below the
 * root's "penstock"). */
#include "shim/shim.h"

#include <dirent.h>
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
	if (memory) {
		set_number(path, "memory.limit_in_bytes", memory);
		set_number(path, "memory.memsw.limit_in_bytes", memory);
	}
	g->memory = path;
	g->oom = path_in(path, "memory.oom_control");
}

static void make_1(struct group *g, struct str table, const char *name, bool with_memory,
		   uint64_t memory, uint64_t pids)
{
	AUTO(freep) char *own_memory = own_group(table, "memory");
	AUTO(freep) char *own_pids = own_group(table, "pids");

	if (with_memory)
		limit_memory_1(g, own_memory, name, memory);
	if (own_pids && add(g, own_pids, name)) {
		g->tasks = g->paths[g->n - 1];
		if (pids)
			set_number(g->tasks, "pids.max", pids);
	}
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
	if (pids)
		set_number(path, "pids.max", pids);
	if (memory)
		set_number(path, "memory.max", memory);
	set(path, "memory.swap.max", "0");
	g->memory = g->tasks = path;
	g->oom = path_in(path, "memory.events");
}

static bool is_version_2(void)
{
	return access(TREE "/cgroup.controllers", F_OK) == 0;
}

static void make(struct group *g, const char *name, bool with_memory, uint64_t memory,
		 uint64_t pids)
{
	AUTO(strbuf_done) struct strbuf table = STRBUF(65536);
	struct err err = {0};

	*g = (struct group){.memory_max = memory, .tasks_max = pids};
	if (geteuid() != 0)
		return; /* delegated groups are not looked for: rlimits and the sandbox's own limits remain */
	if (is_version_2())
		make_2(g, name, memory, pids);
	else if (read_file("/proc/self/cgroup", 65000, &table, &err) == RC_OK)
		make_1(g, strbuf_str(&table), name, with_memory, memory, pids);
}

void group_make(struct group *g, const char *name, uint64_t memory, uint64_t pids)
{
	make(g, name, memory != 0, memory, pids);
}

/* "penstock-<pid>" beside ours, of a shim that is no more: only what is empty can be removed. */
static void sweep(const char *path)
{
	AUTO(freep) char *above = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	DIR *d = opendir(above);

	for (struct dirent *e; d && (e = readdir(d));) {
		uint32_t pid = 0;
		if (strncmp(e->d_name, "penstock-", 9) || !parse_u32(str_of(e->d_name + 9), &pid) ||
		    pid_start((pid_t)pid))
			continue;
		AUTO(freep) char *old = path_in(above, e->d_name);
		(void)!rmdir(old);
	}
	if (d)
		closedir(d);
}

void group_make_any(struct group *g, const char *name)
{
	make(g, name, true, 0, 0);
	for (size_t i = 0; i < g->n; i++)
		sweep(g->paths[i]);
}

/* Version 1 keeps memory <= memory and swap: the one that would be in the way goes first. */
static void limit_memory(struct group *g, uint64_t memory)
{
	static const char *const files[] = {"memory.limit_in_bytes", "memory.memsw.limit_in_bytes"};
	bool lower = memory && (!g->memory_max || memory < g->memory_max);
	AUTO(freep)
	char *text = memory ? xasprintf("%llu", (unsigned long long)memory)
			    : xstrdup(is_version_2() ? "max" : "-1");

	if (is_version_2()) {
		set(g->memory, "memory.max", text);
	} else {
		set(g->memory, files[!lower], text);
		set(g->memory, files[lower], text);
	}
	g->memory_max = memory;
}

static uint64_t oom_kills(const struct group *g)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(4096);
	struct err err = {0};
	uint64_t n = 0;

	if (!g->oom || read_file(g->oom, 4000, &text, &err) != RC_OK)
		return 0;
	struct str rest = strbuf_str(&text);
	while (rest.p) {
		struct str line = str_cut(&rest, '\n');
		if (str_is(str_cut(&line, ' '), "oom_kill") && parse_u64(str_trim(line), &n))
			return n;
	}
	return 0;
}

void group_limit(struct group *g, uint64_t memory, uint64_t pids)
{
	if (g->memory && memory != g->memory_max)
		limit_memory(g, memory);
	if (g->tasks && pids != g->tasks_max) {
		AUTO(freep)
		char *text = pids ? xasprintf("%llu", (unsigned long long)pids) : xstrdup("max");
		set(g->tasks, "pids.max", text);
		g->tasks_max = pids;
	}
	g->oom_before = oom_kills(g);
}

bool group_saw_oom(const struct group *g)
{
	return oom_kills(g) > g->oom_before;
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
