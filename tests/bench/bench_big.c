/*
 * 1,000 units and 100,000 files (gen_repo): the plan of a commit by the real `penstock plan` against
 * git diff-tree and git ls-tree, and a fully cached run by the real engine, from the ref's move to
 * "passed" in the journal.
 */
#include "bench.h"

#define ROUNDS 11
#define RUNS   5

struct big {
	char dir[64];
	char *repo, *before, *after; /* the two commits */
};

static void make_repo(struct big *b)
{
	const char *build = getenv("BUILD_FOLDER");
	const char *argv[] = {NULL, NULL, NULL};
	AUTO(strbuf_done) struct strbuf out = STRBUF(65536);
	struct child_run run = {.spec = {.argv = argv, .fds = {-1, -1, -1, -1}}};
	struct err err = {0};
	int code = 0;

	(void)snprintf(b->dir, sizeof(b->dir), "/tmp/penstock-bench-XXXXXX");
	if (!mkdtemp(b->dir))
		exit(1);
	b->repo = xasprintf("%s/big.git", b->dir);
	AUTO(freep) char *program = xasprintf("%s/tests/gen_repo", build ? build : "build");
	argv[0] = program;
	argv[1] = b->repo;
	must(child_capture(&run, &out, NULL, &code, &err), &err);
	struct str rest = strbuf_str(&out), line = str_cut(&rest, '\n');
	b->before = xstrndup(line.p, line.n);
	line = str_cut(&rest, '\n');
	b->after = xstrndup(line.p, line.n);
	if (code || strlen(b->after) != 40)
		exit(1);
}

static double median_of(const char *command)
{
	double ms[ROUNDS];

	for (size_t i = 0; i < ROUNDS; i++)
		ms[i] = bench_command(command);
	return bench_median(ms, ROUNDS);
}

static void measure_plan(const struct big *b)
{
	const char *penstock = getenv("PENSTOCK");
	AUTO(freep)
	char *ours = xasprintf("%s plan --repo %s --base main~1 --head main --json >/dev/null",
			       penstock ? penstock : "build/penstock", b->repo);
	AUTO(freep)
	char *peer = xasprintf(
		"cd %s && git diff-tree -r main~1 main >/dev/null && git ls-tree main libs/ services/ >/dev/null",
		b->repo);
	AUTO(freep)
	char *whole = xasprintf(
		"cd %s && git diff-tree -r main~1 main >/dev/null && git ls-tree -r main >/dev/null",
		b->repo);
	double a = median_of(ours), p = median_of(peer), l = median_of(whole);
	char ours_text[32], peer_text[64];

	(void)snprintf(ours_text, sizeof(ours_text), "%.1f ms", a);
	(void)snprintf(peer_text, sizeof(peer_text), "%.1f ms (diff-tree -r + ls-tree)", p);
	bench_row("plan of a commit: 1,000 units, 100,000 files, whole process", ours_text,
		  peer_text, a / p, "50 ms, 3x", a > 50 || a / p > 3);
	(void)snprintf(peer_text, sizeof(peer_text), "%.1f ms (diff-tree -r + ls-tree -r)", l);
	bench_row("the same, against all files listed", ours_text, peer_text, a / l, "-", false);
}

