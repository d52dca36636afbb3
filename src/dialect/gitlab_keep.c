/* What a job of GitLab CI leaves behind: artifacts for others, reports, caches for its next run. */
#include "base/glob.h"
#include "dialect/gitlab_impl.h"

static void read_paths(struct gitlab *g, const struct yaml_node *paths, texts *ret)
{
	texts list = {0};

	node_texts(&g->im, paths, "artifacts.paths", &list);
	vec_each(path, &list) {
		AUTO(strbuf_done) struct strbuf b = STRBUF(512);
		struct str s = str_of(*path);
		bool known = gitlab_expand(g, s, &b);
		s = strbuf_str(&b);
		while (str_starts(s, "./"))
			s = (struct str){s.p + 2, s.n - 2};
		bool folder = str_ends(s, "/");
		while (s.n && s.p[s.n - 1] == '/')
			s.n--;
		const char *last = s.p;
		for (size_t i = 0; i < s.n; i++)
			last = s.p[i] == '/' ? s.p + i + 1 : last;
		bool file = s.n && memchr(last, '.', s.n - (size_t)(last - s.p)) != NULL;
		bool wild = s.n && memchr(s.p, '*', s.n);
		AUTO(freep)
		char *glob = xasprintf("%.*s%s", (int)s.n, s.p ? s.p : "",
				       folder || (!file && !wild) ? "/**" : "");
		if (!known || !s.n || strchr("/.~", s.p[0]) ||
		    glob_check(str_of(glob), NULL) != RC_OK)
			lost(&g->im, paths, "outputs are globs inside the unit's folder",
			     "artifacts: %.100s", *path);
		else
			draft_text(ret, glob);
		xfree(*path);
	}
	vec_done(&list);
}

static void read_report(struct gitlab *g, const struct yaml_node *at, const char *what, char **to)
{
	texts list = {0};

	node_texts(&g->im, at, what, &list);
	for (size_t i = 0; i < list.n; i++) {
		struct str s = str_of(list.v[i]);
		while (str_starts(s, "./"))
			s = (struct str){s.p + 2, s.n - 2};
		if (i == 0 && glob_check(s, NULL) == RC_OK && !memchr(s.p, '$', s.n))
			*to = xstrndup(s.p, s.n);
		else
			lost(&g->im, at, "one glob names the files", "reports.%s: %.100s", what,
			     list.v[i]);
		xfree(list.v[i]);
	}
	vec_done(&list);
}

void gitlab_artifacts(struct gitlab *g, const struct yaml_node *a)
{
	const struct yaml_node *reports = yaml_get(a, "reports");
	struct job_def *job = importer_job(&g->im);

	read_paths(g, yaml_get(a, "paths"), &job->outputs);
	if (yaml_get(a, "exclude"))
		lost(&g->im, yaml_get(a, "exclude"), "name what counts, not what does not",
		     "artifacts.exclude");
	if (node_is_true(yaml_get(a, "untracked")))
		lost(&g->im, yaml_get(a, "untracked"), "name the files under outputs",
		     "artifacts.untracked");
	for (size_t i = 0; reports && reports->kind == YAML_MAP && i < reports->n; i++) {
		const struct yaml_node *what = &reports->keys[i], *at = &reports->items[i];
		if (str_is(what->text, "junit"))
			read_report(g, at, "junit", &job->reports.junit);
		else if (str_is(what->text, "coverage_report") &&
			 node_is_text(yaml_get(at, "path")))
			read_report(g, yaml_get(at, "path"), "coverage", &job->reports.coverage);
		else if (str_is(what->text, "cobertura"))
			read_report(g, at, "coverage", &job->reports.coverage);
		else if (str_is(what->text, "dotenv"))
			lost(&g->im, what,
			     "name the file under outputs, and source it in the other job",
			     "artifacts.reports.dotenv");
		else
			lost(&g->im, what,
			     "reports are junit, sarif, coverage, problems and summary",
			     "artifacts.reports.%.*s", (int)MIN_OF(what->text.n, 60), what->text.p);
	}
}

void gitlab_cache(struct gitlab *g, const struct yaml_node *c)
{
	const struct yaml_node *key = yaml_get(c, "key"), *files = yaml_get(key, "files");
	struct job_def *job = importer_job(&g->im);
	struct cache_def cache = {0};
	texts paths = {0};

	if (c && c->kind == YAML_LIST) {
		for (size_t i = 0; i < c->n; i++)
			if (c->items[i].kind == YAML_MAP)
				gitlab_cache(g, &c->items[i]);
		return;
	}
	if (!c || c->kind != YAML_MAP)
		return;
	node_texts(&g->im, yaml_get(c, "paths"), "cache.paths", &paths);
	vec_each(path, &paths) {
		char *here = NULL;
		if (!strchr(*path, '$') && cache_folder(job, str_of(*path), &here)) {
			draft_text(&cache.paths, here);
			xfree(here);
		} else {
			lost(&g->im, yaml_get(c, "paths"), "keep folders inside the unit's folder",
			     "cache of %.100s", *path);
		}
		xfree(*path);
	}
	vec_done(&paths);
	node_texts(&g->im, files, "cache.key.files", &cache.key);
	if (!cache.key.n)
		draft_text(&cache.key, "**/*lock*");
	if (node_is_text(key) && !memchr(key->text.p, '$', key->text.n))
		cache.name = draft_slug(key->text, "cache");
	if (cache.paths.n) {
		vec_push(&job->caches, cache);
		return;
	}
	vec_each(k, &cache.key)
		xfree(*k);
	vec_done(&cache.key);
	xfree(cache.name);
}
