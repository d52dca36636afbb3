/*
 * 1,000 jobs that do nothing (`true`): the real engine, journal, sandbox and cache, against ninja running the same commands plainly,
 * and against ninja running each in the same bubblewrap line. Then 10,000 in ten layers, each needing two of the layer before, against
 * ninja and make; and what the process takes while 100 jobs run. `bench_jobs flat` (or layers, running) measures one of these.
 */
#include "bench.h"

#include <sys/resource.h>

#define JOBS   1000
#define SLOTS  2
#define LAYERS 10
#define WIDTH  1000
#define MANY   100

struct shape_of {
	const char *name; /* of the repository */
	unsigned layers, width, slots;
	const char *run;
};

static void config_of(const struct shape_of *g, struct strbuf *to)
{
	strbuf_adds(to, "version: 1\nproject: noop\nlibraries:\n");
	for (unsigned l = 0; l < g->layers; l++)
		for (unsigned i = 0; i < g->width; i++) {
			strbuf_addf(to, "  u%u-%04u: {path: u%u-%04u", l, i, l, i);
			if (l)
				strbuf_addf(to, ", deps: [u%u-%04u, u%u-%04u]", l - 1, i, l - 1,
					    (i * 7 + 1) % g->width);
			strbuf_adds(to, "}\n");
		}
	strbuf_addf(to, "ci:\n  noop: {each: \"*\", inputs: [file]%s, run: \"%s\"}\n",
		    g->layers > 1 ? ", needs: [^noop]" : "", g->run);
}

/* A bare repository: libraries of one file each, one job. */
static void make_repo(const char *dir, const struct shape_of *g)
{
	AUTO(freep) char *stream = xasprintf("%s/import", dir);
	AUTO(freep) char *repo = xasprintf("%s/%s.git", dir, g->name);
	AUTO(freep)
	char *command =
		xasprintf("git init -q --bare -b main %s && git -C %s fast-import --quiet <%s",
			  repo, repo, stream);
	AUTO(strbuf_done)
	struct strbuf text = STRBUF((size_t)64 << 20), config = STRBUF((size_t)16 << 20);
	struct err err = {0};

	config_of(g, &config);
	strbuf_adds(
		&text,
		"commit refs/heads/main\ncommitter Ann <ann@example.com> 1700000000 +0000\ndata 4\nNoop\n");
	strbuf_addf(&text, "M 100644 inline penstock.yml\ndata %zu\n%s\n", config.n,
		    strbuf_cstr(&config));
	for (unsigned l = 0; l < g->layers; l++)
		for (unsigned i = 0; i < g->width; i++)
			strbuf_addf(&text, "M 100644 inline u%u-%04u/file\ndata 7\n%u %04u\n\n", l,
				    i, l, i);
	must(file_write_fast(stream, strbuf_str(&text), 0600, &err), &err);
	(void)bench_command(command);
}

/* Milliseconds that this process computed, all its threads, without its children. */
static double own_cpu(double *ret_user)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	*ret_user = (double)u.ru_utime.tv_sec * 1e3 + (double)u.ru_utime.tv_usec / 1e3;
	return *ret_user + (double)u.ru_stime.tv_sec * 1e3 + (double)u.ru_stime.tv_usec / 1e3;
}

/* KiB of memory that this process holds now. */
static unsigned long own_memory(void)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(65536);
	struct err err = {0};
	uint64_t kib = 0;

	must(file_read("/proc/self/status", 65000, &text, &err), &err);
	struct str rest = str_of(strstr(strbuf_cstr(&text), "VmRSS:") + strlen("VmRSS:"));
	rest = str_trim(str_cut(&rest, '\n'));
	return parse_u64(str_cut(&rest, ' '), &kib) ? (unsigned long)kib : 0;
}

struct measured {
	double ms, cpu, user; /* cpu: user and system */
	unsigned long kib;    /* while all of `running` run */
	unsigned running;
	struct engine *e;
	struct loop *loop;
};

