/* The table for people: the second part of docs/api.md. Routes stand under the thing that they are about, in the order of the table. */
#include "api/api_impl.h"
#include "api/schemas.h"

#define GROUP_MAX ((size_t)48)

/* What stands for {a} and {b} in examples, and in which order the things come. What is not listed comes behind, under its own name. */
static const struct {
	const char *word, *title, *sample;
} nouns[] = {
	{"status", "Status", NULL},
	{"project", "The project", NULL},
	{"units", "Units", "orders"},
	{"changes", "Changes", "3f2a9c1"},
	{"runs", "Runs", "run-7"},
	{"jobs", "Jobs", "run-7/ci/orders/test"},
	{"tests", "Tests", NULL},
	{"artifacts", "Artifacts", "sha256:3f2a9c1d77aa"},
	{"releases", "Releases", "rel-4"},
	{"rollouts", "Rollouts", "ro-8"},
	{"environments", "Environments", "production"},
	{"incidents", "Incidents", "inc-2"},
	{"graph", "Graph of services", NULL},
	{"insights", "Insights", NULL},
	{"traffic", "Traffic", NULL},
	{"replicas", "Replicas", NULL},
	{"doors", "Front doors", NULL},
	{"queues", "Merge queues", "shop:refs/heads/main"},
	{"schedules", "Schedules", NULL},
	{"history", "History", "orders/test"},
	{"agents", "Agents", "builder-1"},
	{"search", "Search", NULL},
	{"journal", "Journal", "42"},
	{"events", "Events", NULL},
	{"audit", "Audit", NULL},
	{"login", "Logging in", NULL},
	{"logout", "Logging out", NULL},
	{"me", "Oneself", "tok-0123456789ab"},
	{"users", "Users", "ann"},
	{"tokens", "Tokens", "tok-0123456789ab"},
	{"sessions", "Sessions", "ses-0123456789ab"},
	{"grants", "Grants", "user:ann=operator@production"},
	{"doctor", "Health of the installation", NULL},
	{"hook", "The hook of a repository", NULL},
	{"openapi.json", "This description for programs", NULL},
};

/* What a member of a body may be, when its name says more than its kind. */
static const struct {
	const char *name, *sample;
} samples[] = {
	{"reason", "\"customers complain\""},
	{"comment", "\"looked at the diff\""},
	{"text", "\"the limit was too low\""},
	{"unit", "\"orders\""},
	{"image", "\"rel-3\""},
	{"for", "\"2h\""},
	{"test", "\"orders.total\""},
	{"token", "\"pst_...\""},
	{"who", "\"group:team\""},
	{"id", "\"ann\""},
	{"name", "\"ci\""},
	{"role", "\"developer\""},
	{"ref", "\"refs/heads/topic\""},
	{"target", "\"main\""},
	{"user_code", "\"BCDF-GHJK\""},
	{"email", "\"ann@example.org\""},
};
/* Members that are worth showing although they are not needed. */
static const char *const shown[] = {"reason", "comment", "unit", "image",
				    "ref",    "target",  "role", NULL};

static struct str group_of(const struct api_route *r)
{
	struct str rest = str_of(r->path), word;

	if (!str_starts(rest, WIRE_BASE "/"))
		return STR("");
	rest.p += strlen(WIRE_BASE) + 1;
	rest.n -= strlen(WIRE_BASE) + 1;
	word = str_cut(&rest, '/');
	if (word.n > 4 && word.p[0] == '{') { /* {a:runs} */
		word.p += 3;
		word.n -= 4;
	}
	return word;
}

static const char *sample_of(struct str group)
{
	for (size_t i = 0; i < ARRAY_LEN(nouns); i++)
		if (str_is(group, nouns[i].word))
			return nouns[i].sample;
	return NULL;
}

/* ---- one route ---- */

