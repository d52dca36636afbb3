/* Their names in ours. */
#include "dialect/cond.h"

struct same {
	const char *theirs, *ours;
};
static const struct same github_names[] = {
	{"github.event_name", "event"},
	{"github.ref_name", "branch"},
	{"github.head_ref", "branch"},
	{"github.base_ref", "target"},
	{"github.event.number", "pr.number"},
	{"github.event.pull_request.number", "pr.number"},
	{"github.event.pull_request.head.ref", "branch"},
	{"github.event.pull_request.base.ref", "target"},
	{"github.event.pull_request.head.repo.fork", "fork"},
};
static const struct same github_events[] = {
	{"push", "push"},
	{"pull_request", "pull_request"},
	{"pull_request_target", "pull_request"},
	{"merge_group", "merge_queue"},
	{"schedule", "schedule"},
	{"workflow_dispatch", "person"},
};
static const struct same gitlab_names[] = {
	{"CI_PIPELINE_SOURCE", "event"},
	{"CI_COMMIT_BRANCH", "branch"},
	{"CI_COMMIT_REF_NAME", "branch"},
	{"CI_COMMIT_TAG", "tag"},
	{"CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "target"},
	{"CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "branch"},
	{"CI_MERGE_REQUEST_IID", "pr.number"},
	{"CI_MERGE_REQUEST_ID", "pr.number"},
	{"CI_MERGE_REQUEST_LABELS", "pr.labels"},
	{"CI_OPEN_MERGE_REQUESTS", "pr.number"},
};
static const struct same gitlab_events[] = {
	{"push", "push"},         {"merge_request_event", "pull_request"},
	{"schedule", "schedule"}, {"web", "person"},
	{"api", "person"},        {"trigger", "person"},
};

static const char *ours_of(const struct same *table, size_t n, const char *theirs)
{
	for (size_t i = 0; i < n; i++)
		if (streq(table[i].theirs, theirs))
			return table[i].ours;
	return NULL;
}
#define OURS(table, name) ours_of(table, ARRAY_LEN(table), name)

static struct cond *truth(bool yes)
{
	return cond_new(yes ? COND_TRUE : COND_FALSE, NULL, NULL, NULL);
}

static struct cond *compare(const char *name, const char *op, const char *text)
{
	return cond_new(COND_COMPARE, op, cond_new(COND_NAME, name, NULL, NULL),
			cond_new(COND_TEXT, text, NULL, NULL));
}

static bool replace(struct cond **c, struct cond *by)
{
	cond_free(*c);
	*c = by;
	return true;
}

static bool no(const char **ret_why, const char *why)
{
	*ret_why = why;
	return false;
}

static bool equals(const char *op)
{
	return streq(op, "==");
}

/* ---- GitHub ---- */
/* github.ref against a text or a prefix: refs/heads/ is of branches, refs/tags/ of tags. */
static struct cond *of_ref(const char *text, const char *op, bool prefix)
{
	static const struct same kinds[] = {{"refs/heads/", "branch"}, {"refs/tags/", "tag"}};

	for (size_t i = 0; i < 2; i++) {
		if (!str_starts(str_of(text), kinds[i].theirs))
			continue;
		const char *rest = text + strlen(kinds[i].theirs);
		if (!prefix)
			return compare(kinds[i].ours, op, rest);
		if (!*rest)
			return compare(kinds[i].ours, "!=", "");
		return cond_new(COND_CALL, "startsWith",
				cond_new(COND_NAME, kinds[i].ours, NULL, NULL),
				cond_new(COND_TEXT, rest, NULL, NULL));
	}
	return NULL;
}

static const char *const refs[] = {"branch", "tag"};

/* A name of a branch or a tag against a text: which of the two it is nobody knows here. */
static struct cond *of_either(const char *op, const char *text)
{
	return cond_new(equals(op) ? COND_OR : COND_AND, NULL, compare(refs[0], op, text),
			compare(refs[1], op, text));
}

static struct cond *call_either(const char *call, const char *text)
{
	struct cond *both[2];

	for (size_t i = 0; i < 2; i++)
		both[i] = cond_new(COND_CALL, call, cond_new(COND_NAME, refs[i], NULL, NULL),
				   cond_new(COND_TEXT, text, NULL, NULL));
	return cond_new(COND_OR, NULL, both[0], both[1]);
}

static bool github_compare(struct cond **c, const char **ret_why)
{
	const struct cond *name, *value;
	const char *op = (*c)->text;

	if (!cond_is_compare(*c, &name, &value))
		return true;
	if (streq(name->text, "github.ref") && value->kind == COND_TEXT) {
		struct cond *ref = of_ref(value->text, op, false);
		return ref ? replace(c, ref) : no(ret_why, "compare `branch` or `tag`");
	}
	if ((streq(name->text, "github.head_ref") || streq(name->text, "github.base_ref")) &&
	    value->kind == COND_TEXT && !*value->text) /* they are of pull requests alone */
		return replace(c, compare("event", equals(op) ? "!=" : "==", "pull_request"));
	if (streq(name->text, "github.ref_name") && value->kind == COND_TEXT)
		return replace(c, of_either(op, value->text));
	if (streq(name->text, "github.ref_type") && value->kind == COND_TEXT)
		return replace(
			c,
			compare("tag", equals(op) == streq(value->text, "tag") ? "!=" : "==", ""));
	if (str_ends(str_of(name->text), "head.repo.full_name") && value->kind == COND_NAME) {
		struct cond *fork = cond_new(COND_NAME, "fork", NULL, NULL);
		return replace(c, equals(op) ? cond_new(COND_NOT, NULL, fork, NULL) : fork);
	}
	if (str_starts(str_of(name->text), "needs.") && str_ends(str_of(name->text), ".result") &&
	    value->kind == COND_TEXT && equals(op) == streq(value->text, "success"))
		return replace(c, truth(true)); /* a job runs when what it needs went well */
	if (streq(name->text, "github.event_name") && value->kind == COND_TEXT) {
		const char *ours = OURS(github_events, value->text);
		return ours ? replace(c, compare("event", op, ours))
			    : no(ret_why, "there is no such event: leave the job out");
	}
	return true;
}

static bool github_call(struct cond **c, const char **ret_why)
{
	struct cond *call = *c;
	static const char *const kept[] = {"contains", "startsWith", "endsWith"};

	if (streq(call->text, "success"))
		return replace(c, truth(true));
	if (streq(call->text, "cancelled"))
		return replace(c, truth(false));
	if (streq(call->text, "always") || streq(call->text, "failure"))
		return no(
			ret_why,
			"a job whose need failed does not run: give the commands to `finally` of that job");
	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		if (!streq(call->text, kept[i]))
			continue;
		if (call->n != 2 || call->kids[0]->kind != COND_NAME)
			return no(ret_why, "write it with `in` or `=~`");
		if (str_ends(str_of(call->kids[0]->text), ".labels.*.name") && i == 0) {
			struct cond *label = call->kids[1];
			call->n = 1;
			return replace(c, cond_new(COND_COMPARE, "in", label,
						   cond_new(COND_NAME, "pr.labels", NULL, NULL)));
		}
		if (streq(call->kids[0]->text, "github.ref_name") &&
		    call->kids[1]->kind == COND_TEXT)
			return replace(c, call_either(kept[i], call->kids[1]->text));
		if (!streq(call->kids[0]->text, "github.ref"))
			return true;
		struct cond *ref = i == 1 && call->kids[1]->kind == COND_TEXT
					   ? of_ref(call->kids[1]->text, "==", true)
					   : NULL;
		return ref ? replace(c, ref) : no(ret_why, "compare `branch` or `tag`");
	}
	return no(ret_why, "there is no such function: see docs/expressions.md");
}

static bool github_name(struct cond *c, const char **ret_why)
{
	const char *ours = OURS(github_names, c->text);

	if (!ours && (str_starts(str_of(c->text), "matrix.") || streq(c->text, "branch") ||
		      streq(c->text, "tag") || streq(c->text, "event") || streq(c->text, "fork") ||
		      streq(c->text, "pr.labels")))
		return true;
	if (!ours)
		return no(
			ret_why,
			"an expression knows only what docs/expressions.md names: look in the script, at an environment variable");
	xfree(c->text);
	c->text = xstrdup(ours);
	return true;
}

static bool github_walk(struct cond **c, const char **ret_why)
{
	bool unless = (*c)->kind == COND_NOT && (*c)->kids[0]->kind == COND_CALL &&
		      streq((*c)->kids[0]->text, "failure");
	if (unless) /* no job runs here whose need failed */
		return replace(c, truth(true));
	if ((*c)->kind == COND_COMPARE && !github_compare(c, ret_why))
		return false;
	if ((*c)->kind == COND_CALL && !github_call(c, ret_why))
		return false;
	if ((*c)->kind == COND_NAME)
		return github_name(*c, ret_why);
	if ((*c)->kind == COND_NULL)
		return replace(c, cond_new(COND_TEXT, "", NULL, NULL));
	for (size_t i = 0; i < (*c)->n; i++)
		if (!github_walk(&(*c)->kids[i], ret_why))
			return false;
	return true;
}

bool cond_from_github(struct cond **c, const char **ret_why)
{
	if (!github_walk(c, ret_why))
		return false;
	*c = cond_simple(*c);
	return true;
}

/* ---- GitLab ---- */
/* The literal text of a piece of a regular expression; false: it is more than a text. */
static bool to_literal(struct str s, struct strbuf *to)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n && strchr(".-/_", s.p[i + 1]))
			strbuf_addc(to, s.p[++i]);
		else if (strchr(".*+?[](){}|^$\\", s.p[i]))
			return false;
		else
			strbuf_addc(to, s.p[i]);
	}
	return true;
}

