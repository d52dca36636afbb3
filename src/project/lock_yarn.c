/* yarn.lock: of yarn 1, and of the later ones. An entry is headed by all that is wanted and got it. */
#include "base/mem.h"
#include "base/strbuf.h"
#include "project/lock_impl.h"
#include "project/outline.h"

#define NONE UINT32_MAX

/* "@scope/name@^1.0.0": the name. */
static struct str name_of(struct str descriptor)
{
	const char *at = descriptor.n > 1 ? memchr(descriptor.p + 1, '@', descriptor.n - 1) : NULL;

	return at ? (struct str){descriptor.p, (size_t)(at - descriptor.p)} : descriptor;
}

/* "a@^1, a@^2" in one pair of quotes, or each in its own. */
static bool begin(struct lock_source *s, struct str header, uint32_t *ret)
{
	uint32_t package = lock_add(s);
	struct str last = {NULL, 0};

	if (package == NONE)
		return false;
	while (header.p) {
		struct str one = str_trim(str_cut(&header, ','));
		while (one.n && *one.p == '"') {
			one.p++;
			one.n--;
		}
		while (one.n && one.p[one.n - 1] == '"')
			one.n--;
		if (!one.n)
			continue;
		lock_key(s->l, package, one);
		last = name_of(one);
	}
	if (last.n)
		lock_name(s->l, package, last);
	*ret = package;
	return true;
}

static bool add_dep(struct lock_source *s, uint32_t package, struct str name, struct str range)
{
	AUTO(strbuf_done) struct strbuf key = STRBUF(8192);
	bool bare = !range.n || !memchr(range.p, ':', range.n);

	strbuf_addf(&key, "%.*s@%.*s", (int)name.n, name.p, (int)range.n, range.p);
	if (bare && lock_find(s->l, strbuf_str(&key)) == NONE && s->l->packages.v[package].where) {
		strbuf_clear(&key); /* later ones: "^1.0.0" is "npm:^1.0.0" */
		strbuf_addf(&key, "%.*s@npm:%.*s", (int)name.n, name.p, (int)range.n, range.p);
	}
	return lock_edge(s, package, strbuf_str(&key), name);
}

static void resolution(struct lock_source *s, uint32_t package, struct str value)
{
	struct str name = name_of(value), rest;

	s->l->packages.v[package].where = xstrdup(""); /* of a later yarn */
	rest = (struct str){value.p + name.n, value.n - name.n};
	if (str_starts(rest, "@workspace:"))
		lock_unit(s->l, package, (struct str){rest.p + 11, rest.n - 11});
	else
		lock_own(s->l, package, value);
}

static bool field(struct lock_source *s, uint32_t package, const struct outline *o, bool *ret_deps)
{
	*ret_deps = !o->value.n &&
		    (str_is(o->key, "dependencies") || str_is(o->key, "optionalDependencies"));
	if (str_is(o->key, "resolution") && !s->l->packages.v[package].where)
		resolution(s, package, o->value);
	else if (str_is(o->key, "version") || str_is(o->key, "integrity") ||
		 str_is(o->key, "checksum"))
		lock_own(s->l, package, o->value);
	else if (str_is(o->key, "resolved")) { /* without the address: what follows its name */
		const char *hash = memchr(o->value.p, '#', o->value.n);
		lock_own(s->l, package,
			 hash ? (struct str){hash, (size_t)(o->value.p + o->value.n - hash)}
			      : (struct str){"", 0});
	}
	return true;
}

void lock_read_yarn(struct lock_source *s)
{
	struct outline o = {.text = s->text, .bare = true};
	uint32_t package = NONE;
	bool deps = false, good = true;

	while (good && s->rc == RC_OK && outline_next(&o)) {
		if (o.indent == 0) {
			deps = false;
			package = NONE;
			if (!o.colon)
				lock_fail(
					s, o.line,
					"an entry's head does not end with \":\": run `yarn install`");
			else if (!str_is(o.key, "__metadata"))
				good = begin(s, o.key, &package);
		} else if (package == NONE) {
			continue;
		} else if (o.indent == 2) {
			good = field(s, package, &o, &deps);
		} else if (deps && o.indent == 4) {
			good = add_dep(s, package, o.key, o.value);
		}
	}
	if (s->rc == RC_OK && !s->l->packages.n &&
	    !memmem(s->text.n ? s->text.p : "", s->text.n, "yarn", 4))
		lock_fail(s, 1, "is no yarn.lock: run `yarn install`");
}
