/*
 * Units and edges from all manifests of a commit. The order of the manifests does not matter. Pure.
 *
 * A folder with manifests is one unit. Members of a workspace are its members' globs; what else lies below a workspace
 * (fixtures, examples) is none. The root is a unit when it builds something itself (a Go module, a crate, a Python
 * package, CMake targets, a jar), or when there is no other. A CMake folder with targets below another one belongs to it.
 * An edge is a dependency on another unit, by its name in that tool or by its path. Edges that only serve building and
 * testing and would close a circle are left out and said in notes.
 */
#pragma once
#include "project/buildfile.h"

struct project_edge {
	uint32_t to; /* index of the unit */
	char *file;  /* where it is written */
	uint32_t line;
};
struct project_unit {
	char *name, *path;
	bool library;
	char *file; /* the manifest that makes it a unit, or what says that it is a service */
	uint32_t line;
	char *why;                               /* "script \"start\"", or the tool of a library */
	VEC(const struct buildfile *) manifests; /* borrowed */
	VEC(struct project_edge) deps;           /* in order of the unit's place, without doubles */
};
struct project_graph {
	VEC(struct project_unit) units; /* in order of path */
	texts notes;                    /* "file:line: ..." for people */
};
/* markers: paths of files that tell programs from libraries (main.go, src/main.rs ...). The manifests must outlive the graph. */
void project_graph(const struct buildfile *const *manifests, size_t n, const texts *markers,
		   struct project_graph *ret);
void project_graph_done(struct project_graph *g);
/* Whether a path is that of a marker. */
bool marker_is(const char *path);
/* A name of penstock.yml from any text: a-z, 0-9, '-' and '_'. The caller's. */
char *project_name(const char *text);

/* Put the units into c beside those that penstock.yml says, which win for each unit (same path, or same name) and each
 * member of it. RC_INVALID: they depend on each other in a circle (the way round, and where its edges are written), a
 * unit that penstock.yml says depends on one that is none, or there are too many. */
MUST_CHECK enum rc project_merge(struct config *c, const struct project_graph *g, struct err *err);
