/* What stands beside the aggregates: evidence, traffic, replicas, front doors. */
#include "api/api_impl.h"

#define ENVELOPE_MAX ((size_t)4 << 20)

/*
 * ---- evidence ----
 *
 *	{"release","evidence":[{"image","type","stage","envelope":"<hex>","body":{...},"signer":"<keyid>","verified":{"ok","why"}}],
 *	 "decision":{"envelope","body","signer","verified"}}	verified: only with ?verify=1; problem instead of body: it cannot be read
 */

struct envelopes {
	struct release release; /* a copy */
	bool verify;
};

static void free_envelopes(void *data)
{
	struct envelopes *e = data;

	shape_done(aggregate_shapes[AGG_RELEASE], &e->release);
	xfree(e);
}

/* "signer": the key that its signature names. */
static void write_signer(struct json_out *o, const struct json *envelope)
{
	const struct json *list = json_get(envelope, "signatures");
	const char *keyid = json_get_text(json_at(list, 0), "keyid", NULL);

	if (keyid)
		json_cstr(o, "signer", keyid);
}

/* Now, not when it was let in: "verified":{"ok":true} or {"ok":false,"why":"..."}. */
static void write_verified(struct json_out *o, struct sign *sign, const struct evidence *e)
{
	struct err err = {0};
	bool ok = sign_verify(sign, e->envelope, e->image, e->type, NULL, &err) == RC_OK;

	json_open(o, "verified");
	json_bool(o, "ok", ok);
	if (!ok)
		json_cstr(o, "why", err.msg);
	json_close(o);
}

static void write_envelope(struct json_out *o, struct blobs *blobs, const char *digest)
{
	AUTO(strbuf_done) struct strbuf body = STRBUF(ENVELOPE_MAX);
	AUTO(json_freep) struct json *j = NULL;
	struct err err = {0};

	if (blobs_get(blobs, digest, ENVELOPE_MAX, &body, &err) == RC_OK &&
	    json_read(strbuf_str(&body), ENVELOPE_MAX, &j, &err) == RC_OK) {
		json_write(o, "body", j);
		write_signer(o, j);
	} else {
		json_cstr(o, "problem", err.msg);
	}
}

static void write_evidence(struct call *c, const struct release *r, bool verify)
{
	struct json_out o = JSON_OUT(&c->out);
	const struct world *w = engine_world(c->api->e);
	struct blobs *blobs = w->blobs;

	json_open(&o, NULL);
	json_cstr(&o, "release", r->id);
	json_list(&o, "evidence");
	vec_each(e, &r->evidence) {
		json_open(&o, NULL);
		json_cstr(&o, "image", e->image);
		json_cstr(&o, "type", e->type);
		json_cstr(&o, "stage", e->stage);
		json_cstr(&o, "envelope", e->envelope);
		if (e->envelope)
			write_envelope(&o, blobs, e->envelope);
		if (e->envelope && verify)
			write_verified(&o, w->sign, e);
		json_close(&o);
	}
	json_unlist(&o);
	if (r->gate.record) {
		json_open(&o, "decision");
		json_cstr(&o, "envelope", r->gate.record);
		write_envelope(&o, blobs, r->gate.record);
		vec_each(e, &r->evidence)
			if (verify && streq(e->envelope, r->gate.record)) {
				write_verified(&o, w->sign, e);
				break;
			}
		json_close(&o);
	}
	json_close(&o);
}

static void read_evidence(struct call *c)
{
	struct envelopes *e = c->data;
	AUTO(strbuf_done) struct strbuf json = STRBUF(TEXT_MAX);

	if (!e->release.id) {
		c->rc = store_get(engine_world(c->api->e)->store, STR("release"), str_of(c->arg[0]),
				  &json, &c->err);
		if (c->rc == RC_NOT_FOUND)
			c->rc = err_set(&c->err, RC_NOT_FOUND, "there is no release %s", c->arg[0]);
		if (c->rc == RC_OK)
			c->rc = shape_parse(strbuf_str(&json), TEXT_MAX,
					    aggregate_shapes[AGG_RELEASE], &e->release, &c->err);
	}
	if (c->rc == RC_OK)
		write_evidence(c, &e->release, e->verify);
}

void get_evidence(struct call *c)
{
	const struct release *r = model_release(engine_model(c->api->e), c->arg[0]);
	struct envelopes *e = xcalloc(1, sizeof(*e));
	const char *verify = request_query(c->r, "verify");

	e->verify = verify && !streq(verify, "0") && !streq(verify, "false");
	if (r)
		shape_copy(aggregate_shapes[AGG_RELEASE], &e->release, r);
	c->data = e;
	c->free_data = free_envelopes;
	call_work(c, read_evidence);
}

