/*
 * GET artifacts: images that releases hold; GET artifacts/{digest}: one, by its digest or a unique beginning of its hex.
 *
 *	{"artifacts":[{"id":"sha256:...","unit":"orders","units":["orders","copy"],	units: when it is the image of several
 *		"run":"run-7","commit","at":usec,			that brought it: of the first release that holds it
 *		"releases":[{"id":"rel-4","state"}],"releases_more":true,	newest first, at most 50
 *		"live":[{"environment","unit","release","since"}],
 *		"was":[{"environment","unit","rollout","since","until"}],	newest first, at most 50
 *		"moving":[{"environment","unit","rollout","state"}],	rollouts of it that are under way
 *		"marks":[{...}],					pins and vetoes of this very digest; see marks.c
 *		"evidence":{"count":5,"types":["sbom","test"],"release":"rel-4","href":"/api/v1/releases/rel-4/evidence"}}],	of the newest release that has some
 *	 "next":"i4.0"}
 *
 * ?unit= ?environment= (live there now, or it was) ?release= ?run= ?live=1 (somewhere now) ?limit= (20) ?cursor= ?sort=id|-id|created|-created: by the first
 * release that holds it. An image that no release holds (of a pull request) stands only in its job.
 */
#include "api/artifacts.h"

#define SHOWN 50

struct asked {
	const char *unit, *environment;
	uint32_t release, run;
	uint64_t limit, number, item; /* number, item: of the cursor */
	bool live, up, resumes;
};

/* ---- on the loop: what the catalog and the model know ---- */

static const struct live *live_as(const struct environment *env, const char *image)
{
	vec_each(l, &env->live)
		if (streq(l->image, image))
			return l;
	return NULL;
}

static void write_releases(struct json_out *o, const struct api *api, const uint32_t *list,
			   size_t n)
{
	json_list(o, "releases");
	for (size_t i = 0; i < n && i < SHOWN; i++) {
		const struct row *r = catalog_row(api, SHELF_RELEASES, list[n - 1 - i]);
		AUTO(freep) char *id = catalog_id(SHELF_RELEASES, r->number);

		json_open(o, NULL);
		json_cstr(o, "id", id);
		json_cstr(o, "state", release_state_names[r->state]);
		json_close(o);
	}
	json_unlist(o);
	if (n > SHOWN)
		json_bool(o, "releases_more", true);
}

static void write_live(struct json_out *o, const struct model *m, const char *image)
{
	json_list(o, "live");
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_ENVIRONMENT], e));) {
		const struct environment *env = e->value;

		vec_each(l, &env->live) {
			if (!streq(l->image, image))
				continue;
			json_open(o, NULL);
			json_cstr(o, "environment", env->id);
			json_word(o, "unit", l->unit);
			json_word(o, "release", l->release);
			json_some(o, "since", l->since);
			json_close(o);
		}
	}
	json_unlist(o);
}

/* done: those that ended well and were followed by others; else those that are under way. */
static void write_rollouts(struct json_out *o, const struct api *api, const char *image, bool done)
{
	const uint32_t *list;
	size_t n = catalog_with(api, SHELF_ROLLOUTS, image, &list), shown = 0;

	json_list(o, done ? "was" : "moving");
	for (size_t i = n; i-- > 0 && shown < SHOWN;) {
		const struct row *r = catalog_row(api, SHELF_ROLLOUTS, list[i]);
		bool is_done = r->state == ROLLOUT_DONE;
		uint64_t until = done && is_done ? catalog_until(api, r) : 0;
		AUTO(freep) char *id = catalog_id(SHELF_ROLLOUTS, r->number);

		if (done ? !until : catalog_is_final(SHELF_ROLLOUTS, r))
			continue;
		shown++;
		json_open(o, NULL);
		json_word(o, "environment", r->environment);
		json_word(o, "unit", r->unit);
		json_cstr(o, "rollout", id);
		if (!done)
			json_cstr(o, "state", rollout_state_names[r->state]);
		json_some(o, "since", done ? r->ended_at : r->at);
		json_some(o, "until", until);
		json_close(o);
	}
	json_unlist(o);
}

static void write_marks(struct json_out *o, const struct api *api, const char *image)
{
	const struct model *m = engine_model(api->e);
	mark_list marks = {0};

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_ENVIRONMENT], e));)
		marks_take(&marks, e->value, 1u << MARK_PIN | 1u << MARK_VETO,
			   runner_now(api->runner));
	json_list(o, "marks");
	vec_each(mark, &marks)
		if (streq(mark->image, image))
			mark_write(o, mark);
	json_unlist(o);
	vec_done(&marks);
}

