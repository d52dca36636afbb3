/*
 * GET releases/{id}/diff: what it will change, or changed, in an environment. ?environment=: the next one on its way, when it is not given.
 * ?with=: now, what is live there; before, what it replaced there, for each service that was rolled out with it; not given: as before.
 *
 *	{"release","environment","with":"before|now",	before: of at least one item
 *	 "units":["orders", ...],	affected by its change
 *	 "items":[{"unit","image","with":"before|now","same":false,
 *		"was":{"image","release","commit","since"},	left out: nothing is, or was, there
 *		"live":true,	it is what runs there now
 *		"plan":{"hash":"<64 hex>","diff":"--- ...","rollout":"ro-7"},	of the desired state; rollout: it was executed as this one; problem
 *		"commits":{...},	from what is live there to this release; see commits.h
 *		"files":[{"path","change":"added|changed|removed"}],"files_more":true}],	of the unit's folder, at most 200
 *	 "config":{"from":"<commit>","to":"<commit>","same":false,"diff":"@@ ..."}}	penstock.yml; problem
 */
#include "api/catalog.h"
#include "api/commits.h"
#include "api/lines_diff.h"

#define FILES_MAX  200
#define CONFIG_MAX ((size_t)1 << 20)
#define DIFF_MAX   ((size_t)64 << 10)

struct diff_item {
	bool before, live;
	char *path, *was_image, *was_release, *was_commit, *rollout, *plan;
	uint64_t was_since;
	struct deploy deploy;
};
struct release_diff {
	struct release release;
	char *environment;
	const char *with; /* of the request */
	texts units;
	VEC(struct diff_item) items; /* as the release's */
};

static void free_diff(void *data)
{
	struct release_diff *d = data;

	vec_each(i, &d->items) {
		char *members[] = {i->path,       i->was_image, i->was_release,
				   i->was_commit, i->rollout,   i->plan};

		for (size_t k = 0; k < ARRAY_LEN(members); k++)
			xfree(members[k]);
		shape_done(&shape_deploy, &i->deploy);
	}
	vec_done(&d->items);
	vec_each(unit, &d->units)
		xfree(*unit);
	vec_done(&d->units);
	xfree(d->environment);
	shape_done(aggregate_shapes[AGG_RELEASE], &d->release);
	xfree(d);
}

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

/* ---- on the loop ---- */

static const struct config *config_of(const struct model *m, const struct release *r)
{
	const struct config *c = model_config(m, r->config);

	return c ? c : model_config(m, model_project(m)->config);
}

/* Where it goes next; one that ended: where it went last. */
static const char *next_environment(const struct model *m, const struct release *r)
{
	const struct config *c = config_of(m, r);
	bool early = r->state == RELEASE_BUILT || r->state == RELEASE_STAGING;

	if (release_is_final(r->state) && r->environment)
		return r->environment;
	return !c ? r->environment : early ? c->staging_env : c->production_env;
}

static const struct live *live_in(const struct environment *env, const char *unit)
{
	for (size_t i = 0; env && i < env->live.n; i++)
		if (streq(env->live.v[i].unit, unit))
			return &env->live.v[i];
	return NULL;
}

/* The release that had brought an image there before this rollout did something else. */
static const struct row *bringer(const struct api *api, const struct row *ro)
{
	uint32_t first, last;

	catalog_span(api, SHELF_ROLLOUTS, &first, &last);
	for (uint32_t n = ro->number; n-- > first;) {
		const struct row *r = catalog_row(api, SHELF_ROLLOUTS, n);

		if (r && r->live_at && streq(r->image, ro->previous) && streq(r->unit, ro->unit) &&
		    streq(r->environment, ro->environment))
			return r;
	}
	return NULL;
}

static void note_was(struct diff_item *i, const struct api *api, const char *image,
		     const char *release, uint64_t since)
{
	const struct row *was =
		release ? catalog_row(api, SHELF_RELEASES, catalog_number(release)) : NULL;

	i->was_image = copy(image);
	i->was_release = copy(release);
	i->was_since = since;
	i->was_commit = was ? copy(was->commit) : NULL;
}

static void note_before(struct diff_item *i, const struct api *api, const struct row *ro)
{
	const struct row *by = ro->previous ? bringer(api, ro) : NULL;
	AUTO(freep)
	char *release = by && by->release ? catalog_id(SHELF_RELEASES, by->release) : NULL;

	if (ro->previous)
		note_was(i, api, ro->previous, release, by ? by->live_at : 0);
}

