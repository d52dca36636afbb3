/* What the tests of executors share: a folder, a store, inputs, and one job run to its end. */
#pragma once
#include "unit/unit.h"

#include "base/mem.h"
#include "clients/logfile.h"
#include "clients/manifest.h"
#include "flow/2-build/adapters.h"
#include "io/clock.h"
#include "io/files.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define OK(call)                                                                   \
	do {                                                                       \
		struct err err = {0};                                              \
		if ((call) != RC_OK)                                               \
			fail_msg("%s: %s", #call, err.msg);                        \
		if (err.rc != RC_OK)                                               \
			fail_msg("%s worked, and still says: %s", #call, err.msg); \
	} while (0)

#define SECRET "hunter2/&<secret>"

struct rig {
	char dir[64];
	struct exec *x;
	struct blobs *blobs;
	struct exec_inputs in;
	struct job_spec spec;
	struct exec_end end;
	struct strbuf log;
	usec_t took; /* from start() to the end being seen */
};

static UNUSED const char *shim_path(void)
{
	const char *path = getenv("PENSTOCK_SHIM");

	return path ? path : "build/penstock-shim";
}

static enum rc kit_sources(void *ctx, const struct change *c, const texts *paths, const char *into,
			   struct err *err)
{
	(void)ctx, (void)c;
	for (size_t i = 0; i < paths->n; i++) {
		AUTO(freep) char *dir = xasprintf("%s/%s", into, paths->v[i]);
		AUTO(freep) char *file = xasprintf("%s/source.txt", dir);
		enum rc rc = dir_make(dir, 0755, err);
		if (rc == RC_OK)
			rc = file_write_fast(file, STR("a source\n"), 0644, err);
		if (rc != RC_OK)
			return rc;
	}
	return RC_OK;
}

static enum rc kit_outputs(void *ctx, const char *manifest, const char *into, const char *own,
			   struct err *err)
{
	return manifest_layout(((struct rig *)ctx)->blobs, manifest, into, own, err);
}

static enum rc kit_secret(void *ctx, const char *reference, struct strbuf *ret, struct err *err)
{
	(void)ctx;
	if (!streq(reference, "file:TOKEN"))
		return err_set(err, RC_NOT_FOUND, "there is no secret %s", reference);
	strbuf_adds(ret, SECRET);
	return RC_OK;
}

static enum rc kit_keep_outputs(void *ctx, const char *dir, const texts *globs, char **ret,
				struct err *err)
{
	const char *list[16];

	for (size_t i = 0; i < globs->n; i++)
		list[i] = globs->v[i];
	return manifest_collect(((struct rig *)ctx)->blobs, dir, list, globs->n, ret, err);
}

static enum rc kit_keep_file(void *ctx, const char *path, char **ret_hex, struct err *err)
{
	char hex[DIGEST_HEX + 1];
	enum rc rc = blobs_put_file(((struct rig *)ctx)->blobs, path, hex, NULL, err);

	if (rc == RC_OK)
		*ret_hex = xstrdup(hex);
	return rc;
}

static UNUSED void spec_clear(struct job_spec *s)
{
	vec_done(&s->reads);
	vec_done(&s->needs);
	vec_done(&s->env);
	vec_done(&s->def.outputs);
	vec_done(&s->def.finally);
	vec_done(&s->def.secrets);
	vec_done(&s->def.env);
	*s = (struct job_spec){0};
}

/* Texts of a spec are literals here: it is cleared, never released. */
static UNUSED char *lit(const char *s)
{
	return (char *)(uintptr_t)s;
}

static UNUSED void spec_new(struct rig *r, const char *run)
{
	spec_clear(&r->spec);
	r->spec.job = lit("run-1/ci/orders/test");
	r->spec.unit = lit("orders");
	r->spec.path = lit("services/orders");
	r->spec.attempt = 1;
	r->spec.def.run = lit(run);
	r->spec.def.timeout = 200 * USEC_SEC;
	vec_push(&r->spec.reads, lit("services/orders"));
	vec_push(&r->spec.reads, lit("libs/shared"));
}

static UNUSED void rig_open(struct rig *r, bool fake)
{
	*r = (struct rig){.dir = "/tmp/penstock-exec-XXXXXX", .log = STRBUF((size_t)80 << 20)};
	assert_non_null(mkdtemp(r->dir));
	r->blobs = blobs_memory_new();
	r->in = (struct exec_inputs){
		.ctx = r,
		.sources = kit_sources,
		.outputs = kit_outputs,
		.secret = kit_secret,
		.keep_outputs = kit_keep_outputs,
		.keep_file = kit_keep_file,
	};
	struct err err = {0};
	r->x = fake ? exec_fake_new() : exec_sandbox_new(r->dir, shim_path(), &err);
	if (!r->x)
		fail_msg("%s", err.msg);
}

static UNUSED void rig_close(struct rig *r)
{
	struct err err = {0};

	exec_free(r->x);
	blobs_free(r->blobs);
	spec_clear(&r->spec);
	exec_end_done(&r->end);
	strbuf_done(&r->log);
	(void)!tree_remove(r->dir, &err);
}

struct looked {
	const char *job;
	bool known, running;
	uint32_t attempt;
};

static void look(void *ctx, const struct exec_seen *seen)
{
	struct looked *l = ctx;

	if (!streq(seen->job, l->job))
		return;
	l->known = true;
	l->running = seen->running;
	l->attempt = seen->attempt;
}

static UNUSED struct looked job_look(struct rig *r)
{
	struct looked l = {.job = r->spec.job};

	OK(exec_poll(r->x, look, &l, &err));
	return l;
}

static UNUSED void job_start(struct rig *r)
{
	OK(exec_start(r->x, &r->spec, &r->in, &err));
}

static UNUSED void job_wait(struct rig *r)
{
	usec_t begin = clock_mono();

	while (job_look(r).running) {
		struct pollfd p = {exec_fd(r->x), POLLIN, 0};
		if (clock_mono() - begin > 300 * USEC_SEC)
			fail_msg("the job does not end");
		poll(&p, 1, p.fd < 0 ? 5 : 1000);
	}
	CHECK(job_look(r).known, r->spec.def.run);
}

static UNUSED void job_fetch_log(struct rig *r)
{
	bool ended = false;

	strbuf_clear(&r->log);
	while (!ended)
		OK(exec_log(r->x, r->spec.job, r->log.n, 100000, &r->log, &ended, &err));
}

/* The log as the store has it. */
static UNUSED void kept_log(struct rig *r, struct strbuf *ret)
{
	AUTO(logfile_freep) struct logfile *l = NULL;
	int fd = -1;

	OK(blobs_open(r->blobs, r->end.log, &fd, &err));
	OK(logfile_open(fd, &l, &err));
	OK(logfile_read(l, 0, ret->cap - 1, ret, &err));
}

static UNUSED void job_end(struct rig *r)
{
	exec_end_done(&r->end);
	OK(exec_collect(r->x, r->spec.job, &r->in, &r->end, &err));
	job_fetch_log(r);
	OK(exec_forget(r->x, r->spec.job, &err));
	CHECK(!job_look(r).known, "forgotten");
}

static UNUSED void job_run(struct rig *r)
{
	usec_t begin = clock_mono();

	job_start(r);
	job_wait(r);
	r->took = clock_mono() - begin;
	job_end(r);
}

#define CHECK_END(r, want_failure, want_exit, why)                                              \
	do {                                                                                    \
		if ((r)->end.failure != (want_failure) ||                                       \
		    ((want_exit) >= 0 && (r)->end.exit != (want_exit)))                         \
			fail_msg("%s: failure %d, exit %lld: %s; log: %.2000s", why,            \
				 (int)(r)->end.failure, (long long)(r)->end.exit,               \
				 (r)->end.error ? (r)->end.error : "", strbuf_cstr(&(r)->log)); \
	} while (0)
#define CHECK_LOG(r, part)                                                                     \
	do {                                                                                   \
		if (!strstr(strbuf_cstr(&(r)->log), part))                                     \
			fail_msg("not in the log: %s: %.2000s", part, strbuf_cstr(&(r)->log)); \
	} while (0)
#define CHECK_NO_LOG(r, part)                                                              \
	do {                                                                               \
		if (strstr(strbuf_cstr(&(r)->log), part))                                  \
			fail_msg("in the log: %s: %.2000s", part, strbuf_cstr(&(r)->log)); \
	} while (0)
