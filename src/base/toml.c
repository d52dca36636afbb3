/* Documents: keys, tables, lists, and what may be written twice. */
#include "base/toml.h"
#include "base/toml_impl.h"
#include "base/mem.h"

#define TEXT_CAP   TOML_MAX_BYTES
#define INDEX_FROM 16
#define KEY_PARTS  32

bool toml_fail(struct toml_reader *r, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf what = STRBUF(1024);
	va_list ap;

	if (r->rc != RC_OK)
		return false;
	va_start(ap, fmt);
	strbuf_addv(&what, fmt, ap);
	va_end(ap);
	r->rc = err_set(r->err, RC_INVALID, "%s:%u: %s", r->name, r->line, strbuf_cstr(&what));
	return false;
}

struct table *toml_node_new(struct toml_reader *r, enum toml_kind kind)
{
	struct table *t = xcalloc(1, sizeof(*t));

	t->node.kind = kind;
	t->node.line = r->line;
	t->next = r->doc->all;
	r->doc->all = t;
	if (++r->values > TOML_VALUES && r->rc == RC_OK)
		r->rc = err_set(r->err, RC_TOO_BIG, "%s:%u: more than %u values", r->name, r->line,
				TOML_VALUES);
	return t;
}

static struct table *table_of(struct toml_node *n)
{
	return (struct table *)(void *)n;
}

static void add_item(struct table *t, char *take_key, struct table *item)
{
	struct toml_node *n = &t->node;

	if (n->n == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 4;
		n->items = xrealloc(n->items, t->cap * sizeof(struct toml_node *));
		if (n->kind == TOML_TABLE)
			n->keys = xrealloc(n->keys, t->cap * sizeof(char *));
	}
	n->items[n->n] = &item->node;
	if (take_key)
		n->keys[n->n] = take_key;
	n->n++;
	if (!take_key || n->n < INDEX_FROM)
		return;
	for (size_t i = n->n == INDEX_FROM ? 0 : n->n - 1; i < n->n; i++)
		map_put(&t->index, str_of(n->keys[i]), (void *)(uintptr_t)(i + 1));
}

static struct table *find(const struct table *t, struct str key)
{
	const struct toml_node *n = &t->node;

	if (n->n >= INDEX_FROM) {
		size_t i = (size_t)(uintptr_t)map_get(&t->index, key);
		return i ? table_of(n->items[i - 1]) : NULL;
	}
	for (size_t i = 0; i < n->n; i++)
		if (str_is(key, n->keys[i]))
			return table_of(n->items[i]);
	return NULL;
}

/* ---- blanks ---- */
void toml_blanks(struct toml_reader *r)
{
	while (toml_more(r) && (*r->at == ' ' || *r->at == '\t'))
		r->at++;
}

bool toml_comment(struct toml_reader *r)
{
	if (toml_peek(r, 0) != '#')
		return true;
	for (; toml_more(r) && *r->at != '\n'; r->at++) {
		unsigned char c = (unsigned char)*r->at;
		if (c == '\r' && toml_peek(r, 1) == '\n')
			continue;
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return toml_fail(r, "a control character stands in a comment");
	}
	return true;
}

static bool newline(struct toml_reader *r)
{
	if (toml_peek(r, 0) == '\r' && toml_peek(r, 1) == '\n')
		r->at++;
	if (toml_peek(r, 0) != '\n')
		return false;
	r->at++;
	r->line++;
	return true;
}

bool toml_blank_lines(struct toml_reader *r)
{
	do {
		toml_blanks(r);
		if (!toml_comment(r))
			return false;
	} while (newline(r));
	return true;
}

static bool end_of_line(struct toml_reader *r)
{
	toml_blanks(r);
	if (!toml_comment(r))
		return false;
	return !toml_more(r) || newline(r) ||
	       toml_fail(r, "something follows where the line should end");
}

/* ---- keys ---- */
struct key_parts {
	char *v[KEY_PARTS];
	size_t n;
};

static void parts_done(struct key_parts *k)
{
	while (k->n)
		xfree(k->v[--k->n]);
}

static bool is_bare(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

static bool key_part(struct toml_reader *r, struct key_parts *to)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(TEXT_CAP);
	char c = toml_peek(r, 0);

	if (c == '"' || c == '\'') {
		if (!toml_quoted(r, false, &text))
			return false;
	} else {
		while (toml_more(r) && is_bare(*r->at))
			strbuf_addc(&text, *r->at++);
		if (!text.n)
			return toml_fail(r, "a key is missing");
	}
	if (to->n == KEY_PARTS)
		return toml_fail(r, "a key has more than %d parts", KEY_PARTS);
	to->v[to->n++] = strbuf_take(&text);
	return true;
}