static void look(void *arg)
{
	struct measured *m = arg;
	unsigned running = 0;

	for (struct map_entry *at = NULL;
	     (at = map_next(&engine_model(m->e)->by_kind[AGG_JOB], at));)
		running += ((const struct job *)at->value)->state == JOB_RUNNING;
	if (running >= m->running)
		m->kib = MAX_OF(m->kib, own_memory());
	loop_at(m->loop, loop_now(m->loop) + 100 * USEC_MS, look, m);
}

static void measure_ours(const char *dir, const struct shape_of *g, struct measured *ret)
{
	AUTO(freep) char *repo = xasprintf("%s/%s.git", dir, g->name);
	struct bench_world w = {0};
	struct engine_options o = {.slots = g->slots, .version = "bench"};
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
	ret->e = e;
	ret->loop = w.loop;
	if (ret->running)
		look(ret);
	usec_t begin = clock_mono();
	double user, cpu = own_cpu(&user);
	engine_start(e);
	loop_run(w.loop);
	ret->ms = ms_since(begin);
	ret->cpu = own_cpu(&ret->user) - cpu;
	ret->user -= user;
	const struct engine_stats *s = engine_stats(e);
	const struct run *run = model_run(engine_model(e), "run-1");
	if (!wait.over || run->jobs != g->layers * g->width || run->cached)
		exit(1);
	printf("jobs: %llu events in %llu commits (%.0f ms), %llu effects\n",
	       (unsigned long long)s->events, (unsigned long long)s->commits,
	       (double)s->commit_usec / 1e3, (unsigned long long)s->effects);
	engine_stop(e);
	bench_close(&w, e);
}

static double measure_ninja(const char *dir, const struct shape_of *g, const char *command,
			    size_t times)
{
	AUTO(freep)
	char *file = xasprintf("%s/build.ninja", dir),
	     *run = xasprintf("ninja -C %s -j %u --quiet", dir, g->slots);
	AUTO(strbuf_done) struct strbuf text = STRBUF((size_t)4 << 20);
	struct err err = {0};
	double ms[3];

	strbuf_addf(&text, "rule r\n  command = %s\n", command);
	for (unsigned l = 0; l < g->layers; l++)
		for (unsigned i = 0; i < g->width; i++) {
			strbuf_addf(&text, "build u%u-%04u: r", l, i);
			if (l)
				strbuf_addf(&text, " u%u-%04u u%u-%04u", l - 1, i, l - 1,
					    (i * 7 + 1) % g->width);
			strbuf_addc(&text, '\n');
		}
	must(file_write_fast(file, strbuf_str(&text), 0600, &err), &err);
	for (size_t i = 0; i < times; i++)
		ms[i] = bench_command(run);
	return bench_median(ms, times);
}

/* `true` alone is nothing to make: it would start no process; with a `;` it goes through the shell, as the others do. */
static double measure_make(const char *dir, const struct shape_of *g)
{
	AUTO(freep)
	char *file = xasprintf("%s/Makefile", dir),
	     *run = xasprintf("make -s -C %s -j %u", dir, g->slots);
	AUTO(strbuf_done) struct strbuf text = STRBUF((size_t)8 << 20);
	struct err err = {0};

	strbuf_adds(&text, "all:");
	for (unsigned i = 0; i < g->width; i++)
		strbuf_addf(&text, " u%u-%04u", g->layers - 1, i);
	strbuf_addc(&text, '\n');
	for (unsigned l = 0; l < g->layers; l++)
		for (unsigned i = 0; i < g->width; i++) {
			strbuf_addf(&text, "u%u-%04u:", l, i);
			if (l)
				strbuf_addf(&text, " u%u-%04u u%u-%04u", l - 1, i, l - 1,
					    (i * 7 + 1) % g->width);
			strbuf_adds(&text, "\n\t@true;\n");
		}
	must(file_write_fast(file, strbuf_str(&text), 0600, &err), &err);
	return bench_command(run);
}

