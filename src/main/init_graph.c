/* The units and edges that `penstock graph` would infer, for `penstock init`: the same readers, the same graph. */
#include "io/files.h"
#include "main/local_init.h"
#include "project/graph.h"

#include <stdlib.h>

#define FILES_MAX 20000u

struct init_graph {
	VEC(struct buildfile *) files;
	texts markers;
	struct project_graph graph;
};

static enum rc look_at(void *ctx, const struct file_seen *seen, struct err *err)
{
	struct init_found *f = ctx;
	AUTO(strbuf_done) struct strbuf text = STRBUF(BUILDFILE_MAX);
	enum buildfile_kind kind;
	struct err why = {RC_OK, ""};
	struct buildfile one;

	(void)err;
	if (seen->kind != FILE_REGULAR || f->inferred->files.n == FILES_MAX)
		return RC_OK;
	if (marker_is(seen->path))
		vec_push(&f->inferred->markers, xstrdup(seen->path));
	if (!buildfile_is(seen->path, &kind) || seen->size > BUILDFILE_MAX)
		return RC_OK;
	AUTO(freep) char *path = xasprintf("%s/%s", f->root, seen->path);
	if (file_read(path, BUILDFILE_MAX, &text, &why) != RC_OK ||
	    buildfile_read(seen->path, strbuf_str(&text), &one, &why) != RC_OK)
		return RC_OK; /* what cannot be read tells nothing; `penstock check` says why */
	struct buildfile *kept = xmalloc(sizeof(*kept));
	*kept = one;
	vec_push(&f->inferred->files, kept);
	return RC_OK;
}

static size_t place_of(const struct init_found *f, const char *path)
{
	size_t i = 0;

	while (i < f->units.n && !streq(f->units.v[i].path, path))
		i++;
	return i;
}

static bool is_inside(const struct init_found *f, const char *path)
{
	vec_each(u, &f->units)
		if (!streq(u->path, ".") && path_below(path, u->path))
			return true;
	return false;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct init_unit *)a)->path, ((const struct init_unit *)b)->path);
}

void init_infer(struct init_found *f)
{
	f->inferred = xcalloc(1, sizeof(*f->inferred));
	(void)!tree_walk(f->root, look_at, f, NULL);
	project_graph((const struct buildfile *const *)f->inferred->files.v, f->inferred->files.n,
		      &f->inferred->markers, &f->inferred->graph);
	vec_each(u, &f->inferred->graph.units) {
		size_t i = place_of(f, u->path);
		if (i < f->units.n)
			f->units.v[i].library &= u->library;
		else if (!streq(u->path, ".") && !is_inside(f, u->path) && f->units.n < INIT_UNITS)
			init_add(f, u->path, u->library);
	}
	if (f->units.n)
		qsort(f->units.v, f->units.n, sizeof(*f->units.v), by_path);
}

void init_infer_edges(struct init_found *f)
{
	const struct project_graph *g = &f->inferred->graph;

	vec_each(u, &g->units)
		vec_each(e, &u->deps) {
			size_t from = place_of(f, u->path),
			       to = place_of(f, g->units.v[e->to].path);
			if (from < f->units.n && to < f->units.n)
				init_link(f, from, to);
		}
}

void init_infer_done(struct init_found *f)
{
	if (!f->inferred)
		return;
	project_graph_done(&f->inferred->graph);
	vec_each(one, &f->inferred->files) {
		buildfile_done(*one);
		xfree(*one);
	}
	vec_done(&f->inferred->files);
	vec_each(m, &f->inferred->markers)
		xfree(*m);
	vec_done(&f->inferred->markers);
	xfree(f->inferred);
	f->inferred = NULL;
}
