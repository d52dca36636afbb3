#include "main/graph_view.h"
#include "base/json.h"
#include "base/map.h"

/* ---- where things are written ---- */
static const struct project_unit *found_unit(const struct graph_view *v, const struct unit *u)
{
	vec_each(f, &v->found->units)
		if (streq(f->path, u->path))
			return f;
	return NULL;
}

/* "apps/web/package.json:6", or the line of penstock.yml. */
static void add_edge_place(const struct graph_view *v, const struct unit *from,
			   const struct unit *to, struct strbuf *text)
{
	const struct project_unit *f = from->line && from->deps.n ? NULL : found_unit(v, from);

	f = f ? f : found_unit(v, from);
	for (size_t i = 0; f && i < f->deps.n; i++)
		if (streq(v->found->units.v[f->deps.v[i].to].path, to->path)) {
			strbuf_addf(text, "%s:%u", f->deps.v[i].file, f->deps.v[i].line);
			return;
		}
	strbuf_addf(text, "%s:%u", PROJECT_FILE, from->line);
}

static void add_unit_place(const struct graph_view *v, const struct unit *u, struct strbuf *text)
{
	const struct project_unit *f = u->line ? NULL : found_unit(v, u);

	if (f)
		strbuf_addf(text, "%s:%u %s", f->file, f->line, f->why);
	else
		strbuf_addf(text, "%s:%u", PROJECT_FILE, u->line);
}

static const struct plan_unit *planned(const struct graph_view *v, const struct unit *u)
{
	for (size_t i = 0; v->plan && i < v->plan->units.n; i++)
		if (streq(v->plan->units.v[i].name, u->name))
			return &v->plan->units.v[i];
	return NULL;
}

/* ---- which units ---- */
static bool *shown_units(const struct graph_view *v)
{
	const struct config *c = v->config;
	bool *shown = xcalloc(c->units.n + 1, sizeof(*shown));
	texts below = {0};

	if (v->unit)
		graph_closure(c, v->unit, &below);
	for (size_t i = 0; i < c->units.n; i++) {
		const struct unit *u = &c->units.v[i];
		const struct plan_unit *p = planned(v, u);
		shown[i] = !v->unit || streq(v->unit, u->name);
		vec_each(name, &below)
			shown[i] |= streq(*name, u->name);
		shown[i] &= !v->affected || (p && p->affected);
	}
	vec_each(name, &below)
		xfree(*name);
	vec_done(&below);
	return shown;
}

static size_t index_of(const struct config *c, const struct unit *u)
{
	return (size_t)(u - c->units.v);
}

/* ---- text ---- */
#define LEVELS 64
struct tree {
	const struct graph_view *v;
	struct strbuf *to;
	bool *shown, *printed;
	bool last[LEVELS]; /* of its neighbours, at each level */
};

static void add_lines(const struct tree *t, unsigned level)
{
	for (unsigned i = 1; i < level; i++)
		strbuf_adds(t->to, t->last[i] ? "   " : "│  ");
	if (level)
		strbuf_adds(t->to, t->last[level] ? "└─ " : "├─ ");
}

static size_t last_dep(const struct tree *t, const struct unit *u)
{
	size_t last = u->deps.n;

	for (size_t i = 0; i < u->deps.n; i++) {
		const struct unit *dep = config_unit(t->v->config, u->deps.v[i]);
		if (dep && t->shown[index_of(t->v->config, dep)])
			last = i;
	}
	return last;
}

/* Each unit's deps are printed once; a second time it is only named. */
static void add_tree(struct tree *t, const struct unit *u, const struct unit *from, unsigned level)
{
	size_t at = index_of(t->v->config, u), last = last_dep(t, u);
	bool again = t->printed[at];

	add_lines(t, level);
	strbuf_addf(t->to, "%s", u->name);
	if (!again)
		strbuf_addf(t->to, "  %s %s", u->library ? "library" : "service", u->path);
	else if (last < u->deps.n)
		strbuf_adds(t->to, "  (above)");
	strbuf_adds(t->to, "  [");
	if (from)
		add_edge_place(t->v, from, u, t->to);
	else
		add_unit_place(t->v, u, t->to);
	strbuf_adds(t->to, "]");
	const struct plan_unit *p = planned(t->v, u);
	if (p && p->affected && !again)
		strbuf_addf(t->to, "  %s", p->why);
	strbuf_addc(t->to, '\n');
	if (again || level + 1 == LEVELS)
		return;
	t->printed[at] = true;
	for (size_t i = 0; i < u->deps.n; i++) {
		const struct unit *dep = config_unit(t->v->config, u->deps.v[i]);
		if (!dep || !t->shown[index_of(t->v->config, dep)])
			continue;
		t->last[level + 1] = i == last;
		add_tree(t, dep, u, level + 1);
	}
}

static void add_summary(const struct graph_view *v, const bool *shown, struct strbuf *to)
{
	size_t units = 0, services = 0, edges = 0;

	vec_each(u, &v->config->units) {
		if (!shown[index_of(v->config, u)])
			continue;
		units++;
		services += !u->library;
		edges += u->deps.n;
	}
	strbuf_addf(to, "%zu unit%s (%zu service%s), %zu edge%s%s\n", units, units == 1 ? "" : "s",
		    services, services == 1 ? "" : "s", edges, edges == 1 ? "" : "s",
		    v->affected ? ", affected" : "");
	vec_each(note, &v->found->notes)
		strbuf_addf(to, "note: %s\n", *note);
}