static void show(const char *what, double ours, double peer, unsigned jobs, const char *name,
		 const char *budget, bool over)
{
	char a[48], p[64];

	(void)snprintf(a, sizeof(a), "%.0f ms (%.1f a job)", ours, ours / jobs);
	(void)snprintf(p, sizeof(p), "%.0f ms (%s)", peer, name);
	bench_row(what, a, p, ours / peer, budget, over);
}

static void show_cpu(const char *what, const struct measured *m, unsigned jobs)
{
	char text[48];

	(void)snprintf(text, sizeof(text), "%.2f ms (%.2f of it user)", m->cpu / jobs,
		       m->user / jobs);
	bench_row(what, text, "-", 0, "0.2 ms", m->cpu / jobs > 0.2);
}

static void flat(const char *dir)
{
	/* As the shim tells bubblewrap (src/shim/sandbox.c). */
	static const char bwrap[] =
		"bwrap --unshare-pid --unshare-ipc --unshare-uts --unshare-cgroup-try --die-with-parent --new-session --hostname job "
		"--cap-drop ALL --unshare-net --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/sbin /sbin --symlink usr/lib /lib "
		"--symlink usr/lib64 /lib64 --proc /proc --remount-ro /proc --dev /dev --size 1073741824 --tmpfs /tmp --remount-ro / "
		"--chdir / -- /bin/sh -e -c true";
	const struct shape_of g = {"flat", 1, JOBS, SLOTS, "true"};
	struct measured m = {0};

	make_repo(dir, &g);
	measure_ours(dir, &g, &m);
	show_cpu("what the engine computes for a no-op job, all threads and system calls", &m,
		 JOBS);
	if (!bench_has("ninja")) {
		bench_skip("ninja", "1,000 no-op jobs");
		return;
	}
	double plain = measure_ninja(dir, &g, "true", 3), boxed = measure_ninja(dir, &g, bwrap, 3);
	show("1,000 no-op jobs, sandboxed, journalled", m.ms, plain, JOBS, "ninja, no sandbox",
	     "1.3x", m.ms / plain > 1.3);
	show("the same, against the same sandbox", m.ms, boxed, JOBS, "ninja, each in bwrap",
	     "1.3x", m.ms / boxed > 1.3);
}

static void layered(const char *dir)
{
	const struct shape_of g = {"layers", LAYERS, WIDTH, SLOTS, "true"};
	struct measured m = {0};

	make_repo(dir, &g);
	measure_ours(dir, &g, &m);
	show_cpu("the same for one of 10,000 in ten layers", &m, LAYERS * WIDTH);
	if (bench_has("ninja"))
		show("10,000 no-op jobs in ten layers, sandboxed, journalled", m.ms,
		     measure_ninja(dir, &g, "true", 1), LAYERS * WIDTH, "ninja -j 2, no sandbox",
		     "-", false);
	else
		bench_skip("ninja", "10,000 no-op jobs");
	if (bench_has("make"))
		show("the same", m.ms, measure_make(dir, &g), LAYERS * WIDTH,
		     "make -j 2, no sandbox", "-", false);
	else
		bench_skip("make", "10,000 no-op jobs");
}

static void running(const char *dir)
{
	const struct shape_of g = {"many", 1, MANY, MANY, "sleep 4"};
	struct measured m = {.running = MANY};
	char text[48];

	make_repo(dir, &g);
	measure_ours(dir, &g, &m);
	(void)snprintf(text, sizeof(text), "%.1f MB", (double)m.kib / 1024);
	bench_row("memory of the process while 100 jobs run", text, "-", 0, "40 MB",
		  !m.kib || m.kib > 40 * 1024);
}

static bool asked(int argc, char **argv, const char *part)
{
	return argc < 2 || streq(argv[1], part);
}

int main(int argc, char **argv)
{
	char dir[] = "/tmp/penstock-bench-XXXXXX";
	struct err err = {0};

	if (!mkdtemp(dir))
		return 1;
	if (asked(argc, argv, "running"))
		running(dir);
	if (asked(argc, argv, "flat"))
		flat(dir);
	if (asked(argc, argv, "layers"))
		layered(dir);
	must(tree_remove(dir, &err), &err);
	return 0;
}
