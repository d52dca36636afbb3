/* `penstock graph`: units and edges of the work tree or of a commit, and where each of them is written. */
#include "clients/git_worktree.h"
#include "io/child.h"
#include "io/files.h"
#include "main/graph_view.h"
#include "main/house.h"
#include "main/local.h"
#include "main/local_plan.h"

#define OUT_MAX ((size_t)256 << 20)

struct graph_run {
	const struct graph_options *o;
	char head[GIT_HEX + 1], base[GIT_HEX + 1];
	struct repo *repo;
	struct local_worktree worktree;
	struct project_reading read;
};

static void graph_run_done(struct graph_run *g)
{
	project_reading_done(&g->read);
	local_worktree_done(&g->worktree);
	repo_free(g->repo);
}

static enum rc open_all(struct graph_run *g, struct err *err)
{
	const struct graph_options *o = g->o;
	const char *head = g->worktree.head;
	enum rc rc = local_repo(o->repo, &g->repo, err);

	/* What is not committed yet counts, as for `penstock run`. */
	if (rc == RC_OK && !o->rev && repo_workdir(g->repo)) {
		rc = local_worktree(g->repo, &g->worktree, err);
		memcpy(g->head, g->worktree.commit, sizeof(g->head));
	} else if (rc == RC_OK) {
		rc = local_head(g->repo, o->rev, g->head, err);
	}
	if (rc != RC_OK || (!o->affected && !o->base))
		return rc;
	if (o->base)
		return repo_resolve(g->repo, o->base, g->base, err);
	return repo_usual_base(g->repo, *head ? head : g->head, *head && !streq(head, g->head),
			       g->base, err);
}

static enum rc make(struct graph_run *g, struct err *err)
{
	enum rc rc = open_all(g, err);

	if (rc != RC_OK)
		return rc;
	const struct project_source source =
		local_source(g->worktree.repo ? g->worktree.repo : g->repo);
	const struct project_ask ask = {.source = &source,
					.head = g->head,
					.base = *g->base ? g->base : NULL,
					.without_file = true,
					.stage = STAGE_CI,
					.toolchain = toolchain_text()};
	bool plan = g->o->affected || g->o->base;
	rc = plan ? project_plan(&ask, &g->read, err) : project_read(&ask, &g->read, err);
	if (rc != RC_OK)
		return rc;
	const struct config *c = &g->read.head.config;
	if (!g->o->unit || config_unit(c, g->o->unit))
		return RC_OK;
	VEC(const char *) names = {0};
	vec_each(u, &c->units)
		vec_push(&names, u->name);
	const char *near = names.n ? str_nearest(str_of(g->o->unit), names.v, names.n) : NULL;
	vec_done(&names);
	return err_set(err, RC_INVALID, "there is no unit %s%s%s%s", g->o->unit,
		       near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

/* DOT through graphviz. */
static enum rc draw(struct strbuf *text, struct err *err)
{
	static const char *const argv[] = {"dot", "-Tsvg", NULL};
	AUTO(strbuf_done) struct strbuf svg = STRBUF(OUT_MAX), said = STRBUF((size_t)64 << 10);
	const struct child_run run = {
		.spec = {.argv = argv}, .in = strbuf_str(text), .timeout = 60 * USEC_SEC};
	int code = 0;
	enum rc rc = child_capture(&run, &svg, &said, &code, err);

	if (rc == RC_NOT_FOUND || code == 127)
		return err_set(
			err, RC_UNSUPPORTED,
			"there is no `dot` here, which draws SVG: install the package graphviz "
			"(apt-get install graphviz), or ask for --format dot or mermaid");
	if (rc != RC_OK)
		return rc;
	if (code != 0)
		return err_set(err, RC_UNSUPPORTED, "dot ended with %d: %.200s", code,
			       strbuf_cstr(&said));
	strbuf_clear(text);
	strbuf_addstr(text, strbuf_str(&svg));
	return RC_OK;
}

static enum rc print(const struct graph_run *g, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(OUT_MAX);
	const struct graph_options *o = g->o;
	bool plan = o->affected || o->base;
	const struct graph_view view = {&g->read.head.config, &g->read.head.graph,
					plan ? &g->read.plan : NULL, o->unit, o->affected};
	enum rc rc = RC_OK;

	switch (o->format) {
	case GRAPH_TEXT:
		graph_text(&view, &text);
		break;
	case GRAPH_JSON:
		graph_json(&view, &text);
		break;
	case GRAPH_MERMAID:
		graph_mermaid(&view, &text);
		break;
	case GRAPH_DOT:
	case GRAPH_SVG:
		graph_dot(&view, &text);
		break;
	}
	if (o->format == GRAPH_SVG)
		rc = draw(&text, err);
	if (rc == RC_OK)
		local_print(&text);
	return rc;
}

int local_graph(const struct graph_options *o)
{
	AUTO(graph_run_done) struct graph_run g = {.o = o};
	struct err err = {RC_OK, ""};

	if (make(&g, &err) != RC_OK || print(&g, &err) != RC_OK)
		return local_fail_as(&err, o->format == GRAPH_JSON);
	return EXIT_GOOD;
}
