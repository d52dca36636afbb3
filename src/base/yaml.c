/*
 * Events of libfyaml (not its documents: those resolve, copy and recurse) become nodes in one block of memory. Whatever
 * could grow out of proportion (aliases, depth, count) stops the reading at the event where it shows.
 */
#include "base/yaml.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "base/vec.h"
#include "base/yaml_scan.h"

#include <libfyaml.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"
#define DEPTH_MAX       32
#define NODES_MAX       100000
#define TAB_INDENTS     "a tab as indentation: use spaces"
#define CHUNK_SIZE      ((size_t)64 << 10)

struct chunk {
	struct chunk *next;
	size_t used, size;
	_Alignas(max_align_t) char bytes[];
};

struct yaml {
	char *name;
	struct chunk *chunks;
	struct yaml_node root;
};

/* A map or list whose end has not come yet. */
struct frame {
	struct yaml_node node;
	VEC(struct yaml_node) items;
	VEC(struct yaml_node) keys;
	struct map seen; /* keys -> their line */
	bool key_waits;  /* the last key has no value yet */
	struct str anchor;
};
struct anchor {
	struct str name;
	struct yaml_node node;
	size_t weight, height; /* values and keys; levels */
};

struct reader {
	struct yaml *doc;
	struct str text;
	struct yaml_cursor cursor;
	struct frame frames[DEPTH_MAX];
	size_t depth, nodes, documents;
	struct err *err;
	bool foreign;
	VEC(struct anchor) anchors;
	struct map anchor_at; /* name -> its index + 1; the last of a name counts */
};

static void *take(struct yaml *doc, size_t n)
{
	struct chunk *c = doc->chunks;

	n = (n + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
	if (!c || c->size - c->used < n) {
		size_t size = MAX_OF(n, CHUNK_SIZE);
		c = xmalloc(sizeof(*c) + size);
		*c = (struct chunk){.next = doc->chunks, .size = size};
		doc->chunks = c;
	}
	void *p = c->bytes + c->used;
	c->used += n;
	return p;
}

static void *keep(struct yaml *doc, const void *from, size_t n)
{
	void *to = take(doc, n);

	if (n)
		memcpy(to, from, n);
	return to;
}

static enum rc PRINTF(4, 0) fail_at(const struct yaml *doc, const struct yaml_node *at,
				    struct err *err, const char *fmt, va_list ap)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(400);

	strbuf_addv(&text, fmt, ap);
	if (strbuf_failed(&text)) {
		strbuf_clear(&text);
		strbuf_adds(&text, "wrong, in more words than fit here");
	}
	if (!at)
		return err_set(err, RC_INVALID, "%s: %s", doc->name, strbuf_cstr(&text));
	return err_set(err, RC_INVALID, "%s:%u:%u: %s", doc->name, at->line, at->column,
		       strbuf_cstr(&text));
}

enum rc yaml_fail(const struct yaml *doc, const struct yaml_node *at, struct err *err,
		  const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	enum rc rc = fail_at(doc, at, err, fmt, ap);
	va_end(ap);
	return rc;
}

static struct yaml_node place(struct reader *r, size_t pos)
{
	yaml_cursor_to(&r->cursor, pos);
	return (struct yaml_node){.line = r->cursor.line, .column = r->cursor.column};
}

/* Where a token begins; the last place that was looked at for what has no token (an empty value). */
static size_t token_pos(const struct reader *r, struct fy_token *t, size_t before)
{
	const struct fy_mark *m = t ? fy_token_start_mark(t) : NULL;

	if (!m)
		return r->cursor.pos;
	return m->input_pos >= before ? m->input_pos - before : m->input_pos;
}

static enum rc PRINTF(3, 4) fail(struct reader *r, size_t pos, const char *fmt, ...)
{
	struct yaml_node at = place(r, pos);
	va_list ap;

	va_start(ap, fmt);
	enum rc rc = fail_at(r->doc, &at, r->err, fmt, ap);
	va_end(ap);
	return rc;
}