/* Results of all jobs of a commit, as if they had run before. */
static void fill_cache(struct bench_world *w, const char *commit)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF((size_t)64 << 20);
	struct config config = {0};
	struct tree_facts facts = {0};
	struct plan plan = {0};
	texts dirs = {0}, list = {0};
	struct err err = {0};
	char log[DIGEST_HEX + 1];

	must(scm_file(w->w.scm, "big", commit, "penstock.yml", (size_t)64 << 20, &text, &err),
	     &err);
	must(config_read(strbuf_str(&text), "penstock.yml", NULL, NULL, &config, &err), &err);
	plan_paths(&config, &dirs, &list);
	must(scm_tree(w->w.scm, "big", commit, &dirs, &list, &facts, &err), &err);
	must(plan_make(&config, &facts, NULL, NULL, STAGE_CI, w->w.toolchain, &plan, &err), &err);
	must(blobs_put(w->w.blobs, STR("built\n"), log, &err), &err);
	char run[] = "run-0";
	vec_each(job, &plan.jobs) {
		struct result r = {.key = job->key, .log = log, .run = run};
		must(blobs_put_result(w->w.blobs, &r, &err), &err);
	}
	plan_done(&plan);
	tree_facts_done(&facts);
	config_done(&config);
	vec_each(s, &dirs)
		xfree(*s);
	vec_done(&dirs);
	vec_each(s, &list)
		xfree(*s);
	vec_done(&list);
}

static bool ignore(void *ctx, const char *ref, const char *commit)
{
	(void)ctx;
	(void)ref;
	(void)commit;
	return true;
}

static void move_ref(const struct big *b, const char *commit)
{
	AUTO(freep)
	char *command = xasprintf("git -C %s update-ref refs/heads/main %s", b->repo, commit);

	(void)bench_command(command);
}

static double one_run(struct bench_world *w, struct engine *e, unsigned n, bool start)
{
	AUTO(freep) char *id = xasprintf("run-%u", n);
	struct bench_wait wait = {e, w->loop, id, false};
	usec_t begin = clock_mono();

	engine_listen(e, bench_see, &wait);
	if (start)
		engine_start(e);
	else
		engine_source_changed(e, "big");
	loop_run(w->loop);
	double ms = ms_since(begin);
	engine_unlisten(e, bench_see, &wait);
	if (!wait.over)
		exit(1);
	return ms;
}

static void show_run(const char *what, double ms, const struct engine *e, const char *id)
{
	const struct run *run = model_run(engine_model(e), id);
	char ours[32], text[160];

	(void)snprintf(ours, sizeof(ours), "%.0f ms", ms);
	(void)snprintf(text, sizeof(text), "%s: %u jobs, %u cached, %u unaffected", what, run->jobs,
		       run->cached, run->unaffected);
	bench_row(text, ours, "-", 0, "100 ms", ms > 100);
}

static void measure_runs(struct big *b)
{
	struct bench_world w = {0};
	struct engine_options o = {.slots = 2, .version = "bench"};
	struct engine *e = NULL;
	struct err err = {0};
	double ms[RUNS];
	char *sources[] = {(char[]){"big"}};

	bench_open(&w);
	must(scm_local_add(w.w.scm, "big", b->repo, &err), &err);
	must(scm_refs(w.w.scm, "big", ignore, NULL, &err),
	     &err); /* the mirror's first fetch is not what is measured */
	fill_cache(&w, b->before);
	fill_cache(&w, b->after);
	w.w.sources.v = sources;
	w.w.sources.n = 1;
	move_ref(b, b->before);
	must(engine_new(&w.w, &o, &e, &err), &err);
	show_run("fully cached run, nothing to compare with", one_run(&w, e, 1, true), e, "run-1");
	for (unsigned i = 0; i < RUNS;
	     i++) { /* forth is a push of one file; back is forced: then nothing is there to compare with */
		move_ref(b, b->after);
		ms[i] = one_run(&w, e, 2 + 2 * i, false);
		move_ref(b, b->before);
		printf("big: back again: %.0f ms\n", one_run(&w, e, 3 + 2 * i, false));
	}
	show_run("fully cached run of a push of one file", bench_median(ms, RUNS), e, "run-2");
	engine_stop(e);
	bench_close(&w, e);
}

int main(void)
{
	struct big b = {0};
	struct err err = {0};

	make_repo(&b);
	measure_plan(&b);
	measure_runs(&b);
	xfree(b.repo);
	xfree(b.before);
	xfree(b.after);
	must(tree_remove(b.dir, &err), &err);
	return 0;
}
