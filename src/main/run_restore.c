/*
 * `penstock run --restore`: what the jobs left, laid out in the work tree as if they had run in it. The files are the user's own: shared
 * blocks where the disk can, else copies, never links to the cache.
 */
#include "clients/git_worktree.h"
#include "clients/manifest.h"
#include "io/files.h"
#include "main/local_run.h"

static char *outputs_of(const struct run_world *w, const struct job *job)
{
	struct result r = {0};
	char *ret = job->outputs && *job->outputs ? xstrdup(job->outputs) : NULL;

	if (!ret && job->key && blobs_get_result(w->world.blobs, job->key, &r, NULL) == RC_OK) {
		ret = r.outputs && *r.outputs ? xstrdup(r.outputs) : NULL;
		shape_done(&shape_result, &r);
	}
	return ret;
}

static enum rc restore_job(const struct run_world *w, const struct config *c, const struct job *job,
			   const char *tree, size_t *ret_n, struct err *err)
{
	const struct unit *u = config_unit(c, job->unit);
	const struct job_def *def = config_job(c, STAGE_CI, job->name);
	AUTO(freep) char *list = def && def->outputs.n ? outputs_of(w, job) : NULL;

	if (!list)
		return RC_OK;
	AUTO(freep) char *into = xasprintf("%s%s", tree, u && !streq(u->path, ".") ? u->path : "");
	AUTO(manifest_done) struct manifest m = {0};
	enum rc rc = manifest_list(w->world.blobs, list, &m, err);
	if (rc == RC_OK)
		rc = dir_make(into, 0755, err);
	if (rc == RC_OK)
		rc = manifest_layout(w->world.blobs, list, into, ".", err);
	*ret_n += m.entries.n;
	return rc == RC_OK ? rc : err_wrap(err, "restore %s", job->id);
}

enum rc run_restore(const struct run_world *w, const struct model *m, const char *repo,
		    size_t *ret_n, struct err *err)
{
	AUTO(repo_freep) struct repo *clone = NULL;
	const struct run *run = model_run(m, RUN_ID);
	const struct config *c = run ? model_config(m, run->config) : NULL;
	enum rc rc = local_repo(repo, &clone, err);

	*ret_n = 0;
	for (struct map_entry *e = NULL;
	     rc == RC_OK && c && (e = map_next(&m->by_kind[AGG_JOB], e));) {
		const struct job *job = e->value;
		if (job->state == JOB_PASSED || job->state == JOB_CACHED || job->state == JOB_FLAKY)
			rc = restore_job(w, c, job, repo_workdir(clone), ret_n, err);
	}
	return rc;
}
