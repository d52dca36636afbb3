/*
 * GET changes: commits on branches and heads of pull requests that runs were made of; GET changes/{commit}: one, by its commit or a unique beginning of it.
 *
 *	{"changes":[{"id":"<commit>","commit","base","repo","kind":"push|pull_request|...","ref","branch","target","number","author","email","subject","pushed_at",
 *		"heads":["refs/heads/main"],		refs that stand at it now
 *		"runs":[{"id":"run-7","state","kind","ref","at","ended_at","release"}],"runs_more":true,	newest first, at most 50
 *		"state":"passed",			of the newest one
 *		"release":{"id","state","environment"},	the newest that came of it
 *		"stage":"ci|staging|gate|production"}],	that it has reached
 *	 "next":"i12"}
 *
 * A change stands where its first run stands among all runs; what is said of it besides its runs is of the newest. A filter holds for a change when it holds
 * for one of its runs. ?repo= ?branch= ?ref= ?author= (name or address) ?kind= ?text= (in the subject, any case) ?since= ?until= (when the run was made)
 * ?limit= (20) ?cursor= ?sort=id|-id|created|-created
 */
#include "api/catalog.h"
#include "api/reads.h"
#include "api/stages.h"

#define RUNS_SHOWN 50
#define LEAST_HEX  7
#define COMMIT_HEX 64 /* SHA-256 repositories */

struct asked {
	const char *repo, *branch, *ref, *author, *text;
	uint32_t kinds;                       /* bits; 0: any */
	uint64_t since, until, limit, number; /* number: of the cursor */
	bool up, resumes;
};

/* ---- writing ---- */

/* Runs of the change that a run is of, lowest first. */
static size_t runs_of(const struct api *api, const struct row *r, const uint32_t **ret)
{
	AUTO(freep) char *key = catalog_change(r);

	return catalog_with(api, SHELF_RUNS, key, ret);
}

static void write_runs(struct json_out *o, const struct api *api, const uint32_t *runs, size_t n)
{
	json_list(o, "runs");
	for (size_t i = 0; i < n && i < RUNS_SHOWN; i++) {
		const struct row *r = catalog_row(api, SHELF_RUNS, runs[n - 1 - i]);
		AUTO(freep) char *id = catalog_id(SHELF_RUNS, r->number);
		AUTO(freep) char *release = catalog_id(SHELF_RELEASES, r->release);

		json_open(o, NULL);
		json_cstr(o, "id", id);
		json_cstr(o, "state", run_state_names[r->state]);
		json_cstr(o, "kind", change_kind_names[r->change]);
		json_word(o, "ref", r->ref);
		json_some(o, "at", r->at);
		json_some(o, "ended_at", r->ended_at);
		if (r->release)
			json_cstr(o, "release", release);
		json_close(o);
	}
	json_unlist(o);
	if (n > RUNS_SHOWN)
		json_bool(o, "runs_more", true);
}

static void write_release(struct json_out *o, const struct api *api, const uint32_t *runs, size_t n)
{
	enum stage stage = STAGE_CI;

	for (size_t i = n; i-- > 0;) {
		const struct row *run = catalog_row(api, SHELF_RUNS, runs[i]);
		const struct row *r =
			run->release ? catalog_row(api, SHELF_RELEASES, run->release) : NULL;

		if (!r)
			continue;
		AUTO(freep) char *id = catalog_id(SHELF_RELEASES, r->number);
		json_open(o, "release");
		json_cstr(o, "id", id);
		json_cstr(o, "state", release_state_names[r->state]);
		json_word(o, "environment", r->environment);
		json_close(o);
		stage = stage_of_release((enum release_state)r->state, r->staged_at, r->gated_at);
		break;
	}
	json_cstr(o, "stage", stage_names[stage]);
}

static void write_heads(struct json_out *o, const struct model *m, const struct row *r)
{
	const struct project_repo *src = model_source(m, r->repo);

	json_list(o, "heads");
	for (size_t i = 0; src && i < src->refs.n; i++)
		if (streq(src->refs.v[i].commit, r->commit))
			json_cstr(o, NULL, src->refs.v[i].ref);
	json_unlist(o);
}

static void write_change(struct json_out *o, const struct api *api, const uint32_t *runs, size_t n)
{
	const struct row *r = catalog_row(api, SHELF_RUNS, runs[n - 1]);
	bool on_branch = r->ref && str_starts(str_of(r->ref), "refs/heads/");

	json_open(o, NULL);
	json_cstr(o, "id", r->commit ? r->commit : "-");
	json_word(o, "commit", r->commit);
	json_word(o, "base", r->base);
	json_word(o, "repo", r->repo);
	json_cstr(o, "kind", change_kind_names[r->change]);
	json_word(o, "ref", r->ref);
	json_word(o, "branch", on_branch ? branch_of(r->ref) : NULL);
	json_word(o, "target", r->target);
	json_word(o, "number", r->pull);
	json_word(o, "author", r->author);
	json_word(o, "email", r->email);
	json_word(o, "subject", r->subject);
	json_some(o, "pushed_at", r->pushed_at);
	write_heads(o, engine_model(api->e), r);
	write_runs(o, api, runs, n);
	json_cstr(o, "state", run_state_names[r->state]);
	write_release(o, api, runs, n);
	json_close(o);
}

