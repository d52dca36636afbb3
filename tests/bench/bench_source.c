/*
 * What a plan asks of Git, on 1,000 units and 100,000 files (gen_repo): the ids of all units and
 * the whole listing, beside git doing the same; then a push of one file into the mirror, and laying
 * one unit out. Best and median of the rounds, in milliseconds.
 */
#include "flow/1-source/adapters.h"
#include "io/clock.h"
#include "io/files.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 15

struct bench {
	char dir[64], repo[128];
	char *head, *base;
	struct scm *direct, *mirror;
	texts units, all;
	unsigned round;
};

static void must(enum rc rc, const struct err *err, const char *what)
{
	if (rc == RC_OK)
		return;
	fprintf(stderr, "bench_source: %s: %s\n", what, err->msg);
	exit(1);
}

static void run(const char *command)
{
	extern char **environ;
	char *const args[] = {(char[]){"sh"}, (char[]){"-c"}, xstrdup(command), NULL};
	int status = 0;
	pid_t pid;

	if (posix_spawn(&pid, "/bin/sh", NULL, NULL, args, environ) ||
	    waitpid(pid, &status, 0) < 0 || status) {
		fprintf(stderr, "bench_source: %s failed\n", command);
		exit(1);
	}
	xfree(args[2]);
}

static double median(double *v, size_t n)
{
	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k && v[k - 1] > v[k]; k--) {
			double t = v[k];
			v[k] = v[k - 1];
			v[k - 1] = t;
		}
	return v[n / 2];
}

static double measure(struct bench *b, const char *what, void (*one)(struct bench *b))
{
	double ms[ROUNDS];

	for (b->round = 0; b->round < ROUNDS; b->round++) {
		usec_t start = clock_mono();
		one(b);
		ms[b->round] = (double)(clock_mono() - start) / 1000;
	}
	double middle = median(ms, ROUNDS);
	printf("%-58s best %8.2f  median %8.2f\n", what, ms[0], middle);
	return middle;
}

static size_t tree(struct bench *b, struct scm *s, const char *commit, const texts *dirs,
		   const texts *list)
{
	struct tree_facts t = {0};
	struct err err = {0};

	must(scm_tree(s, "big", commit, dirs, list, &t, &err), &err, "tree");
	size_t n = t.entries.n;
	tree_facts_done(&t);
	(void)b;
	return n;
}

static void units_of_both(struct bench *b)
{
	const texts none = {0};

	if (tree(b, b->direct, b->base, &b->units, &none) != b->units.n ||
	    tree(b, b->direct, b->head, &b->units, &none) != b->units.n)
		exit(1);
}

static void units_by_mirror(struct bench *b)
{
	const texts none = {0};

	if (tree(b, b->mirror, b->head, &b->units, &none) != b->units.n)
		exit(1);
}

static void list_all(struct bench *b)
{
	if (tree(b, b->direct, b->head, &b->units, &b->all) < 100000)
		exit(1);
}

static void git(struct bench *b, const char *what)
{
	AUTO(freep) char *command = xasprintf("git -C %s %s >/dev/null", b->repo, what);

	run(command);
}

static void git_trees(struct bench *b)
{
	git(b, "diff-tree -r main~1 main");
	git(b, "ls-tree main libs/ services/");
}

static void git_list(struct bench *b)
{
	git(b, "ls-tree -r main");
}

static bool ignore(void *ctx, const char *ref, const char *commit)
{
	(void)ctx;
	(void)ref;
	(void)commit;
	return true;
}

static void fetch(struct bench *b)
{
	struct err err = {0};

	must(scm_refs(b->mirror, "big", ignore, NULL, &err), &err, "fetch");
}

