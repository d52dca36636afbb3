/* Between graph.c (which folders are units) and graph_edges.c (who is meant by a name). */
#pragma once
#include "base/map.h"
#include "project/graph.h"

struct linker {
	const struct buildfile **list; /* in order of folder, then kind */
	size_t n;
	const texts *markers;
	struct map at;   /* "kind:folder" -> the manifest */
	struct map unit; /* path -> index + 1 */
	struct project_graph *g;
};
/* The nearest manifest of a kind in dir or above, or NULL. */
const struct buildfile *linker_above(const struct linker *l, enum buildfile_kind kind,
				     const char *dir);
/* The unit at a path or the nearest above it (but not the root); n units: none. */
uint32_t linker_unit(const struct linker *l, const char *path);
void linker_edges(struct linker *l);