static void add_users(const struct graph_view *v, struct strbuf *to)
{
	texts users = {0};

	graph_dependents(v->config, v->unit, &users);
	strbuf_adds(to, users.n ? "used by" : "nothing is built from it");
	for (size_t i = 0; i < users.n; i++) {
		strbuf_addf(to, "%s %s", i ? "," : "", users.v[i]);
		xfree(users.v[i]);
	}
	strbuf_addc(to, '\n');
	vec_done(&users);
}

void graph_text(const struct graph_view *v, struct strbuf *to)
{
	const struct config *c = v->config;
	AUTO(freep) bool *shown = shown_units(v);
	AUTO(freep) bool *printed = xcalloc(c->units.n + 1, sizeof(*printed));
	AUTO(freep) bool *used = xcalloc(c->units.n + 1, sizeof(*used));
	struct tree t = {.v = v, .to = to, .shown = shown, .printed = printed};

	vec_each(u, &c->units)
		for (size_t i = 0; shown[index_of(c, u)] && i < u->deps.n; i++) {
			const struct unit *dep = config_unit(c, u->deps.v[i]);
			if (dep)
				used[index_of(c, dep)] = true;
		}
	vec_each(u, &c->units)
		if (shown[index_of(c, u)] && !used[index_of(c, u)])
			add_tree(&t, u, NULL, 0);
	if (v->unit)
		add_users(v, to);
	add_summary(v, shown, to);
}

/* ---- JSON ---- */
static void json_unit(struct json_out *out, const struct graph_view *v, const struct unit *u,
		      const bool *shown)
{
	AUTO(strbuf_done) struct strbuf place = STRBUF(8192);
	const struct plan_unit *p = planned(v, u);

	json_open(out, NULL);
	json_cstr(out, "unit", u->name);
	json_cstr(out, "kind", u->library ? "library" : "service");
	json_cstr(out, "path", u->path);
	add_unit_place(v, u, &place);
	json_cstr(out, "where", strbuf_cstr(&place));
	if (p) {
		json_bool(out, "affected", p->affected);
		json_cstr(out, "why", p->why);
	}
	json_list(out, "deps");
	vec_each(name, &u->deps) {
		const struct unit *dep = config_unit(v->config, *name);
		if (!dep || !shown[index_of(v->config, dep)])
			continue;
		strbuf_clear(&place);
		add_edge_place(v, u, dep, &place);
		json_open(out, NULL);
		json_cstr(out, "unit", *name);
		json_cstr(out, "where", strbuf_cstr(&place));
		json_close(out);
	}
	json_unlist(out);
	json_close(out);
}

void graph_json(const struct graph_view *v, struct strbuf *to)
{
	AUTO(freep) bool *shown = shown_units(v);
	struct json_out out = JSON_OUT(to);

	json_open(&out, NULL);
	json_cstr(&out, "project", v->config->project);
	json_list(&out, "units");
	vec_each(u, &v->config->units)
		if (shown[index_of(v->config, u)])
			json_unit(&out, v, u, shown);
	json_unlist(&out);
	json_list(&out, "notes");
	vec_each(note, &v->found->notes)
		json_cstr(&out, NULL, *note);
	json_unlist(&out);
	json_close(&out);
	strbuf_addc(to, '\n');
}

/* ---- drawings ---- */
static void add_edges(const struct graph_view *v, const bool *shown, const char *form,
		      struct strbuf *to)
{
	vec_each(u, &v->config->units)
		for (size_t i = 0; shown[index_of(v->config, u)] && i < u->deps.n; i++) {
			const struct unit *dep = config_unit(v->config, u->deps.v[i]);
			if (!dep || !shown[index_of(v->config, dep)])
				continue;
			if (*form == 'd')
				strbuf_addf(to, "\t\"%s\" -> \"%s\";\n", u->name, dep->name);
			else
				strbuf_addf(to, "\tu%zu --> u%zu\n", index_of(v->config, u),
					    index_of(v->config, dep));
		}
}

void graph_dot(const struct graph_view *v, struct strbuf *to)
{
	AUTO(freep) bool *shown = shown_units(v);

	strbuf_addf(to, "digraph \"%s\" {\n\trankdir=LR;\n\tnode [fontname=\"sans-serif\"];\n",
		    v->config->project);
	vec_each(u, &v->config->units) {
		const struct plan_unit *p = planned(v, u);
		if (shown[index_of(v->config, u)])
			strbuf_addf(to, "\t\"%s\" [shape=%s%s];\n", u->name,
				    u->library ? "ellipse" : "box",
				    p && p->affected ? ", style=filled, fillcolor=\"#ffe0a0\""
						     : "");
	}
	add_edges(v, shown, "dot", to);
	strbuf_adds(to, "}\n");
}

void graph_mermaid(const struct graph_view *v, struct strbuf *to)
{
	AUTO(freep) bool *shown = shown_units(v);
	bool any = false;

	strbuf_adds(to, "flowchart LR\n");
	vec_each(u, &v->config->units) {
		size_t i = index_of(v->config, u);
		const struct plan_unit *p = planned(v, u);
		if (!shown[i])
			continue;
		strbuf_addf(to, u->library ? "\tu%zu([\"%s\"])%s\n" : "\tu%zu[\"%s\"]%s\n", i,
			    u->name, p && p->affected ? ":::affected" : "");
		any |= p && p->affected;
	}
	add_edges(v, shown, "mermaid", to);
	if (any)
		strbuf_adds(to, "\tclassDef affected fill:#ffe0a0\n");
}