static bool key(struct toml_reader *r, struct key_parts *to)
{
	for (;;) {
		toml_blanks(r);
		if (!key_part(r, to))
			return false;
		toml_blanks(r);
		if (toml_peek(r, 0) != '.')
			return true;
		r->at++;
	}
}

/* ---- values ---- */
static bool value(struct toml_reader *r, struct table **ret);

static char *take_last(struct key_parts *k)
{
	return k->v[--k->n];
}

/* key = value, into a table. */
static bool pair(struct toml_reader *r, struct table *into)
{
	AUTO(parts_done) struct key_parts k = {.n = 0};
	struct table *item = NULL;

	if (!key(r, &k))
		return false;
	for (size_t i = 0; i + 1 < k.n; i++) {
		struct table *next = find(into, str_of(k.v[i]));
		if (next && (next->node.kind != TOML_TABLE || next->how != HOW_DOTTED))
			return toml_fail(r, "key \"%.60s\" stands there already", k.v[i]);
		if (!next) {
			next = toml_node_new(r, TOML_TABLE);
			next->how = HOW_DOTTED;
			add_item(into, xstrdup(k.v[i]), next);
		}
		into = next;
	}
	if (toml_peek(r, 0) != '=')
		return toml_fail(r, "there is no \"=\" after key \"%.60s\"", k.v[k.n - 1]);
	r->at++;
	if (find(into, str_of(k.v[k.n - 1])))
		return toml_fail(r, "key \"%.60s\" stands there already", k.v[k.n - 1]);
	toml_blanks(r);
	if (!value(r, &item))
		return false;
	add_item(into, take_last(&k), item);
	return true;
}

static bool list(struct toml_reader *r, struct table *to)
{
	r->at++;
	to->how = HOW_CLOSED;
	for (;;) {
		struct table *item = NULL;
		if (!toml_blank_lines(r))
			return false;
		if (toml_peek(r, 0) == ']')
			break;
		if (!value(r, &item))
			return false;
		add_item(to, NULL, item);
		if (!toml_blank_lines(r))
			return false;
		if (toml_peek(r, 0) == ']')
			break;
		if (toml_peek(r, 0) != ',')
			return toml_fail(r, "a list needs \",\" or \"]\" here");
		r->at++;
	}
	r->at++;
	return true;
}

/* What is inside is closed with it. */
static void close_all(struct table *t)
{
	t->how = HOW_CLOSED;
	for (size_t i = 0; i < t->node.n; i++)
		if (t->node.items[i]->kind == TOML_TABLE &&
		    table_of(t->node.items[i])->how == HOW_DOTTED)
			close_all(table_of(t->node.items[i]));
}

static bool inline_table(struct toml_reader *r, struct table *to)
{
	r->at++;
	to->how = HOW_DOTTED;
	toml_blanks(r);
	if (toml_peek(r, 0) != '}') {
		for (;;) {
			if (!pair(r, to))
				return false;
			toml_blanks(r);
			if (toml_peek(r, 0) == '}')
				break;
			if (toml_peek(r, 0) != ',')
				return toml_fail(r, "an inline table needs \",\" or \"}\" here");
			r->at++;
		}
	}
	r->at++;
	close_all(to);
	return true;
}

static bool text_value(struct toml_reader *r, struct table *to)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(TEXT_CAP);

	if (!toml_quoted(r, true, &text))
		return false;
	to->node.text.n = text.n;
	to->node.text.p = strbuf_take(&text);
	return true;
}

static bool value(struct toml_reader *r, struct table **ret)
{
	char c = toml_peek(r, 0);
	struct table *t = toml_node_new(r, c == '['   ? TOML_LIST
					   : c == '{' ? TOML_TABLE
						      : TOML_TEXT);
	bool good = r->rc == RC_OK;

	*ret = t;
	if (good && ++r->depth > TOML_DEPTH)
		good = toml_fail(r, "values are nested deeper than %d", TOML_DEPTH);
	if (good && c == '[')
		good = list(r, t);
	else if (good && c == '{')
		good = inline_table(r, t);
	else if (good && (c == '"' || c == '\''))
		good = text_value(r, t);
	else if (good)
		good = toml_plain(r, &t->node);
	r->depth--;
	return good;
}

/* ---- headers ---- */
/* The table of one part on the way; a list of tables stands for its last one. */
static struct table *go_into(struct toml_reader *r, struct table *t, const char *part)
{
	struct table *next = find(t, str_of(part));

	if (!next) {
		next = toml_node_new(r, TOML_TABLE);
		add_item(t, xstrdup(part), next);
		return next;
	}
	if (next->node.kind == TOML_LIST && next->how != HOW_CLOSED)
		return table_of(next->node.items[next->node.n - 1]);
	if (next->node.kind == TOML_TABLE && next->how != HOW_CLOSED)
		return next;
	toml_fail(r, "\"%.60s\" is no table that can be added to", part);
	return NULL;
}