static void add_item(struct release_diff *d, const struct api *api, const struct release_item *item)
{
	const struct model *m = engine_model(api->e);
	const struct environment *env = model_environment(m, d->environment);
	const struct live *l = live_in(env, item->unit);
	const struct unit *u = model_unit(m, item->unit, NULL);
	bool staging = env && env->stage == STAGE_STAGING;
	bool skipped = staging ? item->staging_skipped : item->production_skipped;
	const char *ro_id = staging ? item->staging_rollout : item->production_rollout;
	const struct row *its =
		ro_id ? catalog_row(api, SHELF_ROLLOUTS, catalog_number(ro_id)) : NULL;
	const struct rollout *done = model_rollout(m, ro_id);
	struct rollout ro = {.release = d->release.id,
			     .environment = d->environment,
			     .unit = item->unit,
			     .image = item->image,
			     .previous = l ? l->image : NULL,
			     .replicas = u && u->replicas ? u->replicas : 1};
	struct diff_item i = {.before = (its || skipped) && !streq(d->with, "now"),
			      .live = l && streq(l->image, item->image),
			      .path = copy(u ? u->path : NULL),
			      .rollout = copy(ro_id),
			      .plan = copy(done ? done->plan : NULL)};

	if (i.before && its)
		note_before(&i, api, its);
	else if (i.before) /* the very image was there already */
		note_was(&i, api, item->image, NULL, 0);
	else if (l)
		note_was(&i, api, l->image, l->release, l->since);
	fill_deploy(m, &ro, &i.deploy);
	vec_push(&d->items, i);
}

static void read_diff(struct call *c);

static void looked(struct call *c)
{
	struct release_diff *d = c->data;
	const struct model *m = engine_model(c->api->e);
	const struct run *run = model_run(m, d->release.run);
	const char *wanted = request_query(c->r, "environment");

	d->with = request_query(c->r, "with");
	d->environment = copy(wanted && *wanted ? wanted : next_environment(m, &d->release));
	if (!d->environment) {
		call_failf(c, RC_NOT_FOUND, "it is not known where %s goes: ?environment= says it",
			   d->release.id);
		return;
	}
	vec_each(item, &d->release.items)
		add_item(d, c->api, item);
	if (run)
		vec_each(unit, &run->affected)
			vec_push(&d->units, xstrdup(*unit));
	call_work(c, read_diff);
}

/* ---- on a worker ---- */

/* One that was executed long ago: its plan stands in its rollout. */
static void find_plan(struct diff_item *i, struct store *store)
{
	struct rollout ro = {0};
	struct err err;

	if (!i->rollout || i->plan ||
	    thing_load(store, AGG_ROLLOUT, i->rollout, &ro, &err) != RC_OK)
		return;
	i->plan = copy(ro.plan);
	shape_done(aggregate_shapes[AGG_ROLLOUT], &ro);
}

static void write_plan(struct json_out *o, struct desired *desired, const struct diff_item *i)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(DIFF_MAX);
	struct err err = {0};
	char hash[65];

	json_open(o, "plan");
	json_word(o, "rollout", i->rollout);
	if (i->plan) {
		json_cstr(o, "hash", i->plan);
	} else if (desired_plan(desired, &i->deploy, &text, hash, &err) == RC_OK) {
		json_cstr(o, "hash", hash);
		json_cstr(o, "diff", strbuf_cstr(&text));
	} else {
		json_cstr(o, "problem", err.msg);
	}
	json_close(o);
}

static void write_file(struct json_out *o, const char *path, const char *change, unsigned *n)
{
	if ((*n)++ >= FILES_MAX)
		return;
	json_open(o, NULL);
	json_cstr(o, "path", path);
	json_cstr(o, "change", change);
	json_close(o);
}

/* Both lists are in order of path. */
static unsigned write_changed(struct json_out *o, const struct tree_facts *was,
			      const struct tree_facts *now)
{
	size_t i = 0, k = 0;
	unsigned n = 0;

	while (i < was->entries.n || k < now->entries.n) {
		const struct tree_entry *a = i < was->entries.n ? &was->entries.v[i] : NULL;
		const struct tree_entry *b = k < now->entries.n ? &now->entries.v[k] : NULL;
		int order = !a ? 1 : !b ? -1 : strcmp(a->path, b->path);

		if (order < 0)
			write_file(o, a->path, "removed", &n);
		else if (order > 0)
			write_file(o, b->path, "added", &n);
		else if (!streq(a->oid, b->oid) || a->mode != b->mode)
			write_file(o, a->path, "changed", &n);
		i += order <= 0;
		k += order >= 0;
	}
	return n;
}

static void write_files(struct json_out *o, struct scm *scm, const char *repo,
			const struct diff_item *i, const char *to)
{
	char *path = i->path;
	texts none = {0}, list = {.v = &path, .n = 1, .cap = 1};
	struct tree_facts was = {0}, now = {0};
	struct err err = {0};
	unsigned n = 0;

	if (!path || !i->was_commit || !repo || !to)
		return;
	enum rc rc = scm_tree(scm, repo, i->was_commit, &none, &list, &was, &err);
	if (rc == RC_OK)
		rc = scm_tree(scm, repo, to, &none, &list, &now, &err);
	if (rc == RC_OK) {
		json_list(o, "files");
		n = write_changed(o, &was, &now);
		json_unlist(o);
		if (n > FILES_MAX)
			json_bool(o, "files_more", true);
	}
	tree_facts_done(&was);
	tree_facts_done(&now);
}

