/*
 * bench_worktree [CLONE]: the work tree as a commit (what `penstock run` begins with), beside `git status` of the same clone: nothing
 * changed, one file changed and one new. Best and median of the rounds, in milliseconds.
 */
#include "base/mem.h"
#include "clients/git_worktree.h"
#include "io/clock.h"
#include "io/files.h"

#include <unistd.h>

#define ROUNDS 7

static double ms[ROUNDS];

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double show(const char *what)
{
	qsort(ms, ROUNDS, sizeof(*ms), by_size);
	printf("%-48s best %8.1f ms, median %8.1f ms\n", what, ms[0], ms[ROUNDS / 2]);
	return ms[ROUNDS / 2];
}

static double ours(const char *clone, const char *beside, const char *what)
{
	for (int i = 0; i < ROUNDS; i++) {
		AUTO(repo_freep) struct repo *r = NULL;
		char id[GIT_HEX + 1], head[GIT_HEX + 1];
		struct err err = {0};
		usec_t begin = clock_mono();

		if (repo_find(clone, &r, &err) != RC_OK ||
		    repo_worktree(r, beside, id, head, &err) != RC_OK) {
			fprintf(stderr, "bench_worktree: %s\n", err.msg);
			exit(1);
		}
		ms[i] = (double)(clock_mono() - begin) / 1e3;
		(void)!tree_remove(beside, &err);
	}
	return show(what);
}

static double theirs(const char *clone, const char *what)
{
	AUTO(freep) char *command = xasprintf("git -C %s status --porcelain >/dev/null", clone);

	for (int i = 0; i < ROUNDS; i++) {
		usec_t begin = clock_mono();
		if (system(command) != 0)
			exit(1);
		ms[i] = (double)(clock_mono() - begin) / 1e3;
	}
	return show(what);
}

int main(int argc, char **argv)
{
	char temp[] = "/tmp/penstock-worktree-XXXXXX";
	AUTO(freep)
	char *dir = xstrndup(
		argv[0],
		strlen(argv[0]) - strlen(strrchr(argv[0], '/') ? strrchr(argv[0], '/') : argv[0]));
	struct err err = {0};

	if (!mkdtemp(temp))
		return 2;
	AUTO(freep) char *clone = argc > 1 ? xstrdup(argv[1]) : xasprintf("%s/clone", temp);
	AUTO(freep)
	char *make = xasprintf("%s/gen_repo %s/bare >/dev/null && git clone -q %s/bare %s",
			       *dir ? dir : ".", temp, temp, clone);
	if (argc < 2 && system(make) != 0)
		return 2; /* 1,000 units, 100,000 files */
	AUTO(freep) char *beside = xasprintf("%s/beside.git", temp);
	AUTO(freep) char *made = xasprintf("%s/new-file-of-the-bench", clone);
	double git = theirs(clone, "git status, nothing changed");
	double we = ours(clone, beside, "the work tree as a commit, nothing changed");
	printf("%-48s %.2f\n", "ratio", we / git);
	if (file_write_fast(made, STR("new\n"), 0644, &err) != RC_OK)
		return 1;
	git = theirs(clone, "git status, one new file");
	we = ours(clone, beside, "the work tree as a commit, one new file");
	printf("%-48s %.2f\n", "ratio", we / git);
	(void)!tree_remove(made, &err);
	(void)!tree_remove(temp, &err);
	return 0;
}