static struct cond *of_call(const char *call, const char *name, const struct strbuf *text)
{
	return cond_new(COND_CALL, call, cond_new(COND_NAME, name, NULL, NULL),
			cond_new(COND_TEXT, strbuf_cstr(text), NULL, NULL));
}

static bool is_any(struct str s, size_t at)
{
	return s.n >= at + 2 && s.p[at] == '.' && (s.p[at + 1] == '*' || s.p[at + 1] == '+') &&
	       (at == 0 || s.p[at - 1] != '\\');
}

/* ^begin.*end$ */
static struct cond *of_two(const char *name, struct str begin, struct str end)
{
	AUTO(strbuf_done) struct strbuf a = STRBUF(4096), b = STRBUF(4096);

	if (!to_literal(begin, &a) || !to_literal(end, &b))
		return NULL;
	return cond_new(COND_AND, NULL, of_call("startsWith", name, &a),
			of_call("endsWith", name, &b));
}

static struct cond *of_pattern(const char *name, const char *pattern)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(4096);
	struct str s = str_of(pattern);
	bool from = str_starts(s, "^"), to = s.n > 1 && s.p[s.n - 1] == '$' && s.p[s.n - 2] != '\\';

	s = (struct str){s.p + from, s.n - from - to};
	if (s.n >= 2 && is_any(s, s.n - 2)) {
		s.n -= 2;
		to = false;
	}
	if (is_any(s, 0)) {
		s = (struct str){s.p + 2, s.n - 2};
		from = false;
	}
	for (size_t i = 1; i < s.n; i++)
		if (is_any(s, i))
			return from && to ? of_two(name, (struct str){s.p, i},
						   (struct str){s.p + i + 2, s.n - i - 2})
					  : NULL;
	if (!to_literal(s, &text))
		return NULL;
	if (!text.n)
		return compare(name, from && to ? "==" : "!=", "");
	if (streq(name, "pr.labels"))
		return cond_new(COND_COMPARE, "in",
				cond_new(COND_TEXT, strbuf_cstr(&text), NULL, NULL),
				cond_new(COND_NAME, name, NULL, NULL));
	if (from && to)
		return compare(name, "==", strbuf_cstr(&text));
	return of_call(from ? "startsWith" : to ? "endsWith" : "contains", name, &text);
}