/* ---- many ---- */

static bool ask(struct call *c, struct asked *a)
{
	const char *sort = query_text(c, "sort"), *cursor = query_text(c, "cursor");

	*a = (struct asked){
		.repo = query_text(c, "repo"),
		.branch = query_text(c, "branch"),
		.ref = query_text(c, "ref"),
		.author = query_text(c, "author"),
		.kinds = query_names(c, "kind", change_kind_names, ARRAY_LEN(change_kind_names)),
		.text = query_text(c, "text"),
		.up = sort && *sort != '-',
		.resumes = cursor != NULL};
	if (!call_number(c, "limit", 20, WIRE_LIST_MAX, &a->limit) ||
	    !call_number(c, "since", 0, INT64_MAX, &a->since) ||
	    !call_number(c, "until", 0, INT64_MAX, &a->until))
		return false;
	if (!cursor ||
	    (*cursor == (a->up ? 'u' : 'i') && parse_u64(str_of(cursor + 1), &a->number)))
		return true;
	call_failf(c, RC_INVALID,
		   "?cursor= takes the `next` of an answer with the same ?sort=, not \"%.40s\"",
		   cursor);
	return false;
}

static bool fits(const struct asked *a, const struct row *r)
{
	bool on_branch = r->ref && str_starts(str_of(r->ref), "refs/heads/");

	return (!a->repo || streq(r->repo, a->repo)) && (!a->ref || streq(r->ref, a->ref)) &&
	       (!a->branch || (on_branch && streq(branch_of(r->ref), a->branch))) &&
	       (!a->author || streq(r->author, a->author) || streq(r->email, a->author)) &&
	       (!a->kinds || a->kinds >> r->change & 1) &&
	       (!a->text || (r->subject && strcasestr(r->subject, a->text))) && r->at >= a->since &&
	       (!a->until || r->at < a->until);
}

/* Runs of the change whose first run this is; 0: it is not a first one, or not wanted. */
static size_t wanted(const struct api *api, const struct asked *a, uint64_t number,
		     const uint32_t **ret)
{
	const struct row *r = catalog_row(api, SHELF_RUNS, number);
	size_t n = r ? runs_of(api, r, ret) : 0;

	if (!n || (*ret)[0] != number)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (fits(a, catalog_row(api, SHELF_RUNS, (*ret)[i])))
			return n;
	return 0;
}

static void looked(struct call *c)
{
	struct json_out o = JSON_OUT(&c->out);
	uint32_t first, last;
	uint64_t given = 0, at = 0;
	struct asked a;
	bool more = false;

	if (!ask(c, &a))
		return;
	catalog_span(c->api, SHELF_RUNS, &first, &last);
	json_open(&o, NULL);
	json_list(&o, "changes");
	for (uint64_t k = 0; k + first <= last && a.limit && !more; k++) {
		uint64_t number = a.up ? first + k : last - k;
		const uint32_t *runs;

		if (a.resumes && (a.up ? number <= a.number : number >= a.number))
			continue;
		size_t n = wanted(c->api, &a, number, &runs);
		if (!n)
			continue;
		more = given == a.limit;
		if (more)
			break;
		write_change(&o, c->api, runs, n);
		given++;
		at = number;
	}
	json_unlist(&o);
	if (more) {
		AUTO(freep)
		char *next = xasprintf("%c%llu", a.up ? 'u' : 'i', (unsigned long long)at);

		json_cstr(&o, "next", next);
	}
	json_close(&o);
	call_json(c, 200, &c->out);
}

void get_changes(struct call *c)
{
	catalog_look(c, SHELF(SHELF_RUNS) | SHELF(SHELF_RELEASES), looked);
}

/* ---- one ---- */

struct finding {
	const char *repo, *found;
	bool several;
};

static bool see_key(void *ctx, const char *key)
{
	struct finding *f = ctx;

	if (f->repo && !streq(strchr(key, ' ') + 1, f->repo))
		return true;
	f->several = f->found != NULL;
	f->found = key;
	return !f->several;
}

static void looked_at_one(struct call *c)
{
	struct finding f = {.repo = query_text(c, "repo")};
	struct json_out o = JSON_OUT(&c->out);
	const uint32_t *runs;

	catalog_keys(c->api, SHELF_RUNS, c->arg[0], see_key, &f);
	if (!f.found) {
		call_failf(c, RC_NOT_FOUND, "no run is known of a commit %s", c->arg[0]);
		return;
	}
	if (f.several) {
		call_failf(c, RC_CONFLICT,
			   "several changes begin with %s: give more digits, or ?repo=", c->arg[0]);
		return;
	}
	size_t n = catalog_with(c->api, SHELF_RUNS, f.found, &runs);
	write_change(&o, c->api, runs, n);
	call_json(c, 200, &c->out);
}

void get_change(struct call *c)
{
	size_t n = strlen(c->arg[0]);

	if (n < LEAST_HEX || n > COMMIT_HEX || strspn(c->arg[0], "0123456789abcdef") != n) {
		call_failf(
			c, RC_INVALID,
			"a change is named by its commit or its first %d digits or more, in lower case, not \"%.80s\"",
			LEAST_HEX, c->arg[0]);
		return;
	}
	catalog_look(c, SHELF(SHELF_RUNS) | SHELF(SHELF_RELEASES), looked_at_one);
}