static enum rc add_key(struct reader *r, struct frame *f, struct yaml_node node)
{
	if (node.kind == YAML_LIST || node.kind == YAML_MAP)
		return yaml_fail(r->doc, &node, r->err, "a key must be a plain text");
	if (node.kind == YAML_NULL && node.text.n == 0)
		return yaml_fail(r->doc, &node, r->err, "a key is missing before ':'");
	node.kind = YAML_SCALAR;
	bool merges = r->foreign && !node.quoted && str_is(node.text, "<<");
	uintptr_t line =
		merges ? 0 : (uintptr_t)map_put(&f->seen, node.text, (void *)(uintptr_t)node.line);
	if (line)
		return yaml_fail(r->doc, &node, r->err,
				 "the key \"%.*s\" is already there, in line %u",
				 (int)MIN_OF(node.text.n, 64), node.text.p, (unsigned)line);
	vec_push(&f->keys, node);
	f->key_waits = true;
	return RC_OK;
}

static enum rc add_weight(struct reader *r, const struct yaml_node *at, size_t weight)
{
	r->nodes += weight;
	if (r->nodes <= NODES_MAX)
		return RC_OK;
	yaml_fail(r->doc, at, r->err, "more than %d values and keys", NODES_MAX);
	return r->err->rc = RC_TOO_BIG;
}

static enum rc add_node(struct reader *r, struct yaml_node node)
{
	struct frame *f = r->depth ? &r->frames[r->depth - 1] : NULL;

	if (add_weight(r, &node, 1) != RC_OK)
		return r->err->rc;
	if (!f) {
		r->doc->root = node;
		return RC_OK;
	}
	if (f->node.kind == YAML_MAP && !f->key_waits)
		return add_key(r, f, node);
	if (node.kind == YAML_NULL && node.text.n == 0 && f->node.kind == YAML_MAP) {
		const struct yaml_node *key = vec_last(&f->keys); /* an empty value has no place */
		node.line = key->line;
		node.column = key->column;
	}
	vec_push(&f->items, node);
	f->key_waits = false;
	return RC_OK;
}

/* ---- what only other systems' files may hold ---- */
static void weigh(const struct yaml_node *n, struct anchor *a, size_t level)
{
	a->weight++;
	if (n->kind != YAML_LIST && n->kind != YAML_MAP)
		return;
	a->height = MAX_OF(a->height, level + 1);
	for (size_t i = 0; i < n->n; i++)
		weigh(&n->items[i], a, level + 1);
	if (n->kind == YAML_MAP)
		a->weight += n->n;
}

static void keep_anchor(struct reader *r, struct str name, const struct yaml_node *node)
{
	struct anchor a = {.name = name, .node = *node};

	if (!name.n)
		return;
	weigh(node, &a, 0);
	vec_push(&r->anchors, a);
	map_put(&r->anchor_at, name, (void *)(uintptr_t)r->anchors.n);
}

static enum rc add_alias(struct reader *r, struct str name, size_t pos)
{
	struct yaml_node at = place(r, pos);
	uintptr_t index = (uintptr_t)map_get(&r->anchor_at, name);

	if (!index)
		return yaml_fail(r->doc, &at, r->err, "there is no anchor &%.*s before this",
				 (int)MIN_OF(name.n, 64), name.p);
	const struct anchor *a = &r->anchors.v[index - 1];
	if (r->depth + a->height > DEPTH_MAX) {
		yaml_fail(r->doc, &at, r->err, "more than %d levels", DEPTH_MAX);
		return r->err->rc = RC_TOO_BIG;
	}
	if (add_weight(r, &at, a->weight - 1) != RC_OK)
		return r->err->rc;
	return add_node(r, a->node);
}

/* The text of an anchor, alias or tag: up to what cannot stand in one. */
static struct str word_at(const struct reader *r, size_t pos)
{
	size_t end = pos;

	while (end < r->text.n && !strchr(" \t\r\n,[]{}", r->text.p[end]))
		end++;
	return (struct str){r->text.p + pos, end - pos};
}

