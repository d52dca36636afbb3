/* `if` for Buildkite, which has expressions of its own, and for Tekton, whose tasks compare parameters. */
#include "dialect/generate_impl.h"

/* ---- Buildkite ---- */
static bool walk(const struct cond *c, struct strbuf *to);

static void quoted(const char *text, struct strbuf *to)
{
	strbuf_addc(to, '"');
	for (; *text; text++)
		strbuf_addf(to, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
	strbuf_addc(to, '"');
}

static bool event(const char *ours, bool equal, struct strbuf *to)
{
	static const struct {
		const char *ours, *is, *is_not;
	} events[] = {
		{"pull_request", "build.pull_request.id != null", "build.pull_request.id == null"},
		{"schedule", "build.source == \"schedule\"", "build.source != \"schedule\""},
		{"person", "build.source == \"ui\"", "build.source != \"ui\""},
		{"push", "(build.source == \"webhook\" && build.pull_request.id == null)",
		 "(build.source != \"webhook\" || build.pull_request.id != null)"}};

	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		if (streq(events[i].ours, ours)) {
			strbuf_adds(to, equal ? events[i].is : events[i].is_not);
			return true;
		}
	return false;
}

static const char *buildkite_name(const char *ours)
{
	return streq(ours, "branch")   ? "build.branch"
	       : streq(ours, "tag")    ? "build.tag"
	       : streq(ours, "target") ? "build.pull_request.base_branch"
				       : NULL;
}

static bool comparison(const struct cond *c, struct strbuf *to)
{
	const struct cond *name, *value;
	bool equal = streq(c->text, "==");

	if ((!equal && !streq(c->text, "!=")) || !cond_is_compare(c, &name, &value) ||
	    value->kind != COND_TEXT)
		return false;
	if (streq(name->text, "event"))
		return event(value->text, equal, to);
	const char *theirs = buildkite_name(name->text);
	if (!theirs || (!*value->text && streq(name->text, "branch")))
		return false; /* a build always has a branch there */
	strbuf_addf(to, "%s %s ", theirs, c->text);
	if (*value->text)
		quoted(value->text, to);
	else
		strbuf_adds(to, "null");
	return true;
}

/* startsWith(branch, 'release/') -> build.branch =~ /^release\// */
static bool call(const struct cond *c, struct strbuf *to)
{
	bool from = streq(c->text, "startsWith"), end = streq(c->text, "endsWith");

	if (!(from || end || streq(c->text, "contains")) || c->n != 2 ||
	    c->kids[0]->kind != COND_NAME || c->kids[1]->kind != COND_TEXT)
		return false;
	const char *theirs = buildkite_name(c->kids[0]->text);
	if (!theirs)
		return false;
	strbuf_addf(to, "%s =~ /%s", theirs, from ? "^" : "");
	for (const char *p = c->kids[1]->text; *p; p++)
		strbuf_addf(to, strchr(".*+?()[]{}|^$\\/", *p) ? "\\%c" : "%c", *p);
	strbuf_adds(to, end ? "$/" : "/");
	return true;
}

static bool walk(const struct cond *c, struct strbuf *to)
{
	if (c->kind == COND_COMPARE)
		return comparison(c, to);
	if (c->kind == COND_CALL)
		return call(c, to);
	if (c->kind == COND_TRUE || c->kind == COND_FALSE) {
		strbuf_adds(to, c->kind == COND_TRUE ? "true" : "false");
		return true;
	}
	if (c->kind != COND_AND && c->kind != COND_OR && c->kind != COND_NOT)
		return false;
	strbuf_adds(to, c->kind == COND_NOT ? "!(" : "(");
	if (!walk(c->kids[0], to))
		return false;
	if (c->kind != COND_NOT) {
		strbuf_adds(to, c->kind == COND_AND ? " && " : " || ");
		if (!walk(c->kids[1], to))
			return false;
	}
	strbuf_addc(to, ')');
	return true;
}

bool when_buildkite(const struct cond *c, struct strbuf *to)
{
	return walk(c, to);
}

/* ---- Tekton ---- */
static bool is_chain(const struct cond *c)
{
	static const char *const known[] = {"event", "branch", "tag", "target"};
	const struct cond *name, *value;

	if (c->kind == COND_AND)
		return is_chain(c->kids[0]) && is_chain(c->kids[1]);
	if (c->kind != COND_COMPARE || (!streq(c->text, "==") && !streq(c->text, "!=")) ||
	    !cond_is_compare(c, &name, &value) || value->kind != COND_TEXT)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (streq(name->text, known[i]))
			return true;
	return false;
}

static void chain(const struct cond *c, struct yaml_out *o)
{
	const struct cond *name, *value;

	if (c->kind == COND_AND) {
		chain(c->kids[0], o);
		chain(c->kids[1], o);
		return;
	}
	(void)cond_is_compare(c, &name, &value);
	AUTO(freep) char *input = xasprintf("$(params.%s)", name->text);
	yaml_out_open(o, NULL);
	yaml_out_text(o, "input", input);
	yaml_out_word(o, "operator", streq(c->text, "==") ? "in" : "notin");
	yaml_out_texts(o, "values", &value->text, 1);
	yaml_out_close(o);
}

bool when_tekton(const struct cond *c, struct yaml_out *o)
{
	if (!is_chain(c))
		return false;
	yaml_out_open(o, "when");
	chain(c, o);
	yaml_out_close(o);
	return true;
}