static void push(struct bench *b)
{
	AUTO(freep)
	char *command = xasprintf(
		"cd %s && t=$(GIT_INDEX_FILE=i git ls-tree main:services/svc-00200 | sed \"s/\\tMakefile/\\tMakefile-%u/\" | git mktree) && "
		"s=$(git ls-tree main:services | sed \"s/[0-9a-f]*\\tsvc-00200$/$t\\tsvc-00200/\" | git mktree) && "
		"r=$(git ls-tree main: | sed \"s/[0-9a-f]*\\tservices$/$s\\tservices/\" | git mktree) && "
		"git update-ref refs/heads/main $(git -c user.name=Ann -c user.email=a@b commit-tree -p main -m x $r)",
		b->repo, b->round);

	run(command);
}

static void lay(struct bench *b)
{
	AUTO(freep) char *into = xasprintf("%s/out-%u", b->dir, b->round);
	char *path = (char[]){"services/svc-00300"};
	const texts one = {&path, 1, 0};
	struct err err = {0};

	must(dir_make(into, 0755, &err), &err, "folder");
	must(scm_materialise(b->mirror, "big", b->head, &one, into, &err), &err, "lay");
}

static void measure_pushes(struct bench *b)
{
	double ms[ROUNDS];

	for (b->round = 0; b->round < ROUNDS; b->round++) {
		push(b);
		usec_t start = clock_mono();
		fetch(b);
		ms[b->round] = (double)(clock_mono() - start) / 1000;
	}
	double middle = median(ms, ROUNDS);
	printf("%-58s best %8.2f  median %8.2f\n", "mirror: fetch a push of one file", ms[0],
	       middle);
}

static void begin(struct bench *b)
{
	struct err err = {0};
	const char *build = getenv("BUILD_FOLDER");

	snprintf(b->dir, sizeof(b->dir), "/tmp/penstock-bench-XXXXXX");
	if (!mkdtemp(b->dir))
		exit(1);
	snprintf(b->repo, sizeof(b->repo), "%s/big.git", b->dir);
	AUTO(freep)
	char *command =
		xasprintf("%s/tests/gen_repo %s >/dev/null", build ? build : "build", b->repo);
	run(command);
	AUTO(freep) char *mirrors = xasprintf("%s/mirror", b->dir);
	must(scm_local_new(NULL, &b->direct, &err), &err, "open");
	must(scm_local_new(mirrors, &b->mirror, &err), &err, "open");
	must(scm_local_add(b->direct, "big", b->repo, &err), &err, "add");
	must(scm_local_add(b->mirror, "big", b->repo, &err), &err, "add");
	for (unsigned i = 0; i < 1000; i++)
		vec_push(&b->units, xasprintf(i < 100 ? "libs/lib-%05u" : "services/svc-%05u", i));
	vec_push(&b->all, xstrdup("."));
	b->head = xstrdup("refs/heads/main");
	b->base = xstrdup("refs/heads/main~1");
}

int main(void)
{
	struct bench b = {0};
	struct err err = {0};

	begin(&b);
	double peer = measure(&b, "git diff-tree -r + git ls-tree", git_trees);
	double ours = measure(&b, "scm_tree: 1,000 units, base and head", units_of_both);
	printf("%-58s ratio %6.2f\n", "", ours / peer);
	peer = measure(&b, "git ls-tree -r", git_list);
	ours = measure(&b, "scm_tree: the units and all 100,000 files", list_all);
	printf("%-58s ratio %6.2f\n", "", ours / peer);
	b.round = 0;
	usec_t start = clock_mono();
	fetch(&b);
	printf("%-58s      %8.2f\n", "mirror: first fetch of all of it",
	       (double)(clock_mono() - start) / 1000);
	measure(&b, "mirror: fetch nothing new", fetch);
	measure(&b, "mirror: 1,000 units, head", units_by_mirror);
	measure_pushes(&b);
	measure(&b, "mirror: lay out one unit of 100 files", lay);
	for (size_t i = 0; i < b.units.n; i++)
		xfree(b.units.v[i]);
	vec_done(&b.units);
	xfree(b.all.v[0]);
	vec_done(&b.all);
	xfree(b.head);
	xfree(b.base);
	scm_free(b.direct);
	scm_free(b.mirror);
	must(tree_remove(b.dir, &err), &err, "remove");
	return 0;
}