static const char *known_value(const pairs *vars, const char *name)
{
	if (streq(name, "CI_DEFAULT_BRANCH"))
		return "main";
	if (vars)
		vec_each(pair, vars)
			if (streq(pair->key, name))
				return pair->value;
	return NULL;
}

static bool gitlab_compare(struct cond **c, const char **ret_why)
{
	const struct cond *name, *value;
	const char *op = (*c)->text;

	if (!cond_is_compare(*c, &name, &value))
		return true;
	const char *ours = OURS(gitlab_names, name->text);
	bool either = streq(name->text, "CI_COMMIT_REF_NAME");
	if (either && value->kind == COND_TEXT)
		return replace(c, of_either(op, value->text));
	if (value->kind == COND_PATTERN) {
		if (!ours)
			return no(ret_why, "write it with a name of docs/expressions.md");
		struct cond *match = of_pattern(ours, value->text);
		if (match && either)
			match = cond_new(COND_OR, NULL, match, of_pattern("tag", value->text));
		if (!match)
			return no(
				ret_why,
				"there are no regular expressions: write a glob, branch =~ 'release/*'");
		if (streq(op, "!~"))
			match = cond_new(COND_NOT, NULL, match, NULL);
		return replace(c, match);
	}
	if (ours && streq(ours, "event") && value->kind == COND_TEXT) {
		const char *event = OURS(gitlab_events, value->text);
		return event ? replace(c, compare("event", op, event))
			     : no(ret_why, "there is no such event: leave the job out");
	}
	return true;
}

