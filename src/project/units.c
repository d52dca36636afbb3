/* From a commit's files to units, trees and slices. */
#include "base/map.h"
#include "core/config_impl.h"
#include "project/side.h"

static enum rc parse_manifest(struct side *s, const struct tree_entry *file, struct err *err)
{
	const struct parsed *p;
	enum rc rc = project_cache_get(s->cache, s->ask->source, s->commit, file, PARSE_MANIFEST,
				       &p, err);

	if (rc != RC_OK)
		return rc;
	if (p->manifest)
		vec_push(&s->manifests, p->manifest);
	else
		vec_push(&s->broken, ((struct tree_entry){file->path, p->problem, 0}));
	return RC_OK;
}

static bool is_parent(const struct side *s, const char *file)
{
	vec_each(m, &s->manifests)
		if (streq((*m)->parent, file))
			return true;
	return false;
}

static enum rc parse_locked(struct side *s, const struct tree_entry *file, struct err *err)
{
	enum lock_kind kind;
	const struct parsed *p = NULL;
	bool pom = streq(path_base(file->path), "pom.xml");
	enum rc rc = RC_OK;

	if (!slice_is_lock(file->path) && !(pom && is_parent(s, file->path)))
		return RC_OK;
	if (pom || lock_is(file->path, &kind))
		rc = project_cache_get(s->cache, s->ask->source, s->commit, file,
				       pom ? PARSE_POM : PARSE_LOCK, &p, err);
	if (rc == RC_OK)
		vec_push(&s->locked, ((struct locked){file->path, file->oid, p ? p->lock : NULL,
						      p ? p->pom : NULL, p ? p->problem : NULL}));
	return rc;
}

static enum rc parse_files(struct side *s, struct err *err)
{
	enum buildfile_kind kind;
	enum rc rc = RC_OK;

	for (size_t i = 0; i < s->files.n && rc == RC_OK; i++) {
		if (buildfile_is(s->files.v[i].path, &kind))
			rc = parse_manifest(s, &s->files.v[i], err);
		else if (marker_is(s->files.v[i].path))
			vec_push(&s->markers, xstrdup(s->files.v[i].path));
	}
	for (size_t i = 0; i < s->files.n && rc == RC_OK; i++)
		rc = parse_locked(s, &s->files.v[i], err);
	return rc;
}

static bool is_said(const struct config *c, const char *dir)
{
	vec_each(u, &c->units)
		if (streq(u->path, dir))
			return true;
	return false;
}

/* A broken manifest inside of another unit (a fixture), or of a unit that penstock.yml says, is only worth a note. */
static enum rc judge_broken(struct side *s, struct err *err)
{
	vec_each(b, &s->broken) {
		AUTO(freep) char *dir = path_dir(b->path);
		bool inside = is_said(&s->to->config, dir);
		vec_each(u, &s->to->graph.units)
			inside |= !streq(u->path, ".") && !streq(u->path, dir) &&
				  path_below(dir, u->path);
		if (!inside)
			return err_set(err, RC_INVALID,
				       "%s; fix it, or write the unit in %s and take `projects: "
				       "infer` out",
				       b->oid, PROJECT_FILE);
		vec_push(&s->to->graph.notes, xasprintf("%s: left out", b->oid));
	}
	return RC_OK;
}

static enum rc check_jobs(const struct config *c, struct err *err)
{
	vec_each(job, &c->jobs) {
		struct err why = {RC_OK, ""};

		if (config_condition(c, job, &why) != RC_OK)
			return err_set(err, RC_INVALID,
				       "%s:%u: %s: `penstock graph` lists the units", PROJECT_FILE,
				       job->line, why.msg);
		if (!job->each || streq(job->each, "*") || streq(job->each, "services") ||
		    streq(job->each, "libraries") || config_unit(c, job->each))
			continue;
		return err_set(
			err, RC_INVALID,
			"%s:%u: \"each\" of job \"%s\" must be \"*\", services, libraries or a "
			"unit, not \"%s\": `penstock graph` lists the units",
			PROJECT_FILE, job->line, job->name, job->each);
	}
	return RC_OK;
}

/* As config_read() does with units that are written: an input that no key can name is none. */
static enum rc check_inputs(const struct config *c, struct err *err)
{
	vec_each(job, &c->jobs)
		vec_each(u, &c->units) {
			if (!job_covers(job, u))
				continue;
			vec_each(input, &job->inputs) {
				AUTO(strbuf_done) struct strbuf path = STRBUF(2 * TEXT_MAX);

				if (input_resolve(u->path, str_of(*input), &path))
					continue;
				return err_set(
					err, RC_INVALID,
					"%s:%u: input \"%s\" of job \"%s\" leaves the repository (the unit "
					"%s is at \"%s\"): write " INPUTS_ROOT
					"... for what stands at the top",
					PROJECT_FILE, job->line, *input, job->name, u->name,
					u->path);
			}
		}
	return RC_OK;
}

static enum rc infer(struct side *s, struct err *err)
{
	const struct project_source *source = s->ask->source;
	texts dirs = {0}, list = {0};

	project_graph(s->manifests.v, s->manifests.n, &s->markers, &s->to->graph);
	enum rc rc = judge_broken(s, err);
	if (rc == RC_OK)
		rc = project_merge(&s->to->config, &s->to->graph, err);
	if (rc == RC_OK)
		rc = check_jobs(&s->to->config, err);
	if (rc == RC_OK)
		rc = check_inputs(&s->to->config, err);
	if (rc == RC_OK) {
		plan_paths(&s->to->config, &dirs, &list);
		rc = source->tree(source->ctx, s->commit, &dirs, &list, NULL, &s->to->facts, err);
	}
	vec_each(d, &dirs)
		xfree(*d);
	vec_each(l, &list)
		xfree(*l);
	vec_done(&dirs);
	vec_done(&list);
	return rc;
}

static void slice(struct side *s)
{
	const struct slice_ask ask = {&s->to->config, s->manifests.v, s->manifests.n, s->locked.v,
				      s->locked.n};
	struct slices found;

	if (!s->locked.n && !s->manifests.n)
		return;
	slices_make(&ask, &found);
	vec_each(one, &found.list)
		vec_push(&s->to->facts.slices, *one);
	found.list.n = 0;
	vec_each(w, &found.warnings)
		vec_push(&s->to->warnings, ((struct pair){w->unit, w->text}));
	found.warnings.n = 0;
	slices_done(&found);
}

enum rc side_units(struct side *s, struct err *err)
{
	enum rc rc = parse_files(s, err);

	if (rc == RC_OK && s->to->config.infer)
		rc = infer(s, err);
	if (rc == RC_OK)
		slice(s);
	vec_each(u, &s->to->graph.units) /* they are the cache's */
		vec_done(&u->manifests);
	return rc;
}
