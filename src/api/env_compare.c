/*
 * GET environments/{id}/compare?with=ID: what one has and the other has not, by service.
 *
 *	{"a":"staging","b":"production","units":[{"unit","same":false,
 *		"a":{"image","release","since","commit","subject"},"b":{...},	left out where it is not live
 *		"commits":{"from","to","ahead","behind","more","list":[...]}}]}	from b's commit to a's; see commits.h
 *
 * GET environments/{id}/drift: what is desired in Git against what is live.
 *
 *	{"environment","units":[{"unit","live":"sha256:...","desired":"sha256:...","drift":true,"rollout":"ro-7"}],"drift":1}	rollout: the one that is under way
 */
#include "api/catalog.h"
#include "api/commits.h"

struct side {
	char *image, *release, *repo, *commit, *subject;
	uint64_t since;
};
struct unit_pair {
	char *unit;
	struct side side[2];
};
struct compare {
	char *names[2];
	VEC(struct unit_pair) units;
};

static void free_compare(void *data)
{
	struct compare *x = data;

	vec_each(u, &x->units) {
		for (int i = 0; i < 2; i++) {
			xfree(u->side[i].image);
			xfree(u->side[i].release);
			xfree(u->side[i].repo);
			xfree(u->side[i].commit);
			xfree(u->side[i].subject);
		}
		xfree(u->unit);
	}
	vec_done(&x->units);
	xfree(x->names[0]);
	xfree(x->names[1]);
	xfree(x);
}

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static struct unit_pair *pair_of(struct compare *x, const char *unit)
{
	vec_each(u, &x->units)
		if (streq(u->unit, unit))
			return u;
	vec_push(&x->units, ((struct unit_pair){.unit = xstrdup(unit)}));
	return vec_last(&x->units);
}

static void add_live(struct compare *x, const struct api *api, unsigned side, const struct live *l)
{
	struct side *s = &pair_of(x, l->unit)->side[side];
	const struct row *r =
		catalog_row(api, SHELF_RELEASES, l->release ? catalog_number(l->release) : 0);

	*s = (struct side){.image = copy(l->image), .release = copy(l->release), .since = l->since};
	if (!r)
		return;
	s->repo = copy(r->repo);
	s->commit = copy(r->commit);
	s->subject = copy(r->subject);
}

static void write_side(struct json_out *o, const char *key, const struct side *s)
{
	if (!s->image)
		return;
	json_open(o, key);
	json_cstr(o, "image", s->image);
	json_word(o, "release", s->release);
	json_some(o, "since", s->since);
	json_word(o, "commit", s->commit);
	json_word(o, "subject", s->subject);
	json_close(o);
}

static void write_pair(struct json_out *o, struct scm *scm, const struct unit_pair *u)
{
	const struct side *a = &u->side[0], *b = &u->side[1];

	json_open(o, NULL);
	json_cstr(o, "unit", u->unit);
	json_bool(o, "same", streq(a->image, b->image));
	write_side(o, "a", a);
	write_side(o, "b", b);
	if (a->commit && b->commit && !streq(a->commit, b->commit) && streq(a->repo, b->repo))
		commits_write(o, "commits", scm, a->repo, b->commit, a->commit);
	json_close(o);
}

static int by_unit(const void *a, const void *b)
{
	return strcmp(((const struct unit_pair *)a)->unit, ((const struct unit_pair *)b)->unit);
}

static void read_compare(struct call *c)
{
	struct compare *x = c->data;
	struct json_out o = JSON_OUT(&c->out);

	if (x->units.n)
		qsort(x->units.v, x->units.n, sizeof(*x->units.v), by_unit);
	json_open(&o, NULL);
	json_cstr(&o, "a", x->names[0]);
	json_cstr(&o, "b", x->names[1]);
	json_list(&o, "units");
	vec_each(u, &x->units)
		write_pair(&o, engine_world(c->api->e)->scm, u);
	json_unlist(&o);
	json_close(&o);
}

static void looked(struct call *c)
{
	struct compare *x = c->data;

	for (unsigned i = 0; i < 2; i++) {
		const struct environment *env =
			model_environment(engine_model(c->api->e), x->names[i]);

		if (!env) {
			call_failf(c, RC_NOT_FOUND, "there is no environment %s", x->names[i]);
			return;
		}
		vec_each(l, &env->live)
			add_live(x, c->api, i, l);
	}
	call_work(c, read_compare);
}

void get_compare(struct call *c)
{
	const char *with = request_query(c->r, "with");
	struct compare *x = xcalloc(1, sizeof(*x));

	c->data = x;
	c->free_data = free_compare;
	if (!with || !*with) {
		call_failf(c, RC_INVALID, "?with= names the environment to compare with");
		return;
	}
	x->names[0] = xstrdup(c->arg[0]);
	x->names[1] = xstrdup(with);
	catalog_look(c, SHELF(SHELF_RELEASES), looked);
}

/* ---- drift ---- */

static void write_drift(struct json_out *o, const struct unit_pair *u, const char *desired,
			const struct err *err)
{
	bool differs = !err->rc && !streq(desired, u->side[0].image);

	json_open(o, NULL);
	json_cstr(o, "unit", u->unit);
	json_word(o, "live", u->side[0].image);
	json_word(o, "desired", desired);
	json_bool(o, "drift", differs);
	if (err->rc)
		json_cstr(o, "problem", err->msg);
	else if (differs && u->side[1].release)
		json_cstr(o, "rollout", u->side[1].release);
	json_close(o);
}

static void read_drift(struct call *c)
{
	struct compare *x = c->data;
	struct desired *desired = engine_world(c->api->e)->desired;
	struct json_out o = JSON_OUT(&c->out);
	uint64_t n = 0;

	json_open(&o, NULL);
	json_cstr(&o, "environment", c->arg[0]);
	json_list(&o, "units");
	vec_each(u, &x->units) {
		AUTO(freep) char *image = NULL;
		struct err err = {0};

		err.rc = desired_image(desired, c->arg[0], u->unit, &image, &err);
		n += err.rc == RC_OK && !streq(image, u->side[0].image);
		write_drift(&o, u, image, &err);
	}
	json_unlist(&o);
	json_u64(&o, "drift", n);
	json_close(&o);
}

/* A difference that a rollout is about to end is said to be one: its id stands beside it. */
void get_drift(struct call *c)
{
	const struct model *m = engine_model(c->api->e);
	const struct environment *env = model_environment(m, c->arg[0]);
	struct compare *x = xcalloc(1, sizeof(*x));

	c->data = x;
	c->free_data = free_compare;
	if (!env) {
		call_failf(c, RC_NOT_FOUND, "there is no environment %s", c->arg[0]);
		return;
	}
	vec_each(l, &env->live)
		pair_of(x, l->unit)->side[0].image = copy(l->image);
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_ROLLOUT], e));) {
		const struct rollout *ro = e->value;

		if (rollout_is_final(ro->state) || !streq(ro->environment, env->id))
			continue;
		struct side *under_way = &pair_of(x, ro->unit)->side[1];
		xfree(under_way->release);
		under_way->release = xstrdup(ro->id);
	}
	call_work(c, read_drift);
}