static struct table *open_one(struct toml_reader *r, struct table *t, const char *name)
{
	struct table *at = find(t, str_of(name));

	if (at && (at->node.kind != TOML_TABLE || at->how != HOW_IMPLICIT)) {
		toml_fail(r, "table \"%.60s\" stands there already", name);
		return NULL;
	}
	if (!at) {
		at = toml_node_new(r, TOML_TABLE);
		add_item(t, xstrdup(name), at);
	}
	at->how = HOW_HEADER;
	return at;
}

static struct table *open_element(struct toml_reader *r, struct table *t, const char *name)
{
	struct table *at = find(t, str_of(name)), *element;

	if (at && (at->node.kind != TOML_LIST || at->how == HOW_CLOSED)) {
		toml_fail(r, "\"%.60s\" is no list of tables", name);
		return NULL;
	}
	if (!at) {
		at = toml_node_new(r, TOML_LIST);
		add_item(t, xstrdup(name), at);
	}
	element = toml_node_new(r, TOML_TABLE);
	element->how = HOW_HEADER;
	add_item(at, NULL, element);
	return element;
}

static struct table *header(struct toml_reader *r)
{
	AUTO(parts_done) struct key_parts k = {.n = 0};
	struct table *t = r->doc->root;
	bool element = toml_peek(r, 1) == '[';
	uint32_t line = r->line;

	r->at += element ? 2 : 1;
	if (!key(r, &k))
		return NULL;
	if (toml_peek(r, 0) != ']' || (element && toml_peek(r, 1) != ']')) {
		toml_fail(r, "a table's header is not closed");
		return NULL;
	}
	r->at += element ? 2 : 1;
	for (size_t i = 0; i + 1 < k.n && t; i++)
		t = go_into(r, t, k.v[i]);
	if (t)
		t = element ? open_element(r, t, k.v[k.n - 1]) : open_one(r, t, k.v[k.n - 1]);
	if (!t || !end_of_line(r))
		return NULL;
	t->node.line = line;
	return t;
}

static void read_all(struct toml_reader *r)
{
	struct table *t = r->doc->root;

	while (t && r->rc == RC_OK) {
		if (!toml_blank_lines(r) || !toml_more(r))
			return;
		if (*r->at == '[')
			t = header(r);
		else if (!pair(r, t) || !end_of_line(r))
			return;
	}
}

enum rc toml_read(struct str text, const char *name, struct toml **ret, struct err *err)
{
	if (text.n > TOML_MAX_BYTES)
		return err_set(err, RC_TOO_BIG, "%s:1: is larger than %zu bytes", name,
			       TOML_MAX_BYTES);
	if (!str_is_utf8(text))
		return err_set(err, RC_INVALID, "%s:1: is no UTF-8", name);
	struct toml *doc = xcalloc(1, sizeof(*doc));
	struct toml_reader r = {.doc = doc,
				.name = name,
				.at = text.n ? text.p : "",
				.end = text.n ? text.p + text.n : "",
				.line = 1,
				.err = err};

	if (text.n == 0)
		r.end = r.at;
	if (text.n >= 3 && !memcmp(text.p, "\xef\xbb\xbf", 3))
		r.at += 3;
	doc->root = toml_node_new(&r, TOML_TABLE);
	doc->root->how = HOW_HEADER;
	read_all(&r);
	if (r.rc != RC_OK) {
		toml_free(doc);
		return r.rc;
	}
	*ret = doc;
	return RC_OK;
}

void toml_free(struct toml *doc)
{
	struct table *t = doc ? doc->all : NULL;

	while (t) {
		struct table *next = t->next;
		for (size_t i = 0; t->node.keys && i < t->node.n; i++)
			xfree(t->node.keys[i]);
		xfree(t->node.keys);
		xfree(t->node.items);
		char *text = (char *)(uintptr_t)t->node.text.p;
		xfree(text);
		map_done(&t->index);
		xfree(t);
		t = next;
	}
	xfree(doc);
}

void toml_freep(struct toml **doc)
{
	toml_free(*doc);
}

const struct toml_node *toml_root(const struct toml *doc)
{
	return &doc->root->node;
}

const struct toml_node *toml_get(const struct toml_node *table, const char *key)
{
	if (!table || table->kind != TOML_TABLE)
		return NULL;
	const struct table *t = (const struct table *)(const void *)table;
	const struct table *at = find(t, str_of(key));

	return at ? &at->node : NULL;
}

const char *toml_text(const struct toml_node *n, const char *otherwise)
{
	return n && n->kind == TOML_TEXT ? n->text.p : otherwise;
}

const char *toml_get_text(const struct toml_node *table, const char *key, const char *otherwise)
{
	return toml_text(toml_get(table, key), otherwise);
}

bool toml_truth(const struct toml_node *n, bool otherwise)
{
	return n && n->kind == TOML_BOOL ? str_is(n->text, "true") : otherwise;
}