/* All services that a release has it for, without doubles; the first is the artifact's. */
static void write_units(struct json_out *o, const struct api *api, const char *image,
			const uint32_t *list, size_t n)
{
	VEC(const char *) units = {0};

	for (size_t i = 0; i < n; i++) {
		const struct row *r = catalog_row(api, SHELF_RELEASES, list[i]);

		for (uint32_t k = 0; k < r->n_units; k++) {
			bool known = !r->units[k] || !streq(r->images[k], image);

			vec_each(u, &units)
				known |= *u == r->units[k]; /* texts of a shelf are kept once */
			if (!known)
				vec_push(&units, r->units[k]);
		}
	}
	json_word(o, "unit", units.n ? units.v[0] : NULL);
	if (units.n > 1) {
		json_list(o, "units");
		vec_each(u, &units)
			json_cstr(o, NULL, *u);
		json_unlist(o);
	}
	vec_done(&units);
}

static void add_artifact(struct artifacts *a, const struct api *api, const char *image)
{
	struct strbuf text = STRBUF(TEXT_MAX);
	struct json_out o = JSON_OUT(&text);
	const uint32_t *list;
	size_t n = catalog_with(api, SHELF_RELEASES, image, &list);
	const struct row *first = catalog_row(api, SHELF_RELEASES, list[0]);
	AUTO(freep) char *run = catalog_id(SHELF_RUNS, first->run);
	struct artifact x = {.image = xstrdup(image)};

	json_open(&o, NULL);
	json_cstr(&o, "id", image);
	write_units(&o, api, image, list, n);
	if (first->run)
		json_cstr(&o, "run", run);
	json_word(&o, "commit", first->commit);
	json_some(&o, "at", first->at);
	write_releases(&o, api, list, n);
	write_live(&o, engine_model(api->e), image);
	write_rollouts(&o, api, image, true);
	write_rollouts(&o, api, image, false);
	write_marks(&o, api, image);
	for (size_t i = n; i-- > 0 && x.n < ARTIFACT_RELEASES;)
		x.releases[x.n++] = list[i];
	x.json = strbuf_take(&text);
	vec_push(&a->list, x);
}

/* ---- what is asked for ---- */

static bool ask_number(struct call *c, const char *key, uint32_t *ret)
{
	const char *text = query_text(c, key);

	*ret = text ? catalog_number(text) : 0;
	if (!text || *ret)
		return true;
	call_failf(c, RC_INVALID, "?%s=%.80s is no id: it ends in a number", key, text);
	return false;
}

static bool ask_cursor(struct call *c, struct asked *a)
{
	const char *text = query_text(c, "cursor");
	struct str rest = str_of(text ? text + 1 : "");

	a->resumes = text != NULL;
	if (!text)
		return true;
	if (*text == (a->up ? 'u' : 'i') && parse_u64(str_cut(&rest, '.'), &a->number) && rest.p &&
	    parse_u64(rest, &a->item))
		return true;
	call_failf(c, RC_INVALID,
		   "?cursor= takes the `next` of an answer with the same ?sort=, not \"%.40s\"",
		   text);
	return false;
}

static bool ask(struct call *c, struct asked *a)
{
	const char *sort = query_text(c, "sort"), *live = query_text(c, "live");

	*a = (struct asked){.unit = query_text(c, "unit"),
			    .environment = query_text(c, "environment"),
			    .live = live && !streq(live, "0") && !streq(live, "false"),
			    .up = sort && *sort != '-'};
	return call_number(c, "limit", 20, WIRE_LIST_MAX, &a->limit) &&
	       ask_number(c, "release", &a->release) && ask_number(c, "run", &a->run) &&
	       ask_cursor(c, a);
}

/* ---- choosing ---- */

static bool is_live(const struct model *m, const char *image)
{
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_ENVIRONMENT], e));)
		if (live_as(e->value, image))
			return true;
	return false;
}

static bool was_in(const struct api *api, const char *image, const char *environment)
{
	const struct environment *env = model_environment(engine_model(api->e), environment);
	const uint32_t *list;
	size_t n = catalog_with(api, SHELF_ROLLOUTS, image, &list);

	if (env && live_as(env, image))
		return true;
	for (size_t i = 0; i < n; i++) {
		const struct row *r = catalog_row(api, SHELF_ROLLOUTS, list[i]);

		if (r->state == ROLLOUT_DONE && streq(r->environment, environment))
			return true;
	}
	return false;
}

