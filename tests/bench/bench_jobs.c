/*
 * 1,000 jobs that do nothing (`true`): the real engine, journal, sandbox and cache, against ninja
 * running the same commands plainly, and against ninja running each in the same bubblewrap line.
 */
#include "bench.h"

#include <sys/resource.h>

#define JOBS  1000
#define SLOTS 2

/* A bare repository: 1,000 libraries of one file each, one job. */
static void make_repo(const char *dir)
{
	AUTO(freep)
	char *stream = xasprintf("%s/import", dir), *repo = xasprintf("%s/noop.git", dir);
	AUTO(freep)
	char *command =
		xasprintf("git init -q --bare -b main %s && git -C %s fast-import --quiet <%s",
			  repo, repo, stream);
	AUTO(strbuf_done)
	struct strbuf text = STRBUF((size_t)16 << 20), config = STRBUF((size_t)1 << 20);
	struct err err = {0};

	strbuf_adds(&config, "version: 1\nproject: noop\nlibraries:\n");
	for (unsigned i = 0; i < JOBS; i++)
		strbuf_addf(&config, "  u%04u: {path: u%04u}\n", i, i);
	strbuf_adds(&config, "ci:\n  noop: {each: \"*\", run: \"true\"}\n");
	strbuf_adds(
		&text,
		"commit refs/heads/main\ncommitter Ann <ann@example.com> 1700000000 +0000\ndata 4\nNoop\n");
	strbuf_addf(&text, "M 100644 inline penstock.yml\ndata %zu\n%s\n", config.n,
		    strbuf_cstr(&config));
	for (unsigned i = 0; i < JOBS; i++)
		strbuf_addf(&text, "M 100644 inline u%04u/file\ndata 5\n%04u\n\n", i, i);
	must(file_write_fast(stream, strbuf_str(&text), 0600, &err), &err);
	(void)bench_command(command);
}

/* Milliseconds that this process computed, all its threads, without its children. */
static double own_cpu(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}

static double measure_ours(const char *dir, double *ret_cpu)
{
	AUTO(freep) char *repo = xasprintf("%s/noop.git", dir);
	struct bench_world w = {0};
	struct engine_options o = {.slots = SLOTS, .version = "bench"};
	struct engine *e = NULL;
	struct err err = {0};
	char *sources[] = {(char[]){"noop"}};

	bench_open(&w);
	must(scm_local_add(w.w.scm, "noop", repo, &err), &err);
	w.w.sources.v = sources;
	w.w.sources.n = 1;
	must(engine_new(&w.w, &o, &e, &err), &err);
	struct bench_wait wait = {e, w.loop, "run-1", false};
	engine_listen(e, bench_see, &wait);
	usec_t begin = clock_mono();
	double cpu = own_cpu();
	engine_start(e);
	loop_run(w.loop);
	double ms = ms_since(begin);
	*ret_cpu = own_cpu() - cpu;
	const struct engine_stats *s = engine_stats(e);
	const struct run *run = model_run(engine_model(e), "run-1");
	if (!wait.over || run->jobs != JOBS || run->cached)
		exit(1);
	printf("jobs: %llu events in %llu commits (%.0f ms), %llu effects\n",
	       (unsigned long long)s->events, (unsigned long long)s->commits,
	       (double)s->commit_usec / 1e3, (unsigned long long)s->effects);
	engine_stop(e);
	bench_close(&w, e);
	return ms;
}

static double measure_ninja(const char *dir, const char *command)
{
	AUTO(freep)
	char *file = xasprintf("%s/build.ninja", dir),
	     *run = xasprintf("ninja -C %s -j %d --quiet", dir, SLOTS);
	AUTO(strbuf_done) struct strbuf text = STRBUF((size_t)1 << 20);
	struct err err = {0};
	double ms[3];

	strbuf_addf(&text, "rule r\n  command = %s\n", command);
	for (unsigned i = 0; i < JOBS; i++)
		strbuf_addf(&text, "build u%04u: r\n", i);
	must(file_write_fast(file, strbuf_str(&text), 0600, &err), &err);
	for (size_t i = 0; i < ARRAY_LEN(ms); i++)
		ms[i] = bench_command(run);
	return bench_median(ms, ARRAY_LEN(ms));
}

static void show(const char *what, double ours, double peer, const char *name, const char *budget,
		 bool over)
{
	char a[48], p[64];

	(void)snprintf(a, sizeof(a), "%.0f ms (%.1f a job)", ours, ours / JOBS);
	(void)snprintf(p, sizeof(p), "%.0f ms (%s)", peer, name);
	bench_row(what, a, p, ours / peer, budget, over);
}

int main(void)
{
	/* As the shim tells bubblewrap (src/shim/sandbox.c). */
	static const char bwrap[] =
		"bwrap --unshare-pid --unshare-ipc --unshare-uts --unshare-cgroup-try --die-with-parent --new-session --hostname job "
		"--cap-drop ALL --unshare-net --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/sbin /sbin --symlink usr/lib /lib "
		"--symlink usr/lib64 /lib64 --proc /proc --remount-ro /proc --dev /dev --size 1073741824 --tmpfs /tmp --remount-ro / "
		"--chdir / -- /bin/sh -e -c true";
	char dir[] = "/tmp/penstock-bench-XXXXXX";
	struct err err = {0};

	if (!mkdtemp(dir))
		return 1;
	make_repo(dir);
	double cpu = 0, ours = measure_ours(dir, &cpu);
	printf("engine cpu %.3f ms a job, %.0f ms in all\n", cpu / JOBS, ours);
	if (getenv("OURS")) {
		must(tree_remove(dir, &err), &err);
		return 0;
	}
	if (!bench_has("ninja")) {
		bench_skip("ninja", "1,000 no-op jobs");
	} else {
		double plain = measure_ninja(dir, "true"), boxed = measure_ninja(dir, bwrap);

		show("1,000 no-op jobs, sandboxed, journalled", ours, plain, "ninja, no sandbox",
		     "1.3x", ours / plain > 1.3);
		show("the same, against the same sandbox", ours, boxed, "ninja, each in bwrap",
		     "1.3x", ours / boxed > 1.3);
	}
	must(tree_remove(dir, &err), &err);
	return 0;
}