static void merge_one(struct frame *f, const struct yaml_node *from)
{
	for (size_t i = 0; from->kind == YAML_MAP && i < from->n; i++) {
		if (map_get(&f->seen, from->keys[i].text))
			continue;
		map_put(&f->seen, from->keys[i].text, f);
		vec_push(&f->keys, from->keys[i]);
		vec_push(&f->items, from->items[i]);
	}
}

/* `<<: *defaults`: keys that the map does not have itself. */
static void merge(struct frame *f)
{
	size_t n = f->keys.n, kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct yaml_node from = f->items.v[i];
		bool merges = !f->keys.v[i].quoted && str_is(f->keys.v[i].text, "<<");

		if (merges)
			merge_one(f, &from);
		for (size_t k = 0; merges && from.kind == YAML_LIST && k < from.n; k++)
			merge_one(f, &from.items[k]);
	}
	for (size_t i = 0; i < f->keys.n; i++) {
		if (!f->keys.v[i].quoted && str_is(f->keys.v[i].text, "<<"))
			continue;
		f->keys.v[kept] = f->keys.v[i];
		f->items.v[kept++] = f->items.v[i];
	}
	f->keys.n = f->items.n = kept;
}

static enum rc begin(struct reader *r, enum yaml_kind kind, size_t pos, struct yaml_node extras)
{
	struct yaml_node node = place(r, pos);
	size_t tab;

	node.kind = kind;
	if (yaml_tab_indents(r->text, pos, &tab))
		return fail(r, tab, TAB_INDENTS);
	if (r->depth == DEPTH_MAX) {
		yaml_fail(r->doc, &node, r->err, "more than %d levels", DEPTH_MAX);
		return r->err->rc = RC_TOO_BIG;
	}
	node.tag = extras.tag;
	r->frames[r->depth++] = (struct frame){.node = node, .anchor = extras.text};
	return RC_OK;
}

static void frame_done(struct frame *f)
{
	vec_done(&f->items);
	vec_done(&f->keys);
	map_done(&f->seen);
}

static enum rc end(struct reader *r)
{
	struct frame *f = &r->frames[--r->depth];
	struct yaml_node node = f->node;
	struct str anchor = f->anchor;

	if (r->foreign && node.kind == YAML_MAP)
		merge(f);
	node.n = f->items.n;
	node.items = keep(r->doc, f->items.v, f->items.n * sizeof(*f->items.v));
	if (node.kind == YAML_MAP)
		node.keys = keep(r->doc, f->keys.v, f->keys.n * sizeof(*f->keys.v));
	frame_done(f);
	keep_anchor(r, anchor, &node);
	return add_node(r, node);
}

static bool is_null(struct str s)
{
	return s.n == 0 || str_is(s, "~") || str_is(s, "null") || str_is(s, "Null") ||
	       str_is(s, "NULL");
}

static enum rc read_scalar(struct reader *r, struct fy_token *value, struct yaml_node extras)
{
	enum fy_scalar_style style = value ? fy_token_scalar_style(value) : FYSS_PLAIN;
	bool quotes = style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
	bool block = style == FYSS_LITERAL || style == FYSS_FOLDED;
	size_t n = 0, pos = token_pos(r, value, quotes ? 1 : 0);
	const char *p = value ? fy_token_get_text(value, &n) : "";

	if (!p)
		return err_set(r->err, RC_INTERNAL, "%s: libfyaml gave no text", r->doc->name);
	struct yaml_node node = place(r, block ? yaml_block_header(r->text, pos) : pos);
	struct str raw = {0};
	bool mended = style == FYSS_SINGLE_QUOTED && yaml_has_quotes(r->text, pos, &raw);
	char *copy = take(r->doc, MAX_OF(n, raw.n) + 1);
	if (mended)
		n = yaml_unquote(raw, copy);
	else
		memcpy(copy, p, n);
	copy[n] = '\0';
	node.text = (struct str){copy, n};
	node.quoted = quotes || block;
	node.tag = extras.tag;
	node.kind = !node.quoted && is_null(node.text) ? YAML_NULL : YAML_SCALAR;
	if (memchr(copy, '\0', n))
		return yaml_fail(r->doc, &node, r->err, "a NUL inside a text");
	if (!str_is_utf8(node.text))
		return yaml_fail(r->doc, &node, r->err, "a text that is no UTF-8");
	keep_anchor(r, extras.text, &node);
	return add_node(r, node);
}