static void write_kind(struct strbuf *to, const struct api_field *f)
{
	switch (f->kind) {
	case FIELD_TEXT:
		strbuf_addf(to, "text, at most %llu bytes",
			    (unsigned long long)(f->max ? f->max : NOTE_MAX));
		break;
	case FIELD_BOOL:
		strbuf_adds(to, "true or false");
		break;
	case FIELD_NUMBER:
		if (f->max >= INT64_MAX / 2)
			strbuf_adds(to, "number");
		else
			strbuf_addf(to, "number, at most %llu", (unsigned long long)f->max);
		break;
	case FIELD_TIME:
		strbuf_adds(to, "time, as 2026-01-31T12:00:00Z");
		break;
	case FIELD_SPAN:
		strbuf_adds(to, "duration, as 30m, 2h, 7d");
		break;
	case FIELD_TEXTS:
		strbuf_adds(to, "list of texts");
		break;
	case FIELD_NAME:
		for (const char *const *name = f->names; *name; name++)
			strbuf_addf(to, "%s`%s`", name == f->names ? "" : ", ", *name);
		break;
	}
}

static void write_fields(struct strbuf *to, const char *title, const struct api_field *fields)
{
	if (!fields || !fields->name)
		return;
	strbuf_addf(to, "\n| %s | | what |\n|---|---|---|\n", title);
	for (const struct api_field *f = fields; f->name; f++) {
		strbuf_addf(to, "| `%s` | ", f->name);
		write_kind(to, f);
		strbuf_addf(to, "%s | %s |\n", f->needed ? "; **needed**" : "", f->help);
	}
}

static void write_right(struct strbuf *to, const struct api_route *r)
{
	if (r->flags & ROUTE_OPEN)
		strbuf_adds(to, "Open to everybody.");
	else if (r->of == OF_SELF)
		strbuf_adds(to, "For everybody who is logged in.");
	else
		strbuf_addf(to, "Least role: `%s`%s.", role_names[r->needs],
			    r->of == OF_PROJECT ? "" : " in its environment");
	if (r->flags & ROUTE_SECRET)
		strbuf_adds(to, " The answer is never kept by anybody in between.");
}

/* The anchor of a heading. */
static void add_anchor(struct strbuf *to, const char *text)
{
	for (const char *p = text; *p; p++)
		if (*p == ' ')
			strbuf_addc(to, '-');
		else if (*p != '/' && *p != '.' && *p != ':')
			strbuf_addc(to, *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p);
}

static void add_shape(struct strbuf *to, const char *name)
{
	strbuf_addf(to, "[%s](#shape-", name);
	add_anchor(to, name);
	strbuf_addc(to, ')');
}

static bool has_pages(const struct api_route *r)
{
	for (const struct api_field *f = r->query; f && f->name; f++)
		if (streq(f->name, "cursor"))
			return true;
	return false;
}

static void write_answer(struct strbuf *to, const struct api_route *r)
{
	if (streq(r->answer, "303"))
		strbuf_adds(to, " Answers 303: the browser goes on elsewhere.");
	else if (strchr(r->answer, '/'))
		strbuf_addf(to, " Answers `%s`.", r->answer);
	else if (str_starts(str_of(r->answer), "[]")) {
		AUTO(strbuf_done) struct strbuf path = STRBUF(512);

		route_path(r, &path); /* its last word names the list */
		strbuf_addf(to, " Answers `{\"%s\": [...]%s}`, a list of ",
			    strrchr(strbuf_cstr(&path), '/') + 1,
			    has_pages(r) ? ", \"next\": \"...\"" : "");
		add_shape(to, r->answer + 2);
		strbuf_addc(to, '.');
	} else if (streq(r->answer, "object"))
		strbuf_adds(to, " Answers a JSON object.");
	else if (streq(r->answer, "Status"))
		strbuf_adds(to,
			    " Answers a JSON object with what `penstock status --json` prints.");
	else if (streq(r->answer, "Done"))
		strbuf_adds(
			to,
			" Answers `{\"ok\": true, \"seq\": N}`, the number of its record in the journal where there is one.");
	else if (streq(r->answer, "Rerun"))
		strbuf_adds(
			to,
			" Answers `{\"ok\": true, \"seq\": N, \"run\": \"run-9\"}`, and where the new run is as `Location`; without them when no new run came of it within ten seconds.");
	else if (streq(r->answer, "Secret"))
		strbuf_adds(to, " Answers 201 and `{\"id\": \"...\", \"token\": \"...\"}`.");
	else if (streq(r->answer, "Me"))
		strbuf_adds(
			to,
			" Answers `{\"actor\", \"name\", \"role\", \"roles\", \"groups\", \"via\", \"csrf\"}`.");
	else {
		strbuf_adds(to, " Answers one ");
		add_shape(to, r->answer);
		strbuf_addc(to, '.');
	}
}

