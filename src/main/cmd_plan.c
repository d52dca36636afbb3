/* `penstock plan`: what a change touches, and what would run, from Git objects alone. */
#include "base/json.h"
#include "base/yaml.h"
#include "clients/git_worktree.h"
#include "flow/2-build/adapters.h"
#include "io/clock.h"
#include "io/files.h"
#include "main/house.h"
#include "main/local.h"
#include "main/local_plan.h"

#define OUT_MAX ((size_t)256 << 20)

struct counts {
	size_t affected, hit, miss, unaffected;
};

static struct counts count(const struct plan *p)
{
	struct counts c = {0};

	vec_each(u, &p->units)
		c.affected += u->affected;
	vec_each(job, &p->jobs) {
		c.hit += job->state == PLAN_HIT;
		c.miss += job->state == PLAN_MISS;
		c.unaffected += job->state == PLAN_UNAFFECTED;
	}
	return c;
}

static void print_json(const struct plan *p, usec_t began)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(OUT_MAX);
	struct json_out out = JSON_OUT(&text);

	json_open(&out, NULL);
	json_u64(&out, "units", p->units.n);
	json_list(&out, "affected");
	vec_each(u, &p->units)
		if (u->affected)
			json_cstr(&out, NULL, u->name);
	json_unlist(&out);
	json_list(&out, "jobs");
	vec_each(job, &p->jobs) {
		json_open(&out, NULL);
		json_cstr(&out, "unit", job->unit);
		json_cstr(&out, "job", job->job);
		json_cstr(&out, "key", job->key);
		json_cstr(&out, "state", plan_state_names[job->state]);
		json_cstr(&out, "why", job->why);
		json_close(&out);
	}
	json_unlist(&out);
	json_u64(&out, "elapsed_us", clock_mono() - began);
	json_close(&out);
	strbuf_addc(&text, '\n');
	local_print(&text);
}

static void print_table(const struct local_change *c, usec_t began)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(OUT_MAX);
	const struct plan *p = &c->read.plan;
	struct counts n = count(p);
	int unit = 4, job = 3;

	vec_each(j, &p->jobs) {
		if (j->state == PLAN_UNAFFECTED)
			continue;
		unit = MAX_OF(unit, (int)strlen(j->unit));
		job = MAX_OF(job, (int)strlen(j->job));
	}
	if (n.hit + n.miss)
		strbuf_addf(&text, "%-*s  %-*s  %-4s  %-12s  %s\n", unit, "UNIT", job, "JOB", "",
			    "KEY", "WHY");
	vec_each(j, &p->jobs)
		if (j->state != PLAN_UNAFFECTED)
			strbuf_addf(&text, "%-*s  %-*s  %-4s  %.12s  %s\n", unit,
				    *j->unit ? j->unit : "-", job, j->job,
				    plan_state_names[j->state], j->key, j->why ? j->why : "");
	strbuf_addf(&text, "%.12s against %.12s: %zu of %zu units affected; ", c->head,
		    *c->base ? c->base : "nothing", n.affected, p->units.n);
	strbuf_addf(&text, "%zu jobs to run, %zu in the cache, %zu unaffected (", n.miss, n.hit,
		    n.unaffected);
	strbuf_add_duration(&text, clock_mono() - began);
	strbuf_adds(&text, ")\n");
	local_print(&text);
}

static bool has_results(const char *dir)
{
	AUTO(freep) char *results = xasprintf("%s/results", dir);

	return file_exists(results);
}

/* Where there is no daemon's data, what `penstock run` keeps is what it will look into. *ret NULL: there is none. */
static enum rc open_cache(const char *given, struct blobs **ret, struct err *err)
{
	AUTO(freep) char *data = default_data();
	AUTO(freep) char *cache = default_cache();
	const char *dir = given ? given : has_results(data) ? data : cache;

	if (given && !file_exists(given))
		return err_set(err, RC_NOT_FOUND, "there is no cache at %s", given);
	if (!has_results(dir))
		return RC_OK;
	*ret = blobs_disk_new(dir, err);
	return *ret ? RC_OK : err->rc;
}

/* A penstock.yml that is written and not committed is none of the commit's, which is all that a plan reads. */
static enum rc not_committed(struct repo *repo, const char *head, struct err *err)
{
	AUTO(freep)
	char *file =
		repo_workdir(repo) ? xasprintf("%s/%s", repo_workdir(repo), CONFIG_FILE) : NULL;
	AUTO(strbuf_done) struct strbuf text = STRBUF(YAML_MAX_BYTES);
	struct err none = {0};

	if (file && file_exists(file) &&
	    repo_file(repo, head, CONFIG_FILE, YAML_MAX_BYTES, &text, &none) == RC_NOT_FOUND)
		return err_set(err, err->rc,
			       "%s is not committed, and a plan is of a commit: commit it first; "
			       "`penstock run` takes the work tree as it is",
			       CONFIG_FILE);
	return err->rc;
}

static enum rc make(const struct plan_options *o, struct local_change *ret, struct err *err)
{
	AUTO(repo_freep) struct repo *repo = NULL;
	char head[GIT_HEX + 1] = "", base[GIT_HEX + 1] = "";
	struct blobs *cache = NULL;
	enum rc rc = local_repo(o->repo, &repo, err);

	if (rc == RC_OK)
		rc = local_head(repo, o->head, head, err);
	if (rc == RC_OK)
		rc = o->base ? repo_resolve(repo, o->base, base, err)
			     : repo_usual_base(repo, head, false, base, err);
	if (rc == RC_OK)
		rc = local_change(repo, head, base, ret, err);
	if (rc != RC_OK && repo && *head)
		return not_committed(repo, head, err);
	if (rc == RC_OK)
		rc = open_cache(o->cache, &cache, err);
	if (rc == RC_OK && cache)
		rc = project_results(&ret->read.plan, cache, NULL, false, err);
	blobs_free(cache);
	return rc;
}

int local_plan(const struct plan_options *o)
{
	AUTO(local_change_done) struct local_change change = {0};
	struct err err = {0};
	usec_t began = clock_mono();

	if (make(o, &change, &err) != RC_OK)
		return local_fail_as(&err, o->json);
	if (o->json)
		print_json(&change.read.plan, began);
	else
		print_table(&change, began);
	return EXIT_GOOD;
}