/* Anchor (as text) and tag of a value: refused in our own files. */
static enum rc read_extras(struct reader *r, struct fy_token *anchor, struct fy_token *tag,
			   struct yaml_node *ret)
{
	if (r->foreign) {
		*ret = (struct yaml_node){.text = anchor ? word_at(r, token_pos(r, anchor, 0))
							 : STR(""),
					  .tag = tag ? word_at(r, token_pos(r, tag, 0)) : STR("")};
		return RC_OK;
	}
	if (anchor)
		return fail(r, token_pos(r, anchor, 1),
			    "anchors (&name) are not taken: write it out where it is used");
	if (tag)
		return fail(
			r, token_pos(r, tag, 0),
			"tags (!name) are not taken: quote a text that looks like something else");
	return RC_OK;
}

static enum rc begin_document(struct reader *r, const struct fy_event *e)
{
	struct fy_token *start = e->document_start.document_start;

	if (++r->documents > 1 && !r->foreign)
		return fail(r, token_pos(r, start, 0),
			    "a second document begins here: one file holds one");
	r->anchors.n = 0; /* names are of one document */
	map_done(&r->anchor_at);
	r->anchor_at = (struct map){0};
	return RC_OK;
}

static enum rc read_event(struct reader *r, const struct fy_event *e)
{
	struct yaml_node extras = {0};
	enum rc rc;

	switch (e->type) {
	case FYET_NONE:
	case FYET_STREAM_START:
	case FYET_STREAM_END:
	case FYET_DOCUMENT_END:
		break;
	case FYET_DOCUMENT_START:
		return begin_document(r, e);
	case FYET_SCALAR:
		rc = read_extras(r, e->scalar.anchor, e->scalar.tag, &extras);
		return rc == RC_OK ? read_scalar(r, e->scalar.value, extras) : rc;
	case FYET_MAPPING_START:
		rc = read_extras(r, e->mapping_start.anchor, e->mapping_start.tag, &extras);
		return rc == RC_OK ? begin(r, YAML_MAP,
					   token_pos(r, e->mapping_start.mapping_start, 0), extras)
				   : rc;
	case FYET_SEQUENCE_START:
		rc = read_extras(r, e->sequence_start.anchor, e->sequence_start.tag, &extras);
		return rc == RC_OK
			       ? begin(r, YAML_LIST,
				       token_pos(r, e->sequence_start.sequence_start, 0), extras)
			       : rc;
	case FYET_MAPPING_END:
	case FYET_SEQUENCE_END:
		return end(r);
	case FYET_ALIAS:
		if (r->foreign)
			return add_alias(r, word_at(r, token_pos(r, e->alias.anchor, 0)),
					 token_pos(r, e->alias.anchor, 1));
		return fail(r, token_pos(r, e->alias.anchor, 1),
			    "aliases (*name) are not taken: write it out where it is used");
	}
	return RC_OK;
}

/* The byte where a line (from 1) begins. */
static size_t line_pos(struct str text, int line)
{
	size_t pos = 0;

	while (--line > 0 && pos < text.n) {
		const char *nl = memchr(text.p + pos, '\n', text.n - pos);
		pos = nl ? (size_t)(nl - text.p) + 1 : text.n;
	}
	return pos;
}

static enum rc syntax_error(struct reader *r, struct fy_diag *diag)
{
	void *cursor = NULL;
	const struct fy_diag_error *e = fy_diag_errors_iterate(diag, &cursor);
	size_t tab;

	if (!e || !e->msg)
		return fail(r, r->cursor.pos, "this is no YAML");
	int line = MAX_OF(e->line, 1);
	for (int i = 0; i < 2; i++) /* it may be said of the line before */
		if (yaml_tab_leads(r->text, line_pos(r->text, line + i), &tab))
			return fail(r, tab, TAB_INDENTS);
	struct yaml_node at = {.line = (uint32_t)line, .column = (uint32_t)MAX_OF(e->column, 1)};
	if (strstr(e->msg, "without a closing") &&
	    r->depth) /* where it begins helps, the end does not */
		at = r->frames[r->depth - 1].node;
	return yaml_fail(r->doc, &at, r->err, "%.200s", e->msg);
}

