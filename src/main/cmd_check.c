/* `penstock check`: reads a penstock.yml and says what it says, or what is wrong and where. */
#include "base/json.h"
#include "base/yaml.h"
#include "clients/git_worktree.h"
#include "io/files.h"
#include "main/house.h"
#include "main/local.h"
#include "main/local_plan.h"
#include "main/zone.h"

#include <sys/stat.h>
#include <unistd.h>

#define OUT_MAX ((size_t)64 << 20)

/* The file itself as penstock.yml; what it includes, beside it. */
static enum rc file_beside(void *ctx, const char *commit, const char *path, const char *oid,
			   size_t max, struct strbuf *ret, struct err *err)
{
	const char *file = ctx, *slash = strrchr(file, '/');
	AUTO(freep)
	char *full = streq(path, CONFIG_FILE)
			     ? xstrdup(file)
			     : xasprintf("%.*s%s", slash ? (int)(slash - file + 1) : 0, file, path);

	(void)commit;
	(void)oid;
	return file_read(full, max, ret, err);
}

static enum rc read_file(const char *path, struct config *ret, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(YAML_MAX_BYTES);
	AUTO(freep) char *file = xstrdup(path);
	struct project_source source = local_source(NULL);
	texts names = {NULL, 0, 0};
	enum rc rc = file_read(path, YAML_MAX_BYTES, &text, err);

	if (rc == RC_NOT_FOUND)
		return err_set(err, rc, "there is no %s; `penstock init` writes one", path);
	if (rc == RC_OK)
		rc = config_includes(strbuf_str(&text), path, &names, err);
	source.ctx = file;
	source.file = file_beside;
	if (rc == RC_OK)
		rc = names.n ? project_config(&source, "", ret, err)
			     : config_read(strbuf_str(&text), path, zone_rule, NULL, ret, err);
	vec_each(name, &names)
		xfree(*name);
	vec_done(&names);
	return rc;
}

static enum rc read_commit(const struct check_options *o, struct config *ret, struct err *err)
{
	AUTO(repo_freep) struct repo *repo = NULL;
	char commit[GIT_HEX + 1];
	enum rc rc = local_repo(o->repo, &repo, err);

	if (rc == RC_OK)
		rc = local_head(repo, o->rev, commit, err);
	return rc == RC_OK ? local_config(repo, commit, ret, err) : rc;
}

/* A work tree whose penstock.yml this is; NULL: none. */
static struct repo *repo_of(const char *path)
{
	AUTO(freep) char *full = local_absolute(path);
	AUTO(freep) char *dir = path_dir(full);
	AUTO(repo_freep) struct repo *r = NULL;
	struct err ignored = {RC_OK, ""};
	struct stat a, b;

	if (repo_find(dir, &r, &ignored) != RC_OK || !repo_workdir(r))
		return NULL;
	AUTO(freep) char *its = xasprintf("%s%s", repo_workdir(r), CONFIG_FILE);
	if (stat(its, &a) < 0 || stat(full, &b) < 0 || a.st_dev != b.st_dev || a.st_ino != b.st_ino)
		return NULL;
	struct repo *ret = r;
	r = NULL;
	return ret;
}

/* Units that are inferred come from the files around it, as they stand. */
static enum rc read_around(const char *path, struct config *ret, struct err *err)
{
	AUTO(repo_freep) struct repo *repo = repo_of(path);
	AUTO(local_worktree_done) struct local_worktree worktree = {.repo = NULL};
	enum rc rc;

	if (!repo)
		return RC_OK;
	rc = local_worktree(repo, &worktree, err);
	if (rc != RC_OK)
		return rc;
	config_done(ret);
	*ret = (struct config){0};
	return local_config(worktree.repo, worktree.commit, ret, err);
}

static bool job_is_of(const struct job_def *job, const struct unit *unit)
{
	if (!job->each)
		return false;
	if (streq(job->each, "*") || streq(job->each, unit->name))
		return true;
	return streq(job->each, unit->library ? "libraries" : "services");
}

static void add_list(struct strbuf *to, const char *before, const texts *list)
{
	if (!list->n)
		return;
	strbuf_adds(to, before);
	for (size_t i = 0; i < list->n; i++)
		strbuf_addf(to, "%s%s", i ? ", " : "", list->v[i]);
}

static void text_unit(struct strbuf *to, const struct config *c, const struct unit *u,
		      uint32_t wave)
{
	strbuf_addf(to, "%s %s  %s", u->library ? "library" : "service", u->name, u->path);
	add_list(to, "; built from ", &u->deps);
	add_list(to, "; calls ", &u->consumes);
	if (!u->library)
		strbuf_addf(to, "; %u replica%s, wave %u", u->replicas, u->replicas == 1 ? "" : "s",
			    wave + 1);
	strbuf_adds(to, "\n    jobs:");
	size_t n = 0;
	vec_each(job, &c->jobs)
		if (job_is_of(job, u))
			strbuf_addf(to, "%s %s", n++ ? "," : "", job->name);
	strbuf_adds(to, n ? "\n" : " none\n");
}