/* {a} and {b} of a path, by what they are. */
static void add_path(struct strbuf *to, const struct api_route *r)
{
	AUTO(strbuf_done) struct strbuf path = STRBUF(512);
	struct str group = group_of(r), rest, before = STR("");
	const char *sample = sample_of(group);

	route_path(r, &path);
	rest = strbuf_str(&path);
	(void)str_cut(&rest, '/');
	while (rest.p) {
		struct str one = str_cut(&rest, '/');
		bool is_id = one.n == 3 && one.p[0] == '{';

		strbuf_addc(to, '/');
		if (!is_id)
			strbuf_addstr(to, one);
		else if (str_is(before, "pins") || str_is(before, "vetoes") ||
			 str_is(before, "holds"))
			strbuf_addf(to, "%s-3",
				    str_is(before, "pins")     ? "pin"
				    : str_is(before, "vetoes") ? "veto"
							       : "hold");
		else
			strbuf_adds(to, sample ? sample : "NAME");
		before = one;
	}
}

static bool is_shown(const struct api_field *f)
{
	if (f->needed)
		return true;
	for (const char *const *name = shown; *name; name++)
		if (streq(*name, f->name))
			return true;
	return false;
}

static void add_value(struct strbuf *to, const struct api_field *f)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++)
		if (streq(samples[i].name, f->name)) {
			strbuf_adds(to, samples[i].sample);
			return;
		}
	strbuf_adds(to, f->kind == FIELD_BOOL     ? "true"
			: f->kind == FIELD_NUMBER ? "1"
			: f->kind == FIELD_TEXTS  ? "[]"
						  : "\"...\"");
}

static void add_body(struct strbuf *to, const struct api_route *r)
{
	size_t n = 0;

	for (const struct api_field *f = r->body; f && f->name; f++) {
		if (!is_shown(f))
			continue;
		strbuf_addf(to, "%s\"%s\": ", n++ ? ", " : " -d '{", f->name);
		add_value(to, f);
	}
	strbuf_adds(to, n ? "}'" : "");
}

static void write_example(struct strbuf *to, const struct api_route *r)
{
	AUTO(strbuf_done) struct strbuf body = STRBUF(4096);
	const struct api_field *f = r->query;

	add_body(&body, r);
	strbuf_adds(to, "\n```\ncurl -s");
	if (!(r->flags & ROUTE_OPEN))
		strbuf_adds(to, " -H \"Authorization: Bearer $PENSTOCK_TOKEN\"");
	if (!streq(r->method, "GET") && (!body.n || !streq(r->method, "POST")))
		strbuf_addf(to, " -X %s", r->method);
	strbuf_addstr(to, strbuf_str(&body));
	if (streq(r->answer, "text/event-stream"))
		strbuf_adds(to, " -N");
	strbuf_adds(to, " \"$PENSTOCK");
	add_path(to, r);
	while (f && f->name && !f->needed)
		f++;
	if (f && f->name)
		strbuf_addf(to, "?%s=orders", f->name);
	strbuf_adds(to, "\"\n```\n");
}

static void write_route(struct strbuf *to, const struct api_route *r)
{
	AUTO(strbuf_done) struct strbuf path = STRBUF(512);
	char first = r->summary[0];

	route_path(r, &path);
	strbuf_addf(to, "\n### %s %s\n%c%s. ", r->method, strbuf_cstr(&path),
		    first >= 'a' && first <= 'z' ? first - 32 : first, r->summary + 1);
	write_right(to, r);
	write_answer(to, r);
	strbuf_addc(to, '\n');
	write_fields(to, "query", r->query);
	write_fields(to, "body", r->body);
	write_example(to, r);
}

/* ---- shapes ---- */

