/* Reads a YAML document into structs by the table of keys. */
#include "core/config_impl.h"
#include "core/sort.h"

#define KEYS_MAX 48 /* rows of one table */

const char *shown(struct str s, char buf[SHOWN])
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char ch = (unsigned char)s.p[i];

		if (n == SHOWN - 4) {
			memcpy(buf + n, "...", 3);
			n += 3;
			break;
		}
		buf[n++] = ch < 0x20 || ch >= 0x7f ? '?' : (char)ch;
	}
	buf[n] = 0;
	return buf;
}

const char *place_text(const struct place *p, char buf[PLACE_TEXT])
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(PLACE_TEXT - 1);
	const struct place *path[8];
	char name[SHOWN];
	size_t n = 0;

	for (; p && p->what && !p->name.p; p = p->up)
		if (n < ARRAY_LEN(path))
			path[n++] = p;
	for (size_t i = n; i--;)
		strbuf_addf(&b, "%s%s", path[i]->what, i ? "." : "");
	if (p && p->name.p)
		strbuf_addf(&b, "%s%s \"%s\"", n ? " of " : "", p->what, shown(p->name, name));
	struct str text = strbuf_str(&b);
	size_t keep = MIN_OF(text.n, (size_t)PLACE_TEXT - 1);

	if (keep)
		memcpy(buf, text.p, keep);
	buf[keep] = 0;
	return buf;
}

/* ` in job "test"`, or nothing at the top. */
static const char *in_place(const struct place *p, char buf[PLACE_TEXT + 4])
{
	char text[PLACE_TEXT];
	size_t n;

	place_text(p, text);
	if (!text[0]) {
		buf[0] = 0;
		return buf;
	}
	n = strlen(text);
	memcpy(buf, " in ", 4);
	memcpy(buf + 4, text, n + 1);
	return buf;
}

const char *node_words(const struct yaml_node *at)
{
	switch (at->kind) {
	case YAML_NULL:
		return "nothing";
	case YAML_SCALAR:
		return at->quoted ? "text in quotes" : "text";
	case YAML_LIST:
		return "a list";
	case YAML_MAP:
		return "a map";
	}
	return "nothing";
}

const struct yaml_node *text_node(const struct yaml_node *map, const char *key, size_t i)
{
	const struct yaml_node *list = yaml_get(map, key);

	if (!list)
		return map;
	return list->kind == YAML_LIST && i < list->n ? &list->items[i] : list;
}

enum rc read_wrong(struct reader *r, const struct key *key, const struct yaml_node *at,
		   const struct place *place, const char *wanted)
{
	char in[PLACE_TEXT + 4], text[SHOWN];

	if (at->kind == YAML_SCALAR && !at->quoted)
		return FAIL(r, at, "\"%s\"%s must be %s, not \"%s\"", key->name,
			    in_place(place, in), wanted, shown(at->text, text));
	return FAIL(r, at, "\"%s\"%s must be %s, not %s", key->name, in_place(place, in), wanted,
		    node_words(at));
}

enum rc read_scalar(struct reader *r, const struct key *key, const struct yaml_node *at,
		    const struct place *place, struct str *ret)
{
	size_t max = key->kind == KEY_TEXT && key->max ? (size_t)key->max : TEXT_MAX;
	char in[PLACE_TEXT + 4];

	if (at->kind != YAML_SCALAR)
		return read_wrong(r, key, at, place,
				  key->kind == KEY_TEXTS ? "a list of texts" : "text");
	if (at->text.n > max)
		return FAIL(r, at, "\"%s\"%s is %zu bytes long; at most %zu are allowed", key->name,
			    in_place(place, in), at->text.n, max);
	for (size_t i = 0; i < at->text.n; i++) {
		unsigned char ch = (unsigned char)at->text.p[i];

		if (ch == 0 || ch == 0x7f || (ch < 0x20 && ch != '\n' && ch != '\t'))
			return FAIL(r, at, "\"%s\"%s holds a control character (0x%02x)", key->name,
				    in_place(place, in), ch);
	}
	*ret = at->text;
	return RC_OK;
}

static enum rc read_text(struct reader *r, const struct key *key, const struct yaml_node *at,
			 const struct place *place, char **ret)
{
	char in[PLACE_TEXT + 4], text[SHOWN];
	struct str s;

	if (read_scalar(r, key, at, place, &s) != RC_OK)
		return r->err->rc;
	if (s.n == 0 && key->kind != KEY_PAIRS)
		return FAIL(r, at, "\"%s\"%s is empty", key->name, in_place(place, in));
	bool known = key->nnames == 0;

	for (size_t i = 0; i < key->nnames; i++)
		known |= str_is(s, key->names[i]);
	if (key->check && key->check(r, at) != RC_OK)
		return r->err->rc;
	if (!known) {
		AUTO(strbuf_done) struct strbuf words = STRBUF(400);

		for (size_t i = 0; i < key->nnames; i++)
			strbuf_addf(&words, "%s%s",
				    i == 0                 ? ""
				    : i + 1 == key->nnames ? " or "
							   : ", ",
				    key->names[i]);
		return FAIL(r, at, "\"%s\"%s must be %s, not \"%s\"", key->name,
			    in_place(place, in), strbuf_cstr(&words), shown(s, text));
	}
	xfree(*ret); /* two keys may fill one member; the check of both comes later */
	*ret = xstrndup(s.p ? s.p : "", s.n);
	return RC_OK;
}