static enum rc read_events(struct reader *r)
{
	enum rc rc = RC_INTERNAL;
	struct fy_diag *diag = fy_diag_create(NULL);

	if (!diag)
		return err_set(r->err, rc, "%s: libfyaml does not start", r->doc->name);
	fy_diag_set_collect_errors(diag, true);
	const struct fy_parse_cfg config = {
		.flags = FYPCF_QUIET | FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE,
		.diag = diag,
	};
	struct fy_parser *parser = fy_parser_create(&config);
	if (!parser || fy_parser_set_string(parser, r->text.p, r->text.n) != 0) {
		err_set(r->err, rc, "%s: libfyaml does not start", r->doc->name);
		goto out;
	}
	struct fy_event *e;
	rc = RC_OK;
	while (rc == RC_OK && (e = fy_parser_parse(parser))) {
		rc = read_event(r, e);
		fy_parser_event_free(parser, e);
	}
	if (rc == RC_OK && (fy_parser_get_stream_error(parser) || r->depth))
		rc = syntax_error(r, diag);
out:
	fy_parser_destroy(parser);
	fy_diag_destroy(diag);
	return rc;
}

static enum rc read_document(struct str text, const char *name, bool foreign, struct yaml **ret,
			     struct err *err)
{
	AUTO(freep) struct reader *r = NULL;
	AUTO(yaml_freep) struct yaml *doc = NULL;
	struct err ignored = {0};
	size_t pos;

	if (text.n > YAML_MAX_BYTES)
		return err_set(err, RC_TOO_BIG, "%s: %zu bytes are above the limit of %zu", name,
			       text.n, YAML_MAX_BYTES);
	doc = xcalloc(1, sizeof(*doc));
	doc->name = xstrdup(name);
	doc->root = (struct yaml_node){.line = 1, .column = 1};
	r = xcalloc(1, sizeof(*r));
	r->doc = doc;
	r->foreign = foreign;
	r->err = err ? err : &ignored;
	if (str_starts(text, BYTE_ORDER_MARK))
		text = (struct str){text.p + 3, text.n - 3};
	r->text = text.n ? text : STR("");
	r->cursor = (struct yaml_cursor){.text = r->text, .line = 1, .column = 1};
	const char *what = yaml_scan(r->text, &pos);
	if (what)
		return fail(r, pos, "%s", what);
	enum rc rc = read_events(r);
	while (r->depth)
		frame_done(&r->frames[--r->depth]);
	vec_done(&r->anchors);
	map_done(&r->anchor_at);
	if (rc != RC_OK)
		return rc;
	*ret = doc;
	doc = NULL;
	return RC_OK;
}

enum rc yaml_read(struct str text, const char *name, struct yaml **ret, struct err *err)
{
	return read_document(text, name, false, ret, err);
}

enum rc yaml_read_foreign(struct str text, const char *name, struct yaml **ret, struct err *err)
{
	return read_document(text, name, true, ret, err);
}

void yaml_free(struct yaml *doc)
{
	if (!doc)
		return;
	while (doc->chunks) {
		struct chunk *next = doc->chunks->next;
		xfree(doc->chunks);
		doc->chunks = next;
	}
	xfree(doc->name);
	xfree(doc);
}

void yaml_freep(struct yaml **doc)
{
	yaml_free(*doc);
	*doc = NULL;
}

const struct yaml_node *yaml_root(const struct yaml *doc)
{
	return &doc->root;
}

const char *yaml_name(const struct yaml *doc)
{
	return doc->name;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
	if (!map || map->kind != YAML_MAP)
		return NULL;
	for (size_t i = 0; i < map->n; i++)
		if (str_is(map->keys[i].text, key))
			return &map->items[i];
	return NULL;
}