static bool in_release(const struct asked *a, const struct row *r, const char *image)
{
	if ((a->release && r->number != a->release) || (a->run && r->run != a->run))
		return false;
	for (uint32_t i = 0; i < r->n_units; i++)
		if (streq(r->images[i], image) && (!a->unit || streq(r->units[i], a->unit)))
			return true;
	return false;
}

static bool fits(const struct api *api, const struct asked *a, const char *image)
{
	const uint32_t *list;
	size_t n = catalog_with(api, SHELF_RELEASES, image, &list);
	bool held = false;

	for (size_t i = 0; i < n && !held; i++)
		held = in_release(a, catalog_row(api, SHELF_RELEASES, list[i]), image);
	return held && (!a->live || is_live(engine_model(api->e), image)) &&
	       (!a->environment || was_in(api, image, a->environment));
}

/* Is this item of this release where the image came first? */
static bool is_first(const struct api *api, const struct row *r, uint32_t item)
{
	const char *image = r->images[item];
	const uint32_t *list;

	if (!image || !catalog_with(api, SHELF_RELEASES, image, &list) || list[0] != r->number)
		return false;
	for (uint32_t i = 0; i < item; i++)
		if (r->images[i] == image)
			return false;
	return true;
}

static bool is_behind(const struct asked *a, uint64_t number, uint64_t item)
{
	bool before = number < a->number || (number == a->number && item < a->item);
	bool same = number == a->number && item == a->item;

	return !a->resumes || (!same && before != a->up);
}

/* True: the page is full. */
static bool add_items(struct artifacts *list, const struct api *api, const struct asked *a,
		      const struct row *r)
{
	for (uint32_t k = 0; k < r->n_units; k++) {
		uint32_t item = a->up ? k : r->n_units - 1 - k;

		if (!is_behind(a, r->number, item) || !is_first(api, r, item) ||
		    !fits(api, a, r->images[item]))
			continue;
		if (list->list.n == a->limit) {
			list->more = list->list.n > 0;
			return true;
		}
		add_artifact(list, api, r->images[item]);
		list->number = r->number;
		list->item = item;
	}
	return false;
}

static void looked(struct call *c)
{
	struct artifacts *list = c->data;
	uint32_t first, last;
	struct asked a;

	if (!ask(c, &a))
		return;
	list->up = a.up;
	catalog_span(c->api, SHELF_RELEASES, &first, &last);
	for (uint64_t k = 0; k + first <= last; k++) {
		const struct row *r =
			catalog_row(c->api, SHELF_RELEASES, a.up ? first + k : last - k);

		if (r && add_items(list, c->api, &a, r))
			break;
	}
	call_work(c, artifacts_read);
}

void get_artifacts(struct call *c)
{
	artifacts_new(c);
	catalog_look(c, SHELF(SHELF_RELEASES) | SHELF(SHELF_ROLLOUTS), looked);
}

/* ---- one ---- */

#define LEAST_HEX 12

struct finding {
	const char *found;
	bool several;
};

static bool see_key(void *ctx, const char *key)
{
	struct finding *f = ctx;

	f->several = f->found != NULL;
	f->found = key;
	return !f->several;
}

static void looked_at_one(struct call *c)
{
	struct artifacts *a = c->data;
	bool whole = str_starts(str_of(c->arg[0]), "sha256:");
	AUTO(freep) char *beginning = xasprintf("%s%s", whole ? "" : "sha256:", c->arg[0]);
	struct finding f = {0};

	catalog_keys(c->api, SHELF_RELEASES, beginning, see_key, &f);
	if (!f.found || f.several) {
		call_failf(c, f.found ? RC_CONFLICT : RC_NOT_FOUND,
			   f.found ? "several images begin with %s: give more digits"
				   : "no release holds an image %s",
			   c->arg[0]);
		return;
	}
	a->one = true;
	add_artifact(a, c->api, f.found);
	call_work(c, artifacts_read);
}

void get_artifact(struct call *c)
{
	struct str hex = str_of(c->arg[0]);

	if (str_starts(hex, "sha256:"))
		hex = (struct str){hex.p + 7, hex.n - 7};
	if (hex.n < LEAST_HEX || hex.n > DIGEST_HEX || strspn(hex.p, "0123456789abcdef") != hex.n) {
		call_failf(
			c, RC_INVALID,
			"an artifact is named by its digest, or its first %d hex digits or more, not \"%.100s\"",
			LEAST_HEX, c->arg[0]);
		return;
	}
	artifacts_new(c);
	catalog_look(c, SHELF(SHELF_RELEASES) | SHELF(SHELF_ROLLOUTS), looked_at_one);
}
