/* The project graph as text, JSON, DOT and Mermaid: what `penstock graph` prints. */
#pragma once
#include "project/read.h"

struct graph_view {
	const struct config *config;
	const struct project_graph
		*found;          /* where inferred units and edges are written; may be empty */
	const struct plan *plan; /* of a change; NULL: none was asked for */
	const char *unit;        /* only this one and what it is built from; NULL: all */
	bool affected;           /* only units that the plan touches */
};
void graph_text(const struct graph_view *v, struct strbuf *to);
void graph_json(const struct graph_view *v, struct strbuf *to);
void graph_dot(const struct graph_view *v, struct strbuf *to);
void graph_mermaid(const struct graph_view *v, struct strbuf *to);
