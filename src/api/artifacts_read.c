#include "api/artifacts.h"

static void free_artifacts(void *data)
{
	struct artifacts *a = data;

	vec_each(x, &a->list) {
		xfree(x->image);
		xfree(x->json);
	}
	vec_done(&a->list);
	xfree(a);
}

void artifacts_new(struct call *c)
{
	c->data = xcalloc(1, sizeof(struct artifacts));
	c->free_data = free_artifacts;
}

static bool has_type(const struct release *r, size_t before, const struct evidence *e)
{
	for (size_t i = 0; i < before; i++)
		if (streq(r->evidence.v[i].image, e->image) &&
		    streq(r->evidence.v[i].type, e->type))
			return true;
	return false;
}

/* False: this release has none of it. */
static bool write_evidence(struct json_out *o, const struct release *r, const char *image)
{
	AUTO(freep) char *href = xasprintf(WIRE_RELEASES "/%s/evidence", r->id);
	uint64_t n = 0;

	vec_each(e, &r->evidence)
		n += streq(e->image, image);
	if (!n)
		return false;
	json_open(o, "evidence");
	json_u64(o, "count", n);
	json_list(o, "types");
	for (size_t i = 0; i < r->evidence.n; i++) {
		const struct evidence *e = &r->evidence.v[i];

		if (streq(e->image, image) && e->type && !has_type(r, i, e))
			json_cstr(o, NULL, e->type);
	}
	json_unlist(o);
	json_cstr(o, "release", r->id);
	json_cstr(o, "href", href);
	json_close(o);
	return true;
}

/* What stands in the store is what events have told of: a release that is under way is there, too. */
static enum rc finish(struct artifact *x, struct store *store, struct err *err)
{
	struct strbuf text = STRBUF(TEXT_MAX);
	struct json_out o = JSON_OUT(&text);
	bool found = false;
	enum rc rc = RC_OK;

	strbuf_adds(&text, x->json);
	o.comma = true;
	for (uint32_t i = 0; i < x->n && !found && rc == RC_OK; i++) {
		AUTO(freep) char *id = catalog_id(SHELF_RELEASES, x->releases[i]);
		struct release r = {0};

		rc = thing_load(store, AGG_RELEASE, id, &r, err);
		found = rc == RC_OK && write_evidence(&o, &r, x->image);
		shape_done(aggregate_shapes[AGG_RELEASE], &r);
	}
	json_close(&o);
	xfree(x->json);
	x->json = strbuf_take(&text);
	return rc;
}

void artifacts_read(struct call *c)
{
	struct artifacts *a = c->data;
	struct store *store = engine_world(c->api->e)->store;
	struct json_out o = JSON_OUT(&c->out);

	vec_each(x, &a->list)
		if (c->rc == RC_OK)
			c->rc = finish(x, store, &c->err);
	if (c->rc != RC_OK)
		return;
	if (a->one) {
		json_raw(&o, NULL, str_of(a->list.v[0].json));
		return;
	}
	json_open(&o, NULL);
	json_list(&o, "artifacts");
	vec_each(x, &a->list)
		json_raw(&o, NULL, str_of(x->json));
	json_unlist(&o);
	if (a->more) {
		AUTO(freep)
		char *next = xasprintf("%c%u.%u", a->up ? 'u' : 'i', a->number, a->item);

		json_cstr(&o, "next", next);
	}
	json_close(&o);
}