/* ---- traffic ---- */

static void write_traffic(struct json_out *o, const struct engine *e, const struct environment *env,
			  const char *unit, const char *image, const char *release, bool live)
{
	struct engine_traffic t = {0};

	if (!unit || !image || !engine_traffic(e, env->id, unit, image, &t))
		return;
	json_open(o, NULL);
	json_cstr(o, "environment", env->id);
	json_cstr(o, "unit", unit);
	json_cstr(o, "image", image);
	json_cstr(o, "release", release);
	json_bool(o, "live", live);
	json_u64(o, "n", t.n);
	json_u64(o, "errors", t.errors);
	json_double(o, "per_second", t.per_second);
	json_close(o);
}

void get_traffic(struct call *c)
{
	const struct engine *e = c->api->e;
	const struct model *m = engine_model(e);
	const char *only = request_query(c->r, "environment");
	struct json_out o = JSON_OUT(&c->out);

	json_open(&o, NULL);
	json_list(&o, "traffic");
	for (struct map_entry *at = NULL; (at = map_next(&m->by_kind[AGG_ENVIRONMENT], at));) {
		const struct environment *env = at->value;

		if (only && !streq(only, env->id))
			continue;
		vec_each(l, &env->live)
			write_traffic(&o, e, env, l->unit, l->image, l->release, true);
		for (struct map_entry *r = NULL; (r = map_next(&m->by_kind[AGG_ROLLOUT], r));) {
			const struct rollout *ro = r->value;

			if (!rollout_is_final(ro->state) && streq(ro->environment, env->id))
				write_traffic(&o, e, env, ro->unit, ro->image, ro->release, false);
		}
	}
	json_unlist(&o);
	json_close(&o);
	call_json(c, 200, &c->out);
}

/* ---- replicas ---- */

static void write_replica(void *ctx, const struct replica *r)
{
	struct json_out *o = ctx;

	json_open(o, NULL);
	json_cstr(o, "environment", r->environment);
	json_cstr(o, "unit", r->unit);
	json_cstr(o, "image", r->image);
	json_u64(o, "index", r->index);
	json_cstr(o, "state", replica_state_names[r->state]);
	json_u64(o, "restarts", r->restarts);
	json_u64(o, "probes", r->probes);
	json_i64(o, "exit", r->exit);
	json_cstr(o, "why", r->why ? r->why : "");
	json_cstr(o, "address", r->address ? r->address : "");
	json_u64(o, "port", r->port);
	json_u64(o, "since", r->since);
	json_close(o);
}

void get_replicas(struct call *c)
{
	struct json_out o = JSON_OUT(&c->out);

	json_open(&o, NULL);
	json_list(&o, "replicas");
	engine_replicas(c->api->e, write_replica, &o);
	json_unlist(&o);
	json_close(&o);
	call_json(c, 200, &c->out);
}

/* ---- front doors ---- */

struct door {
	char *environment, *unit;
};
struct doors {
	VEC(struct door) list;
};

static void free_doors(void *data)
{
	struct doors *d = data;

	vec_each(door, &d->list) {
		xfree(door->environment);
		xfree(door->unit);
	}
	vec_done(&d->list);
	xfree(d);
}

static void read_doors(struct call *c)
{
	struct doors *d = c->data;
	struct json_out o = JSON_OUT(&c->out);
	struct route *route = engine_world(c->api->e)->route;
	struct err err = {0};

	json_open(&o, NULL);
	json_list(&o, "doors");
	vec_each(door, &d->list) {
		AUTO(freep) char *url = NULL;

		if (route_front_door(route, door->environment, door->unit, &url, &err) != RC_OK)
			continue;
		json_open(&o, NULL);
		json_cstr(&o, "environment", door->environment);
		json_cstr(&o, "unit", door->unit);
		json_cstr(&o, "url", url);
		json_close(&o);
	}
	json_unlist(&o);
	json_close(&o);
}

void get_doors(struct call *c)
{
	const struct model *m = engine_model(c->api->e);
	struct doors *d = xcalloc(1, sizeof(*d));

	for (struct map_entry *at = NULL; (at = map_next(&m->by_kind[AGG_ENVIRONMENT], at));) {
		const struct environment *env = at->value;

		vec_each(l, &env->live)
			if (l->unit)
				vec_push(&d->list,
					 ((struct door){xstrdup(env->id), xstrdup(l->unit)}));
	}
	c->data = d;
	c->free_data = free_doors;
	call_work(c, read_doors);
}