static void write_type(struct strbuf *to, const struct shape_field *f, unsigned depth)
{
	static const char *const plain[] = {
		[SHAPE_KIND_TEXT] = "text",          [SHAPE_KIND_BOOL] = "true",
		[SHAPE_KIND_U64] = "number",         [SHAPE_KIND_U32] = "number",
		[SHAPE_KIND_I64] = "number",         [SHAPE_KIND_REAL] = "number",
		[SHAPE_KIND_TEXTS] = "list of texts"};

	if (f->kind == SHAPE_KIND_ENUM) {
		for (size_t i = 0; i < f->n; i++)
			strbuf_addf(to, "%s`%s`", i ? ", " : "", f->names[i]);
		return;
	}
	if (f->kind != SHAPE_KIND_STRUCT && f->kind != SHAPE_KIND_LIST) {
		strbuf_adds(to, plain[f->kind]);
		return;
	}
	strbuf_adds(to, f->kind == SHAPE_KIND_LIST ? "list of " : "");
	if (!depth) {
		strbuf_adds(to, "objects");
		return;
	}
	strbuf_addc(to, '{');
	for (size_t i = 0; i < f->shape->n; i++)
		strbuf_addf(to, "%s`%s`", i ? ", " : "", f->shape->fields[i].name);
	strbuf_addc(to, '}');
}

static const char *const member_words[] = {
	[MEMBER_TEXT] = "text",
	[MEMBER_NUMBER] = "number",
	[MEMBER_REAL] = "number",
	[MEMBER_BOOL] = "true",
	[MEMBER_TEXTS] = "list of texts",
	[MEMBER_OBJECT] = "object",
	[MEMBER_OBJECTS] = "list of objects",
};

static void write_shapes(struct strbuf *to)
{
	strbuf_adds(to, "\n## Shapes\nMembers that are empty, 0 or false are left out.\n");
	for (const struct api_schema *s = api_schemas; s->name; s++) {
		const struct shape *shape = aggregate_shapes[s->kind];

		strbuf_addf(to, "\n### Shape: %s\n| member | |\n|---|---|\n", s->name);
		for (size_t i = 0; i < shape->n; i++) {
			strbuf_addf(to, "| `%s` | ", shape->fields[i].name);
			write_type(to, &shape->fields[i], 1);
			strbuf_adds(to, " |\n");
		}
	}
	for (const struct api_object *object = api_objects; object->name; object++) {
		strbuf_addf(to, "\n### Shape: %s\n| member | | |\n|---|---|---|\n", object->name);
		for (const struct api_member *m = object->members; m->name; m++)
			strbuf_addf(to, "| `%s` | %s | %s |\n", m->name, member_words[m->kind],
				    m->help);
	}
}

/* ---- all ---- */

/* All routes of a group, under its title; nothing when there is none. */
static void write_group(struct strbuf *to, struct str group, const char *title, bool only_title)
{
	bool begun = false;

	for (size_t i = 0; i < api_n_routes; i++) {
		if (!str_eq(group_of(&api_routes[i]), group))
			continue;
		if (!begun && !only_title)
			strbuf_addf(to, "\n## %s\n", title);
		begun = true;
		if (!only_title)
			write_route(to, &api_routes[i]);
	}
	if (!begun || !only_title)
		return;
	strbuf_adds(to, "- [");
	strbuf_adds(to, title);
	strbuf_adds(to, "](#");
	add_anchor(to, title);
	strbuf_adds(to, ")\n");
}

static bool is_listed(struct str group)
{
	for (size_t i = 0; i < ARRAY_LEN(nouns); i++)
		if (str_is(group, nouns[i].word))
			return true;
	return !group.n;
}

static void write_groups(struct strbuf *to, bool only_titles)
{
	for (size_t i = 0; i < ARRAY_LEN(nouns); i++)
		write_group(to, str_of(nouns[i].word), nouns[i].title, only_titles);
	for (size_t i = 0; i < api_n_routes; i++) {
		struct str group = group_of(&api_routes[i]);
		bool seen = is_listed(group);

		for (size_t k = 0; k < i && !seen; k++)
			seen = str_eq(group_of(&api_routes[k]), group);
		if (seen)
			continue;
		AUTO(freep)
		char *title = xasprintf("%.*s", (int)MIN_OF(group.n, GROUP_MAX), group.p);
		if (*title >= 'a' && *title <= 'z')
			*title = (char)(*title - 32);
		write_group(to, group, title, only_titles);
	}
	write_group(to, STR(""), "Outside of /api/v1", only_titles);
}

void api_markdown(struct strbuf *to)
{
	write_groups(to, true);
	strbuf_adds(to, "- [Shapes](#shapes)\n");
	write_groups(to, false);
	write_shapes(to);
}
