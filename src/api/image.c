/* Which image people mean. */
#include "api/api_impl.h"

#define LEAST 6 /* hex digits of an abbreviation */

struct search {
	struct str hex;
	const char *unit, *found;
	bool several;
};

static void look_at(struct search *s, const char *unit, const char *image)
{
	struct str hex = str_of(image);

	if (!image || (s->unit && unit && !streq(s->unit, unit)))
		return;
	if (str_starts(hex, "sha256:"))
		hex = (struct str){hex.p + 7, hex.n - 7};
	if (hex.n < s->hex.n || memcmp(hex.p, s->hex.p, s->hex.n) != 0 || streq(s->found, image))
		return;
	s->several = s->found != NULL;
	s->found = image;
}

static void search_all(struct search *s, const struct model *m)
{
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_ENVIRONMENT], e));) {
		const struct environment *env = e->value;

		vec_each(l, &env->live) {
			look_at(s, l->unit, l->image);
			look_at(s, l->unit, l->previous);
		}
		vec_each(v, &env->vetoes)
			look_at(s, v->unit, v->image);
	}
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_RELEASE], e));) {
		const struct release *r = e->value;

		vec_each(item, &r->items)
			look_at(s, item->unit, item->image);
	}
}

static char *of_release(const struct release *r, const char *unit, struct err *err)
{
	const struct release_item *found = NULL;

	vec_each(item, &r->items)
		if (!unit ? r->items.n == 1 : streq(item->unit, unit))
			found = item;
	if (!found || !found->image) {
		err_set(err, RC_NOT_FOUND,
			unit ? "%s has no image of %s" : "%s has several images: say which service",
			r->id, unit ? unit : "");
		return NULL;
	}
	return xstrdup(found->image);
}

char *digest_resolve(const struct model *m, const char *unit, const char *text, struct err *err)
{
	const struct release *r = model_release(m, text);
	struct search s = {.hex = str_of(text), .unit = unit};

	if (r)
		return of_release(r, unit, err);
	if (str_starts(s.hex, "sha256:"))
		s.hex = (struct str){s.hex.p + 7, s.hex.n - 7};
	bool hex = s.hex.n >= LEAST && s.hex.n <= DIGEST_HEX;
	for (size_t i = 0; i < s.hex.n && hex; i++)
		hex = (s.hex.p[i] >= '0' && s.hex.p[i] <= '9') ||
		      (s.hex.p[i] >= 'a' && s.hex.p[i] <= 'f');
	if (!hex) {
		err_set(err, RC_INVALID,
			"\"%.80s\" is no image: a digest, its first %d digits or more, or a release's id",
			text, LEAST);
		return NULL;
	}
	if (s.hex.n == DIGEST_HEX)
		return xasprintf("sha256:%.*s", (int)s.hex.n, s.hex.p);
	search_all(&s, m);
	if (!s.found || s.several) {
		err_set(err, s.found ? RC_CONFLICT : RC_NOT_FOUND,
			s.found ? "%.80s begins more than one digest: give more digits"
				: "no image that is known here begins with %.80s: give the whole digest",
			text);
		return NULL;
	}
	return xstrdup(s.found);
}
