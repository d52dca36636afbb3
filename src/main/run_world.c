/* The world of one local run: the user's cache, a sandbox of its own, no environments. */
#include "clients/manifest.h"
#include "engine/runner_loop.h"
#include "flow/1-source/adapters.h"
#include "flow/2-build/adapters.h"
#include "flow/3-artifact/adapters.h"
#include "flow/4-verify/adapters.h"
#include "flow/5-deploy/adapters_deploy.h"
#include "flow/5-deploy/desired_adapters.h"
#include "flow/6-watch/adapters_watch.h"
#include "io/files.h"
#include "main/house.h"
#include "main/local_run.h"
#include "main/zone.h"
#include "secrets/adapters.h"
#include "store/adapters.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct found {
	texts jobs;
};

static void note(void *ctx, const struct exec_seen *seen)
{
	struct found *f = ctx;

	vec_push(&f->jobs, xstrdup(seen->job));
}

/* Jobs of a run that was killed: they outlive it, as those of a daemon do. */
static void end_jobs(const char *dir)
{
	AUTO(freep) char *shim = shim_path();
	AUTO(freep) char *jobs = xasprintf("%s/jobs", dir);
	struct found f = {0};
	struct err err = {0};
	struct exec *x = file_exists(jobs) ? exec_sandbox_new(dir, shim, &err) : NULL;

	if (!x)
		return;
	(void)!exec_poll(x, note, &f, &err);
	vec_each(job, &f.jobs) {
		(void)!exec_forget(x, *job, &err);
		xfree(*job);
	}
	vec_done(&f.jobs);
	exec_free(x);
}

/* Folders of runs that were killed: nobody holds their lock any more. */
static void sweep(const char *runs)
{
	DIR *d = opendir(runs);

	if (!d)
		return;
	for (struct dirent *e; (e = readdir(d));) {
		AUTO(freep) char *dir = xasprintf("%s/%s", runs, e->d_name);
		AUTO(freep) char *lock = xasprintf("%s/lock", dir);
		if (e->d_name[0] == '.' || !file_exists(lock) || file_is_locked(lock))
			continue;
		end_jobs(dir);
		(void)!tree_remove(dir, NULL); /* tried again next time */
	}
	closedir(d);
}

enum rc run_folder(struct run_world *w, const char *cache, struct err *err)
{
	w->lock = -1;
	w->cache = cache ? local_absolute(cache) : default_cache();
	AUTO(freep) char *runs = xasprintf("%s/runs", w->cache);
	AUTO(freep) char *dir = xasprintf("%s/%ld-XXXXXX", runs, (long)getpid());
	enum rc rc = dir_make(runs, 0700, err);

	if (rc != RC_OK)
		return err_wrap(err, "the cache");
	sweep(runs);
	if (!mkdtemp(dir))
		return err_errno(err, errno, "make a folder in %s", runs);
	w->dir = xstrdup(dir);
	AUTO(freep) char *lock = xasprintf("%s/lock", dir);
	return file_lock(lock, &w->lock, err);
}

static enum rc open_build(struct run_world *w, struct err *err)
{
	AUTO(freep) char *shim = shim_path();

	w->world.blobs = blobs_disk_new(w->cache, err);
	if (!w->world.blobs)
		return err->rc;
	if (access(shim, X_OK) != 0)
		return err_set(err, RC_UNSUPPORTED,
			       "%s is not there; it belongs beside penstock (or set PENSTOCK_SHIM)",
			       shim);
	w->world.exec = exec_sandbox_new(w->dir, shim, err);
	if (!w->world.exec)
		return err->rc;
	exec_sandbox_caches(w->world.exec, w->cache);    /* kept from run to run */
	w->images = image_disk_new(w->cache, NULL, err); /* kept from run to run */
	if (!w->images || exec_sandbox_containers(w->world.exec, w->images, "auto", err) != RC_OK)
		return err->rc;
	w->world.pack = pack_native_new(w->dir, w->world.blobs, err);
	return w->world.pack ? RC_OK : err->rc;
}

static enum rc open_fakes(struct run_world *w, struct err *err)
{
	enum rc rc = desired_fake_new(&w->world.desired, err);

	if (rc == RC_OK)
		rc = runtime_fake_new(&w->world.runtime, err);
	if (rc == RC_OK)
		rc = route_fake_new(&w->world.route, err);
	if (rc == RC_OK)
		rc = notify_fake_new(&w->world.notify, err);
	w->memory = blobs_memory_new();
	w->world.sign = sign_fake_new(w->memory);
	return rc;
}

enum rc run_world_open(struct run_world *w, const char *repo, struct err *err)
{
	AUTO(freep) char *data = default_data();
	enum rc rc = loop_new(&w->loop, err);

	if (rc != RC_OK)
		return rc;
	w->world.runner = runner_loop_new(w->loop);
	w->world.store = store_memory_new();
	w->world.secret = secret_file_new(data);
	w->world.toolchain = toolchain_text();
	w->world.zone_rule = zone_rule;
	w->world.keep_outputs = manifest_collect;
	w->world.lay_outputs = manifest_layout;
	rc = open_build(w, err);
	if (rc == RC_OK)
		rc = scm_local_new(NULL, &w->world.scm, err);
	if (rc == RC_OK)
		rc = scm_local_add(w->world.scm, "local", repo, err);
	return rc == RC_OK ? open_fakes(w, err) : rc;
}

void run_world_close(struct run_world *w)
{
	loop_free(w->loop); /* waits for what still works */
	notify_free(w->world.notify);
	route_free(w->world.route);
	runtime_free(w->world.runtime);
	desired_free(w->world.desired);
	sign_free(w->world.sign);
	blobs_free(w->memory);
	scm_free(w->world.scm);
	secret_free(w->world.secret);
	pack_free(w->world.pack);
	exec_free(w->world.exec);
	image_free(w->images);
	blobs_free(w->world.blobs);
	store_free(w->world.store);
	runner_loop_free(w->world.runner);
	if (w->dir)
		(void)!tree_remove(w->dir, NULL); /* the next run's sweep tries again */
	if (w->lock >= 0)
		(void)close(w->lock);
	xfree(w->dir);
	xfree(w->cache);
}
