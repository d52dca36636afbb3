/* Our names in theirs. */
#include "dialect/cond.h"

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

static bool rename_to(struct cond *c, const char *name)
{
	xfree(c->text);
	c->text = xstrdup(name);
	return true;
}

struct same {
	const char *ours, *github, *gitlab;
};
static const struct same names[] = {
	{"event", "github.event_name", "CI_PIPELINE_SOURCE"},
	{"target", "github.base_ref", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"},
	{"pr.number", "github.event.number", "CI_MERGE_REQUEST_IID"},
	{"fork", "github.event.pull_request.head.repo.fork", NULL},
	{"branch", "github.ref_name", "CI_COMMIT_REF_NAME"},
	{"tag", NULL, "CI_COMMIT_TAG"},
};
static const struct same events[] = {
	{"push", "push", "push"},
	{"pull_request", "pull_request", "merge_request_event"},
	{"merge_queue", "merge_group", NULL},
	{"schedule", "schedule", "schedule"},
	{"person", "workflow_dispatch", "web"},
};

static const char *theirs_of(const struct same *table, size_t n, const char *ours, bool github)
{
	for (size_t i = 0; i < n; i++)
		if (streq(table[i].ours, ours))
			return github ? table[i].github : table[i].gitlab;
	return NULL;
}

/* Comparisons that their names ask for: a tag is a ref there, an event has another name. */
static bool special(struct cond **c, bool github, bool *ret_done)
{
	const struct cond *name, *value;

	*ret_done = false;
	if (!cond_is_compare(*c, &name, &value) || value->kind != COND_TEXT)
		return true;
	if (streq(name->text, "event")) {
		const char *event = theirs_of(events, ARRAY_LEN(events), value->text, github);
		*ret_done = event != NULL;
		return event &&
		       replace(c, compare(github ? "github.event_name" : "CI_PIPELINE_SOURCE",
					  (*c)->text, event));
	}
	if (!github || (!streq(name->text, "branch") && !streq(name->text, "tag")))
		return true;
	bool equal = streq((*c)->text, "=="), tag = streq(name->text, "tag");
	if (!equal && !streq((*c)->text, "!="))
		return false;
	*ret_done = true;
	if (tag && !*value->text)
		return replace(c, compare("github.ref_type", equal ? "!=" : "==", "tag"));
	AUTO(freep) char *ref = xasprintf("refs/%s/%s", tag ? "tags" : "heads", value->text);
	return replace(c, compare("github.ref", (*c)->text, ref));
}

static bool label(struct cond **c)
{
	struct cond *in = *c;

	if (in->kids[1]->kind != COND_NAME || !streq(in->kids[1]->text, "pr.labels"))
		return false;
	struct cond *what = in->kids[0];
	in->kids[0] = NULL;
	return replace(c, cond_new(COND_CALL, "contains",
				   cond_new(COND_NAME, "github.event.pull_request.labels.*.name",
					    NULL, NULL),
				   what));
}

static bool walk(struct cond **c, bool github)
{
	bool done = false;

	if ((*c)->kind == COND_COMPARE) {
		if (streq((*c)->text, "in"))
			return github && label(c);
		if (streq((*c)->text, "=~") || !special(c, github, &done))
			return false;
		if (done)
			return true;
	}
	if ((*c)->kind == COND_CALL) {
		bool prefix = github && streq((*c)->text, "startsWith") && (*c)->n == 2 &&
			      (*c)->kids[0]->kind == COND_NAME && (*c)->kids[1]->kind == COND_TEXT;
		if (prefix && streq((*c)->kids[0]->text, "tag")) {
			AUTO(freep) char *ref = xasprintf("refs/tags/%s", (*c)->kids[1]->text);
			rename_to((*c)->kids[1], ref);
			return rename_to((*c)->kids[0], "github.ref");
		}
		if (!github || !(streq((*c)->text, "startsWith") || streq((*c)->text, "endsWith") ||
				 streq((*c)->text, "contains")))
			return false;
	}
	if ((*c)->kind == COND_NOT && !github)
		return false;
	if ((*c)->kind == COND_NAME) {
		const char *theirs = theirs_of(names, ARRAY_LEN(names), (*c)->text, github);
		return theirs && rename_to(*c, theirs);
	}
	for (size_t i = 0; i < (*c)->n; i++)
		if (!walk(&(*c)->kids[i], github))
			return false;
	return (*c)->kind != COND_TRUE || github;
}

bool cond_to_github(struct cond **c)
{
	return walk(c, true);
}
bool cond_to_gitlab(struct cond **c)
{
	return walk(c, false);
}