static enum rc read_texts(struct reader *r, const struct key *key, const struct yaml_node *at,
			  const struct place *place, texts *ret)
{
	size_t n = at->kind == YAML_LIST ? at->n : at->kind == YAML_NULL ? 0 : 1;
	char in[PLACE_TEXT + 4], text[SHOWN];

	if (n > LIST_MAX)
		return FAIL(r, at, "\"%s\"%s has %zu entries; at most %d are allowed", key->name,
			    in_place(place, in), n, LIST_MAX);
	vec_each(old, ret) /* of a template */
		xfree(*old);
	ret->n = 0;
	for (size_t i = 0; i < n; i++) {
		const struct yaml_node *item = at->kind == YAML_LIST ? &at->items[i] : at;
		char *value = NULL;

		if (read_text(r, key, item, place, &value) != RC_OK)
			return r->err->rc;
		vec_push(ret, value);
		for (size_t k = 0; key->unique && k < i; k++)
			if (streq(ret->v[k], value))
				return FAIL(r, item, "\"%s\" stands twice in \"%s\"%s",
					    shown(item->text, text), key->name,
					    in_place(place, in));
	}
	return RC_OK;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

/* The job's own value wins over its template's. */
static void put_pair(pairs *list, struct str name, char *value)
{
	vec_each(p, list) {
		if (!str_is(name, p->key))
			continue;
		xfree(p->value);
		p->value = value;
		return;
	}
	vec_push(list, ((struct pair){xstrndup(name.p, name.n), value}));
}

static enum rc read_pairs(struct reader *r, const struct key *key, const struct yaml_node *at,
			  const struct place *place, pairs *ret)
{
	char in[PLACE_TEXT + 4];

	if (at->kind == YAML_NULL)
		return RC_OK;
	if (at->kind != YAML_MAP)
		return read_wrong(r, key, at, place, "a map of names to texts");
	if (at->n > LIST_MAX)
		return FAIL(r, at, "\"%s\"%s has %zu entries; at most %d are allowed", key->name,
			    in_place(place, in), at->n, LIST_MAX);
	for (size_t i = 0; i < at->n; i++) {
		char *value = NULL;

		if (key->check_name && key->check_name(r, &at->keys[i]) != RC_OK)
			return r->err->rc;
		if (at->items[i].kind == YAML_NULL && !key->check)
			value = xstrdup(""); /* VARIABLE: stays an empty value */
		else if (read_text(r, key, &at->items[i], place, &value) != RC_OK)
			return r->err->rc;
		put_pair(ret, at->keys[i].text, value);
	}
	sort_stable(ret->v, ret->n, sizeof(*ret->v), by_key);
	return RC_OK;
}

static enum rc read_number(struct reader *r, const struct key *key, const struct yaml_node *at,
			   const struct place *place, uint64_t *ret)
{
	static const char *const wanted[] = {"a whole number", "a time such as 30s, 10m or 1h30m",
					     "a size such as 64Mi or 1Gi"};
	unsigned which = key->kind == KEY_COUNT ? 0 : key->kind == KEY_DURATION ? 1 : 2;
	char in[PLACE_TEXT + 4];
	uint64_t value = 0;
	bool ok = at->kind == YAML_SCALAR && !(which == 0 && at->quoted);

	if (ok && which == 0)
		ok = parse_u64(at->text, &value);
	else if (ok && which == 1)
		ok = parse_duration(at->text, &value);
	else if (ok)
		ok = parse_size(at->text, &value);
	if (!ok)
		return read_wrong(r, key, at, place, wanted[which]);
	if (value >= key->min && value <= key->max) {
		*ret = value;
		return RC_OK;
	}
	AUTO(strbuf_done) struct strbuf low = STRBUF(64), high = STRBUF(64);

	if (which == 0) {
		strbuf_addf(&low, "%llu", (unsigned long long)key->min);
		strbuf_addf(&high, "%llu", (unsigned long long)key->max);
	} else if (which == 1) {
		strbuf_add_duration(&low, key->min);
		strbuf_add_duration(&high, key->max);
	} else {
		strbuf_add_size(&low, key->min);
		strbuf_add_size(&high, key->max);
	}
	char text[SHOWN];

	shown(at->text, text);
	if (key->min == key->max)
		return FAIL(r, at, "\"%s\"%s must be %s, not %s", key->name, in_place(place, in),
			    strbuf_cstr(&low), text);
	return FAIL(r, at, "\"%s\"%s must be between %s and %s, not %s", key->name,
		    in_place(place, in), strbuf_cstr(&low), strbuf_cstr(&high), text);
}

/* What a template said of the same name goes. */
static void drop_named(const struct keys *sub, struct vec_any *list, struct str name)
{
	for (size_t i = 0; i < list->n; i++) {
		char *element = (char *)list->v + i * sub->size;

		if (!str_is(name, *(char **)(void *)(element + sub->name_at)))
			continue;
		shape_done(sub->shape, element);
		memmove(element, element + sub->size, (list->n - i - 1) * sub->size);
		list->n--;
		return;
	}
}

static void drop_all(const struct keys *sub, struct vec_any *list)
{
	while (list->n)
		shape_done(sub->shape, (char *)list->v + --list->n * sub->size);
}

/* One element of a NAMED or LIST key; name is NULL in lists. */
static enum rc read_element(struct reader *r, const struct key *key, const struct yaml_node *name,
			    const struct yaml_node *at, void *object, const struct place *up)
{
	const struct keys *sub = key->sub;
	struct vec_any *list = (void *)((char *)object + key->offset);
	struct place place = {up, sub->what, {NULL, 0}};

	if (name) {
		if (key->check_name && key->check_name(r, name) != RC_OK)
			return r->err->rc;
		place.name = name->text;
	}
	if (name && sub->shape)
		drop_named(sub, list, name->text);
	vec_grow(list, sub->size, list->n + 1);
	char *element = (char *)list->v + list->n++ * sub->size;

	memset(element, 0, sub->size);
	if (name)
		*(char **)(void *)(element + sub->name_at) = xstrndup(name->text.p, name->text.n);
	if (sub->line_at != NOWHERE)
		*(uint32_t *)(void *)(element + sub->line_at) = name ? name->line : at->line;
	return read_object(r, key, sub, at, element, &place);
}

static enum rc read_elements(struct reader *r, const struct key *key, const struct yaml_node *at,
			     void *object, const struct place *place)
{
	enum yaml_kind wanted = key->kind == KEY_NAMED ? YAML_MAP : YAML_LIST;

	if (at->kind == YAML_NULL)
		return RC_OK;
	if (at->kind != wanted)
		return read_wrong(r, key, at, place,
				  wanted == YAML_MAP ? "a map of names" : "a list");
	if (key->max && at->n > key->max)
		return FAIL(r, at, "\"%s\" has %zu entries; at most %llu are allowed", key->name,
			    at->n, (unsigned long long)key->max);
	if (key->kind == KEY_LIST && key->sub->shape)
		drop_all(key->sub, (void *)((char *)object + key->offset));
	for (size_t i = 0; i < at->n; i++)
		if (read_element(r, key, wanted == YAML_MAP ? &at->keys[i] : NULL, &at->items[i],
				 object, place) != RC_OK)
			return r->err->rc;
	return RC_OK;
}

static enum rc read_key(struct reader *r, const struct key *key, const struct yaml_node *name,
			const struct yaml_node *at, void *object, const struct place *place)
{
	void *to = (char *)object + key->offset;
	uint64_t number = 0;
	struct place inner = {place, key->name, {NULL, 0}};
	char in[PLACE_TEXT + 4];

	switch (key->kind) {
	case KEY_TEXT:
		return read_text(r, key, at, place, (char **)to);
	case KEY_TEXTS:
		return read_texts(r, key, at, place, (texts *)to);
	case KEY_PAIRS:
		return read_pairs(r, key, at, place, (pairs *)to);
	case KEY_MAP:
		return read_object(r, key, key->sub, at, to, &inner);
	case KEY_NAMED:
	case KEY_LIST:
		return read_elements(r, key, at, object, place);
	case KEY_OWN:
		return key->own(r, key, at, object, place);
	case KEY_LATER:
		return FAIL(r, name, "\"%s\"%s is not supported by this version of Penstock",
			    key->name, in_place(place, in));
	case KEY_BOOL:
		if (at->kind != YAML_SCALAR || at->quoted || !parse_bool(at->text, (bool *)to))
			return read_wrong(r, key, at, place, "true or false");
		return RC_OK;
	case KEY_FLAG:
		if (at->kind != YAML_SCALAR || !str_is(at->text, key->names[0]))
			return read_wrong(r, key, at, place, key->names[0]);
		*(bool *)to = true;
		return RC_OK;
	case KEY_SHARE:
		if (at->kind != YAML_SCALAR || !parse_percent(at->text, (double *)to))
			return read_wrong(r, key, at, place, "a percentage such as 0.5%");
		return RC_OK;
	case KEY_COUNT:
	case KEY_DURATION:
	case KEY_SIZE:
		if (read_number(r, key, at, place, &number) != RC_OK)
			return r->err->rc;
		if (key->kind == KEY_COUNT)
			*(uint32_t *)to = (uint32_t)number;
		else
			*(uint64_t *)to = number;
		return RC_OK;
	}
	return RC_OK;
}

static const struct key *find(const struct keys *keys, struct str name)
{
	for (size_t i = 0; i < keys->n; i++)
		if (str_is(name, keys->v[i].name))
			return &keys->v[i];
	return NULL;
}

static const char *nearest(const struct keys *keys, struct str name)
{
	const char *names[KEYS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < keys->n && n < KEYS_MAX; i++)
		if (keys->v[i].kind != KEY_LATER)
			names[n++] = keys->v[i].name;
	return str_nearest(name, names, n);
}

/* In a stage any name may be a job's; one that is nearly a key and holds nothing of a job is a slip. */
static bool is_slip(const struct keys *keys, struct str name, const struct yaml_node *at)
{
	if (at->kind != YAML_MAP)
		return true;
	if (!nearest(keys, name))
		return false;
	for (size_t i = 0; i < at->n; i++)
		if (find(keys->other->sub, at->keys[i].text))
			return false;
	return true;
}

static enum rc unknown(struct reader *r, const struct keys *keys, const struct yaml_node *name,
		       const struct yaml_node *at, const struct place *place)
{
	char in[PLACE_TEXT + 4], text[SHOWN];
	const char *near = nearest(keys, name->text);

	shown(name->text, text);
	in_place(place, in);
	if (near)
		return FAIL(r, name, "unknown key \"%s\"%s; did you mean \"%s\"?", text, in, near);
	if (keys->other)
		return FAIL(r, name, "\"%s\"%s is no key of it, and a job must be a map, not %s",
			    text, in, node_words(at));
	AUTO(strbuf_done) struct strbuf words = STRBUF(300);

	for (size_t i = 0; i < keys->n; i++)
		if (keys->v[i].kind != KEY_LATER)
			strbuf_addf(&words, "%s%s", words.n ? ", " : "", keys->v[i].name);
	return FAIL(r, name, "unknown key \"%s\"%s; the keys here are: %s", text, in,
		    strbuf_cstr(&words));
}

static enum rc read_word(struct reader *r, const struct keys *keys, const struct yaml_node *at,
			 void *object, const struct place *place)
{
	const struct key *one = find(keys, at->text);
	const struct yaml_node nothing = {
		.kind = YAML_NULL, .line = at->line, .column = at->column};

	if (!one)
		return unknown(r, keys, at, at, place);
	return read_key(r, one, at, &nothing, object, place);
}

static enum rc read_entry(struct reader *r, const struct keys *keys, const struct yaml_node *name,
			  const struct yaml_node *value, void *object, const struct place *place,
			  bool first)
{
	const struct key *one = find(keys, name->text);

	if (first != (one && one->first))
		return RC_OK;
	if (one)
		return read_key(r, one, name, value, object, place);
	if (keys->other && !is_slip(keys, name->text, value))
		return read_element(r, keys->other, name, value, r->file, place);
	return unknown(r, keys, name, value, place);
}

enum rc read_entries(struct reader *r, const struct keys *keys, const struct yaml_node *at,
		     void *object, const struct place *place)
{
	for (unsigned pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < at->n; i++)
			if (read_entry(r, keys, &at->keys[i], &at->items[i], object, place,
				       pass == 0) != RC_OK)
				return r->err->rc;
	return RC_OK;
}

enum rc read_object(struct reader *r, const struct key *key, const struct keys *keys,
		    const struct yaml_node *at, void *object, const struct place *place)
{
	char in[PLACE_TEXT + 4];

	if (at->kind == YAML_SCALAR && keys->word) {
		if (read_word(r, keys, at, object, place) != RC_OK)
			return r->err->rc;
	} else if (at->kind != YAML_MAP && at->kind != YAML_NULL) {
		char what[PLACE_TEXT];

		return FAIL(r, at, "%s must be a map, not %s", place_text(place, what),
			    node_words(at));
	}
	if (at->kind == YAML_MAP && read_entries(r, keys, at, object, place) != RC_OK)
		return r->err->rc;
	for (size_t i = 0; i < keys->n; i++)
		if (keys->v[i].required && !(at->kind == YAML_MAP && yaml_get(at, keys->v[i].name)))
			return FAIL(r, at, "\"%s\"%s is missing: %s", keys->v[i].name,
				    in_place(place, in), keys->v[i].help);
	return keys->finish ? keys->finish(r, key, at, object, place) : RC_OK;
}