static void write_item(struct call *c, struct json_out *o, const struct release_diff *d, size_t at)
{
	const struct world *w = engine_world(c->api->e);
	const struct release_item *item = &d->release.items.v[at];
	const struct diff_item *i = &d->items.v[at];
	const struct change *change = &d->release.change;

	json_open(o, NULL);
	json_cstr(o, "unit", item->unit);
	json_word(o, "image", item->image);
	json_cstr(o, "with", i->before ? "before" : "now");
	json_bool(o, "same", streq(item->image, i->was_image));
	if (i->live)
		json_bool(o, "live", true);
	if (i->was_image) {
		json_open(o, "was");
		json_cstr(o, "image", i->was_image);
		json_word(o, "release", i->was_release);
		json_word(o, "commit", i->was_commit);
		json_some(o, "since", i->was_since);
		json_close(o);
	}
	write_plan(o, w->desired, i);
	if (i->was_commit && !streq(i->was_commit, change->commit)) {
		commits_write(o, "commits", w->scm, change->repo, i->was_commit, change->commit);
		write_files(o, w->scm, change->repo, i, change->commit);
	}
	json_close(o);
}

/* Against the oldest thing that is live: what all of them will see change. */
static const char *base_of(const struct release_diff *d)
{
	const struct diff_item *oldest = NULL;

	vec_each(i, &d->items)
		if (i->was_commit && (!oldest || i->was_since < oldest->was_since))
			oldest = i;
	return oldest ? oldest->was_commit : d->release.change.base;
}

static void write_config(struct json_out *o, struct scm *scm, const struct release_diff *d)
{
	AUTO(strbuf_done) struct strbuf was = STRBUF(CONFIG_MAX), now = STRBUF(CONFIG_MAX);
	AUTO(strbuf_done) struct strbuf text = STRBUF(2 * CONFIG_MAX);
	const struct change *change = &d->release.change;
	const char *base = base_of(d);
	struct err err = {0};
	enum rc rc;

	if (!scm || !base || !change->repo || !change->commit)
		return;
	rc = scm_file(scm, change->repo, base, "penstock.yml", CONFIG_MAX, &was, &err);
	if (rc == RC_OK)
		rc = scm_file(scm, change->repo, change->commit, "penstock.yml", CONFIG_MAX, &now,
			      &err);
	json_open(o, "config");
	json_cstr(o, "from", base);
	json_cstr(o, "to", change->commit);
	if (rc != RC_OK) {
		json_cstr(o, "problem", err.msg);
	} else {
		bool same = str_eq(strbuf_str(&was), strbuf_str(&now));

		json_bool(o, "same", same);
		if (!same && lines_diff(&text, strbuf_str(&was), strbuf_str(&now)))
			json_cstr(o, "diff", strbuf_cstr(&text));
		else if (!same)
			json_cstr(o, "problem", "too many lines differ to be shown");
	}
	json_close(o);
}

static bool any_before(const struct release_diff *d)
{
	vec_each(i, &d->items)
		if (i->before)
			return true;
	return false;
}

static void read_diff(struct call *c)
{
	struct release_diff *d = c->data;
	struct json_out o = JSON_OUT(&c->out);

	json_open(&o, NULL);
	json_cstr(&o, "release", d->release.id);
	json_cstr(&o, "environment", d->environment);
	json_cstr(&o, "with", any_before(d) ? "before" : "now");
	json_list(&o, "units");
	vec_each(unit, &d->units)
		json_cstr(&o, NULL, *unit);
	json_unlist(&o);
	json_list(&o, "items");
	for (size_t i = 0; i < d->items.n; i++) {
		find_plan(&d->items.v[i], engine_world(c->api->e)->store);
		write_item(c, &o, d, i);
	}
	json_unlist(&o);
	write_config(&o, engine_world(c->api->e)->scm, d);
	json_close(&o);
}

static void on_thread(void *arg)
{
	struct call *c = arg;
	struct release_diff *d = c->data;

	c->rc = thing_load(engine_world(c->api->e)->store, AGG_RELEASE, c->arg[0], &d->release,
			   &c->err);
}

static void loaded(void *arg)
{
	struct call *c = arg;

	if (c->rc == RC_OK)
		catalog_look(c, SHELF(SHELF_RELEASES) | SHELF(SHELF_ROLLOUTS), looked);
	else
		call_fail(c, &c->err);
}

void get_diff(struct call *c)
{
	struct release_diff *d = xcalloc(1, sizeof(*d));

	c->data = d;
	c->free_data = free_diff;
	if (thing_copy(engine_model(c->api->e), AGG_RELEASE, c->arg[0], &d->release))
		catalog_look(c, SHELF(SHELF_RELEASES) | SHELF(SHELF_ROLLOUTS), looked);
	else
		api_work(c->api, on_thread, loaded, c);
}