static void text_stages(struct strbuf *to, const struct config *c)
{
	for (enum stage s = STAGE_CI; s <= STAGE_PRODUCTION; s++) {
		if (s == STAGE_GATE) {
			strbuf_addf(to, "gate: %zu requirement%s, %u approval%s, %zu window%s\n",
				    c->gate.require.n, c->gate.require.n == 1 ? "" : "s",
				    c->gate.approve.count, c->gate.approve.count == 1 ? "" : "s",
				    c->gate.windows.n, c->gate.windows.n == 1 ? "" : "s");
			continue;
		}
		strbuf_addf(to, "%s:", stage_names[s]);
		size_t n = 0;
		vec_each(job, &c->jobs)
			if (job->stage == s)
				strbuf_addf(to, "%s %s", n++ ? "," : "", job->name);
		if (s == STAGE_PRODUCTION && c->production_strategy.kind == STRATEGY_CANARY) {
			strbuf_addf(to, "%s canary", n ? ";" : "");
			vec_each(w, &c->production_strategy.steps)
				strbuf_addf(to, " %g%%", w->share * 100);
		} else if (!n) {
			strbuf_adds(to, " no jobs");
		}
		strbuf_addc(to, '\n');
	}
}

static void print_text(const struct config *c)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(OUT_MAX);
	AUTO(freep) uint32_t *wave = xcalloc(c->units.n + 1, sizeof(*wave));
	size_t services = 0;

	graph_waves(c, wave);
	vec_each(u, &c->units)
		services += !u->library;
	strbuf_addf(&text, "project %s: %zu service%s, %zu librar%s\n", c->project, services,
		    services == 1 ? "" : "s", c->units.n - services,
		    c->units.n - services == 1 ? "y" : "ies");
	vec_each(u, &c->units)
		text_unit(&text, c, u, wave[u - c->units.v]);
	text_stages(&text, c);
	local_print(&text);
}

static void json_unit(struct json_out *out, const struct config *c, const struct unit *u,
		      uint32_t wave)
{
	json_open(out, NULL);
	json_cstr(out, "unit", u->name);
	json_cstr(out, "kind", u->library ? "library" : "service");
	json_cstr(out, "path", u->path);
	json_list(out, "deps");
	vec_each(dep, &u->deps)
		json_cstr(out, NULL, *dep);
	json_unlist(out);
	if (u->library)
		json_nil(out, "wave");
	else
		json_u64(out, "wave", wave + 1);
	json_list(out, "jobs");
	vec_each(job, &c->jobs)
		if (job_is_of(job, u))
			json_cstr(out, NULL, job->name);
	json_unlist(out);
	json_close(out);
}

static void print_json(const struct config *c)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(OUT_MAX);
	AUTO(freep) uint32_t *wave = xcalloc(c->units.n + 1, sizeof(*wave));
	struct json_out out = JSON_OUT(&text);

	graph_waves(c, wave);
	json_open(&out, NULL);
	json_bool(&out, "ok", true);
	json_cstr(&out, "project", c->project);
	json_list(&out, "units");
	vec_each(u, &c->units)
		json_unit(&out, c, u, wave[u - c->units.v]);
	json_unlist(&out);
	json_list(&out, "jobs");
	vec_each(job, &c->jobs) {
		json_open(&out, NULL);
		json_cstr(&out, "stage", stage_names[job->stage]);
		json_cstr(&out, "job", job->name);
		json_cstr(&out, "each", job->each);
		json_close(&out);
	}
	json_unlist(&out);
	json_close(&out);
	strbuf_addc(&text, '\n');
	local_print(&text);
}

static void print_schema(void)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(OUT_MAX);

	config_schema(&text);
	if (text.n && text.p[text.n - 1] != '\n')
		strbuf_addc(&text, '\n');
	local_print(&text);
}

/* This folder's; else that of the work tree around it. */
static char *file_here(void)
{
	AUTO(repo_freep) struct repo *r = NULL;
	struct err ignored = {RC_OK, ""};

	if (access(CONFIG_FILE, F_OK) == 0 || repo_find(".", &r, &ignored) != RC_OK ||
	    !repo_workdir(r))
		return xstrdup(CONFIG_FILE);
	AUTO(freep) char *root = xasprintf("%s%s", repo_workdir(r), CONFIG_FILE);
	return xstrdup(access(root, F_OK) == 0 ? root : CONFIG_FILE);
}

int local_check(const struct check_options *o)
{
	AUTO(config_done) struct config c = {0};
	struct err err = {0};

	if (o->schema) {
		print_schema();
		return EXIT_GOOD;
	}
	AUTO(freep) char *file = o->file ? xstrdup(o->file) : file_here();
	bool commit = o->repo || o->rev;
	enum rc rc = commit ? read_commit(o, &c, &err) : read_file(file, &c, &err);
	if (rc == RC_OK && c.infer && !commit)
		rc = read_around(file, &c, &err);
	if (rc != RC_OK)
		return local_fail_as(&err, o->json);
	if (o->json)
		print_json(&c);
	else
		print_text(&c);
	return EXIT_GOOD;
}
