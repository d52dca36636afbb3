#include "store/cdexport.h"

#include "core/cdevents.h"
#include "core/state.h"

#define KNOWN_MAX    256
#define SNAPSHOT_MAX ((size_t)64 << 20)
#define BASE         "http://127.0.0.1:7400"

struct cdexport {
	struct store *store;
	struct model known; /* forgotten when it is much, between two records */
	size_t n;
	char *source, *base;
	struct cdevents o;
};

/* What is not stored, or not as it was, is just not known. */
static void need(void *ctx, enum aggregate_kind kind, const char *id)
{
	struct cdexport *x = ctx;
	AUTO(strbuf_done) struct strbuf json = STRBUF(SNAPSHOT_MAX);
	struct err err = {0};

	if (model_get(&x->known, kind, id))
		return;
	if (store_get(x->store, str_of(aggregate_kind_names[kind]), str_of(id), &json, &err) ==
		    RC_OK &&
	    model_restore(&x->known, kind, strbuf_str(&json), &err) == RC_OK)
		x->n++;
}

static void find_source(struct cdexport *x)
{
	AUTO(strbuf_done) struct strbuf source = STRBUF(1024);

	need(x, AGG_PROJECT, "project");
	const struct project *p = model_project(&x->known);
	strbuf_adds(&source, "/penstock");
	if (p && p->name) {
		strbuf_addc(&source, '/');
		strbuf_add_urlencoded(&source, str_of(p->name));
	}
	x->source = strbuf_take(&source);
}

struct cdexport *cdexport_new(struct store *s, const char *base)
{
	struct cdexport *x = xcalloc(1, sizeof(*x));
	struct str b = str_of(base ? base : BASE);

	while (str_ends(b, "/"))
		b.n--;
	x->store = s;
	x->base = xstrndup(b.p, b.n);
	model_init(&x->known);
	find_source(x);
	x->o = (struct cdevents){
		.source = x->source, .base = x->base, .known = &x->known, .need = need, .ctx = x};
	return x;
}

void cdexport_free(struct cdexport *x)
{
	if (!x)
		return;
	model_done(&x->known);
	xfree(x->source);
	xfree(x->base);
	xfree(x);
}

enum rc cdexport_record(struct cdexport *x, const struct record *r, struct strbuf *to,
			struct err *err)
{
	struct event ev = {0};
	enum rc rc = event_read(r, &ev, err);

	if (x->n > KNOWN_MAX) {
		model_done(&x->known);
		model_init(&x->known);
		x->n = 0;
	}
	if (rc == RC_OK)
		(void)cdevents_write(&x->o, r, &ev, to);
	event_done(&ev);
	return rc == RC_OK ? RC_OK : err_wrap(err, "record %llu", (unsigned long long)r->seq);
}
