/*
 * `penstock plan` of a repository of 1,000 units and 100,000 files, its start included, beside what Git itself takes
 * for the two questions under it: which files differ, and what the units' trees are.
 */
#include "base/mem.h"
#include "io/clock.h"
#include "io/files.h"

#include <stdio.h>
#include <stdlib.h>

#define ROUNDS 21
#define BUDGET 50.0 /* ms */

static void run(const char *command)
{
	if (system(command) != 0) {
		fprintf(stderr, "bench_plan_repo: failed: %s\n", command);
		exit(1);
	}
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The median; the best of all into *ret_best. */
static double measure(const char *what, const char *command)
{
	double ms[ROUNDS];

	for (unsigned i = 0; i < ROUNDS; i++) {
		usec_t start = clock_mono();
		run(command);
		ms[i] = (double)(clock_mono() - start) / 1000;
	}
	qsort(ms, ROUNDS, sizeof(*ms), by_size);
	printf("%-58s best %8.2f  median %8.2f ms\n", what, ms[0], ms[ROUNDS / 2]);
	return ms[ROUNDS / 2];
}

int main(void)
{
	char dir[] = "/tmp/penstock-bench-XXXXXX";
	const char *penstock = getenv("PENSTOCK"), *build = getenv("BUILD_FOLDER");
	struct err err = {0};

	if (!penstock || !mkdtemp(dir)) {
		fprintf(stderr, "bench_plan_repo: PENSTOCK is not set; `make bench` sets it\n");
		return 1;
	}
	AUTO(freep)
	char *make =
		xasprintf("%s/tests/gen_repo %s/big.git >/dev/null", build ? build : "build", dir);
	AUTO(freep)
	char *peer = xasprintf(
		"git -C %s/big.git diff-tree -r main~1 main >/dev/null; git -C %s/big.git ls-tree main libs/ services/ >/dev/null",
		dir, dir);
	AUTO(freep)
	char *ours = xasprintf(
		"PENSTOCK_DATA=%s/none %s plan --repo %s/big.git --base main~1 --head main --json >/dev/null",
		dir, penstock, dir);
	AUTO(freep)
	char *all = xasprintf("git -C %s/big.git diff-tree -r main~1 main >/dev/null; "
			      "git -C %s/big.git ls-tree -r main >/dev/null",
			      dir, dir);
	run(make);
	double git = measure("git diff-tree -r + git ls-tree of the units", peer);
	double files = measure("git diff-tree -r + git ls-tree -r", all);
	double plan = measure("penstock plan --json: 1,000 units, 100,000 files", ours);
	printf("%-58s ratio %6.2f, to git with every file %6.2f\n", "", plan / git, plan / files);
	if (plan > BUDGET)
		printf("%-58s above the budget of %.0f ms\n", "", BUDGET);
	return tree_remove(dir, &err) == RC_OK ? 0 : 1;
}