/* A variable alone is true when it is set. */
static bool gitlab_alone(struct cond **c, const char **ret_why)
{
	const char *name = (*c)->text, *ours = OURS(gitlab_names, name);

	if (streq(name, "CI_COMMIT_BRANCH"))
		return replace(c, compare("event", "==", "push"));
	if (str_starts(str_of(name), "CI_MERGE_REQUEST_") && ours && !streq(ours, "pr.labels"))
		return replace(c, compare("event", "==", "pull_request"));
	if (ours)
		return replace(c, compare(ours, "!=", ""));
	return no(
		ret_why,
		"an expression knows only what docs/expressions.md names: look in the script, at an environment variable");
}

static bool gitlab_walk(struct cond **c, const pairs *vars, bool alone, const char **ret_why)
{
	if ((*c)->kind == COND_COMPARE && !gitlab_compare(c, ret_why))
		return false;
	if ((*c)->kind == COND_NULL)
		return replace(c, cond_new(COND_TEXT, "", NULL, NULL));
	if ((*c)->kind == COND_NAME) {
		const char *value = known_value(vars, (*c)->text);
		const char *ours = OURS(gitlab_names, (*c)->text);
		bool ready = str_starts(str_of((*c)->text), "pr.") || streq((*c)->text, "branch") ||
			     streq((*c)->text, "tag") || streq((*c)->text, "event") ||
			     streq((*c)->text, "target");
		if (ready)
			return true;
		if (!ours && value)
			return replace(c, alone ? truth(*value != 0)
						: cond_new(COND_TEXT, value, NULL, NULL));
		if (alone)
			return gitlab_alone(c, ret_why);
		if (!ours)
			return no(
				ret_why,
				"an expression knows only what docs/expressions.md names: look in the script, at an environment variable");
		return replace(c, cond_new(COND_NAME, ours, NULL, NULL));
	}
	bool chain = (*c)->kind == COND_AND || (*c)->kind == COND_OR || (*c)->kind == COND_NOT;
	for (size_t i = 0; i < (*c)->n; i++)
		if (!gitlab_walk(&(*c)->kids[i], vars, chain, ret_why))
			return false;
	return true;
}

bool cond_from_gitlab(struct cond **c, const pairs *vars, const char **ret_why)
{
	if (!gitlab_walk(c, vars, true, ret_why))
		return false;
	*c = cond_simple(*c);
	return true;
}
