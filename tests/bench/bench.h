/* What the measurements share: rows of the table that tools/bench.sh prints at the end, commands timed, an engine with real parts. */
#pragma once
#include "engine/engine.h"
#include "engine/runner_loop.h"

#include "base/log.h"
#include "clients/manifest.h"
#include "flow/1-source/adapters.h"
#include "flow/2-build/adapters.h"
#include "flow/3-artifact/adapters.h"
#include "flow/4-verify/adapters.h"
#include "flow/5-deploy/adapters_deploy.h"
#include "flow/5-deploy/desired_adapters.h"
#include "flow/6-watch/adapters_watch.h"
#include "io/child.h"
#include "io/clock.h"
#include "io/files.h"
#include "secrets/adapters.h"
#include "store/adapters.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* "| what | ours | peer | ratio | budget |"; peer and budget may be "-". */
static UNUSED void bench_row(const char *what, const char *ours, const char *peer, double ratio,
			     const char *budget, bool over)
{
	char text[32] = "-";

	if (ratio > 0)
		(void)snprintf(text, sizeof(text), "%.2f", ratio);
	printf("| %s | %s | %s | %s | %s%s |\n", what, ours, peer, text, budget,
	       over ? " **over**" : "");
	(void)fflush(stdout);
}

static UNUSED void bench_skip(const char *peer, const char *what)
{
	printf("SKIPPED %s: %s\n", peer, what);
}

static UNUSED void must(enum rc rc, const struct err *err)
{
	if (rc == RC_OK)
		return;
	fprintf(stderr, "bench: %s\n", err->msg);
	exit(1);
}

static UNUSED double ms_since(usec_t begin)
{
	return (double)(clock_mono() - begin) / 1e3;
}

/* Milliseconds of `sh -c command`; any other end than 0 ends the measurement. */
static UNUSED double bench_command(const char *command)
{
	const char *argv[] = {"/bin/sh", "-c", command, NULL};
	AUTO(strbuf_done) struct strbuf out = STRBUF((size_t)64 << 20);
	struct child_run run = {.spec = {.argv = argv, .fds = {-1, -1, -1, -1}},
				.timeout = 300 * USEC_SEC};
	struct err err = {0};
	int code = 0;
	usec_t begin = clock_mono();

	must(child_capture(&run, &out, NULL, &code, &err), &err);
	double ms = ms_since(begin);
	if (code) {
		fprintf(stderr, "bench: %s\nended with %d: %.400s\n", command, code,
			strbuf_cstr(&out));
		exit(1);
	}
	return ms;
}

static UNUSED int bench_by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static UNUSED double bench_median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), bench_by_value);
	return v[n / 2];
}

static UNUSED bool bench_has(const char *program)
{
	AUTO(freep) char *command = xasprintf("command -v %s >/dev/null 2>&1", program);

	return system(command) == 0; /* NOLINT */
}

/* Journal, mirror, cache, sandbox and packer are real; what stage ci does not need is fake. */
struct bench_world {
	char data[64];
	struct loop *loop;
	struct world w;
	struct blobs *memory;
};

static UNUSED void bench_open(struct bench_world *b)
{
	struct err err = {0};
	const char *build = getenv("BUILD_FOLDER");

	log_open(STDERR_FILENO, false, LOG_ERROR);
	(void)snprintf(b->data, sizeof(b->data), "/tmp/penstock-bench-XXXXXX");
	if (!mkdtemp(b->data))
		exit(1);
	AUTO(freep)
	char *journal = xasprintf("%s/journal.db", b->data),
	     *mirror = xasprintf("%s/mirror", b->data);
	AUTO(freep) char *shim = xasprintf("%s/penstock-shim", build ? build : "build");
	char *real = realpath(shim, NULL);
	must(loop_new(&b->loop, &err), &err);
	must(dir_make(mirror, 0700, &err), &err);
	must(store_sqlite_open(journal, &b->w.store, &err), &err);
	must(scm_local_new(mirror, &b->w.scm, &err), &err);
	must(desired_fake_new(&b->w.desired, &err), &err);
	must(runtime_fake_new(&b->w.runtime, &err), &err);
	must(route_fake_new(&b->w.route, &err), &err);
	must(notify_fake_new(&b->w.notify, &err), &err);
	b->memory = blobs_memory_new();
	b->w.runner = runner_loop_new(b->loop);
	b->w.blobs = blobs_disk_new(b->data, &err);
	b->w.exec = exec_sandbox_new(b->data, real ? real : shim, &err);
	free(real);
	b->w.pack = pack_native_new(b->data, b->w.blobs, &err);
	b->w.sign = sign_fake_new(b->memory);
	b->w.secret = secret_file_new(b->data);
	b->w.toolchain = "bench";
	b->w.keep_outputs = manifest_collect;
	b->w.lay_outputs = manifest_layout;
	if (!b->w.blobs || !b->w.exec || !b->w.pack)
		must(RC_INTERNAL, &err);
}

static UNUSED void bench_close(struct bench_world *b, struct engine *e)
{
	struct err err = {0};

	loop_free(b->loop);
	engine_free(e);
	notify_free(b->w.notify);
	route_free(b->w.route);
	runtime_free(b->w.runtime);
	desired_free(b->w.desired);
	sign_free(b->w.sign);
	blobs_free(b->memory);
	scm_free(b->w.scm);
	secret_free(b->w.secret);
	pack_free(b->w.pack);
	exec_free(b->w.exec);
	blobs_free(b->w.blobs);
	store_free(b->w.store);
	runner_loop_free(b->w.runner);
	must(tree_remove(b->data, &err), &err);
}

/* Waits until run `id` is over and durable; exits when it did not pass. */
struct bench_wait {
	struct engine *e;
	struct loop *loop;
	const char *id;
	bool over;
};

static UNUSED void bench_see(void *ctx, const struct record *rec)
{
	struct bench_wait *w = ctx;
	const struct run *run = model_run(engine_model(w->e), w->id);

	(void)rec;
	if (!run || run->open || run->state == RUN_PLANNED || run->state == RUN_RUNNING)
		return;
	w->over = run->state == RUN_PASSED;
	if (!w->over)
		fprintf(stderr, "bench: %s is %s: %s\n", w->id, run_state_names[run->state],
			run->reason ? run->reason : "-");
	loop_stop(w->loop);
}
