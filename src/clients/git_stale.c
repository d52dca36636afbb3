/* Lock files that a killed process left in bare repositories: Git and libgit2 wait for nobody there, they refuse. */
#include "clients/git.h"

#include "base/mem.h"
#include "io/files.h"

#include <dirent.h>
#include <unistd.h>

static enum rc drop_lock(void *ctx, const struct file_seen *seen, struct err *err)
{
	(void)ctx;
	(void)err;
	if (seen->kind == FILE_REGULAR && str_ends(str_of(seen->name), ".lock"))
		(void)unlinkat(seen->dir, seen->name, 0);
	return RC_OK;
}

static void drop_of(const char *repo)
{
	static const char *const names[] = {"HEAD.lock", "config.lock", "packed-refs.lock"};
	AUTO(freep) char *refs = xasprintf("%s/refs", repo);
	struct err ignored = {0};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO(freep) char *path = xasprintf("%s/%s", repo, names[i]);

		(void)unlink(path);
	}
	if (file_exists(refs))
		(void)!tree_walk(refs, drop_lock, NULL, &ignored);
}

void repos_drop_stale_locks(const char *dir)
{
	DIR *d = opendir(dir);

	for (struct dirent *e; d && (e = readdir(d));) {
		AUTO(freep) char *repo = xasprintf("%s/%s", dir, e->d_name);

		if (str_ends(str_of(e->d_name), ".git"))
			drop_of(repo);
	}
	if (d)
		closedir(d);
}
