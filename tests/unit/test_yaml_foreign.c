/* Files of other systems: anchors, aliases, merge keys, tags; and what people make of them to hurt. */
#include "unit.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "base/yaml.h"

#include <time.h>

/* A document on one line: !tag before a value, ~ is null. */
static void show(struct strbuf *b, const struct yaml_node *n)
{
	if (n->tag.n)
		strbuf_addf(b, "%.*s ", (int)n->tag.n, n->tag.p);
	if (n->kind == YAML_NULL)
		strbuf_adds(b, "~");
	if (n->kind == YAML_SCALAR)
		strbuf_addstr(b, n->text);
	if (n->kind != YAML_LIST && n->kind != YAML_MAP)
		return;
	strbuf_addc(b, n->kind == YAML_MAP ? '{' : '[');
	for (size_t i = 0; i < n->n; i++) {
		strbuf_adds(b, i ? ", " : "");
		if (n->kind == YAML_MAP) {
			show(b, &n->keys[i]);
			strbuf_adds(b, ": ");
		}
		show(b, &n->items[i]);
	}
	strbuf_addc(b, n->kind == YAML_MAP ? '}' : ']');
}

static void reads(void **state)
{
	static const struct {
		const char *why, *text, *want;
	} cases[] = {
		{"nothing special", "a: [1, 'x']\n", "{a: [1, x]}"},
		{"a scalar's anchor", "a: &x 1\nb: *x\n", "{a: 1, b: 1}"},
		{"a list's anchor", "a: &x [1, 2]\nb: {c: *x}\n", "{a: [1, 2], b: {c: [1, 2]}}"},
		{"a map's anchor", "a: &x\n  p: 1\nb: *x\n", "{a: {p: 1}, b: {p: 1}}"},
		{"the last of a name counts", "a: &x 1\nb: &x 2\nc: *x\n", "{a: 1, b: 2, c: 2}"},
		{"an anchor of nothing", "a: &x\nb: *x\n", "{a: ~, b: ~}"},
		{"an anchor of a key", "&x a: 1\nb: *x\n", "{a: 1, b: a}"},
		{"an alias as a key", "a: &x k\n*x : 1\n", "{a: k, k: 1}"},
		{"an anchor within what is anchored", "a: &x {b: &y 1}\nc: *y\nd: *x\n",
		 "{a: {b: 1}, c: 1, d: {b: 1}}"},
		{"a merge", "a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3\n",
		 "{a: {p: 1, q: 2}, b: {q: 3, p: 1}}"},
		{"a merge at the end", "a: &x {p: 1}\nb:\n  p: 2\n  <<: *x\n",
		 "{a: {p: 1}, b: {p: 2}}"},
		{"a merge of several: the first counts",
		 "a: &x {p: 1}\nb: &y {p: 2, q: 2}\nc: {<<: [*x, *y]}\n",
		 "{a: {p: 1}, b: {p: 2, q: 2}, c: {p: 1, q: 2}}"},
		{"two merges", "a: &x {p: 1}\nb: &y {q: 2}\nc:\n  <<: *x\n  <<: *y\n",
		 "{a: {p: 1}, b: {q: 2}, c: {p: 1, q: 2}}"},
		{"a merge of a merge", "a: &x {p: 1}\nb: &y {<<: *x, q: 2}\nc: {<<: *y}\n",
		 "{a: {p: 1}, b: {q: 2, p: 1}, c: {q: 2, p: 1}}"},
		{"a map written out", "c: {<<: {p: 1}, q: 2}\n", "{c: {q: 2, p: 1}}"},
		{"a quoted << is a key", "a: {'<<': 1}\n", "{a: {<<: 1}}"},
		{"a merge of no map gives nothing", "a: {<<: text, b: 1}\n", "{a: {b: 1}}"},
		{"a tag of a list", "a: !reference [b, c]\n", "{a: !reference [b, c]}"},
		{"a tag of a scalar", "a: !x y\n", "{a: !x y}"},
		{"a tag of a map", "a: !x {b: 1}\n", "{a: !x {b: 1}}"},
		{"an anchor and a tag", "a: &q !reference [b]\nc: *q\n",
		 "{a: !reference [b], c: !reference [b]}"},
		{"the last document", "spec:\n  inputs: {a: 1}\n---\njob: {script: x}\n",
		 "{job: {script: x}}"},
		{"an anchor ends with its document", "a: &x 1\n---\nb: 2\n", "{b: 2}"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(yaml_freep) struct yaml *doc = NULL;
		AUTO(strbuf_done) struct strbuf b = STRBUF(10000);
		struct err err = {0};
		if (yaml_read_foreign(str_of(cases[i].text), "f.yml", &doc, &err) != RC_OK)
			fail_msg("%s: %s", cases[i].why, err.msg);
		show(&b, yaml_root(doc));
		CHECK_STR(strbuf_cstr(&b), cases[i].want, cases[i].why);
	}
}

static void refuses(void **state)
{
	static const struct {
		const char *text, *says;
		enum rc rc;
	} cases[] = {
		{"a: *x\n", "f.yml:1:4: there is no anchor &x", RC_INVALID},
		{"a: &x [*x]\n", "f.yml:1:8: there is no anchor &x", RC_INVALID},
		{"a: &x {b: *x}\n", "f.yml:1:11: there is no anchor &x", RC_INVALID},
		{"a: &x 1\n---\nb: *x\n", "f.yml:3:4: there is no anchor &x", RC_INVALID},
		{"a: &x [1]\n*x : 1\n", "a key must be a plain text", RC_INVALID},
		{"a: &x k\nk: 1\n*x : 2\n", "the key \"k\" is already there", RC_INVALID},
		{"a: 1\na: 2\n", "the key \"a\" is already there", RC_INVALID},
		{"%YAML 1.1\n---\na: 1\n", "f.yml:1:1: directives", RC_INVALID},
		{"a: \x01\n", "f.yml:1:", RC_INVALID},
		{"a:\n\tb: 1\n", "f.yml:2:1: a tab as indentation", RC_INVALID},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(yaml_freep) struct yaml *doc = NULL;
		struct err err = {0};
		enum rc rc = yaml_read_foreign(str_of(cases[i].text), "f.yml", &doc, &err);
		CHECK(rc == cases[i].rc && !doc, cases[i].text);
		if (!strstr(err.msg, cases[i].says))
			fail_msg("<%s>: says <%s>, not <%s>", cases[i].text, err.msg,
				 cases[i].says);
	}
}

/* Our own files hold nothing of this: the same texts are refused by yaml_read(). */
static void ours_stay_strict(void **state)
{
	static const char *const texts[] = {"a: &x 1\n", "a: !t 1\n", "a: 1\n---\nb: 1\n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		AUTO(yaml_freep) struct yaml *doc = NULL;
		CHECK(yaml_read(str_of(texts[i]), "f.yml", &doc, NULL) == RC_INVALID, texts[i]);
	}
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void hostile(struct strbuf *text, const char *says, enum rc want)
{
	AUTO(yaml_freep) struct yaml *doc = NULL;
	struct err err = {0};
	double from = seconds();
	enum rc rc = yaml_read_foreign(strbuf_str(text), "f.yml", &doc, &err);

	CHECK(!strbuf_failed(text), says);
	if (rc != want || !strstr(err.msg, says))
		fail_msg("%s: got %d <%s>", says, rc, err.msg);
	CHECK(seconds() - from < 5, says);
}

/* Nine levels of nine: 387 million values from 500 bytes. */
static void a_bomb(void **state)
{
	AUTO(strbuf_done)
	struct strbuf list = STRBUF(10000), map = STRBUF(10000), merged = STRBUF(10000);

	(void)state;
	strbuf_adds(&list, "a0: &a0 [lol]\n");
	strbuf_adds(&map, "a0: &a0 {k: lol}\n");
	strbuf_adds(&merged, "a0: &a0 {k: lol}\n");
	for (unsigned i = 1; i < 10; i++) {
		strbuf_addf(&list, "a%u: &a%u [", i, i);
		strbuf_addf(&map, "a%u: &a%u {", i, i);
		strbuf_addf(&merged, "a%u: &a%u {<<: [", i, i);
		for (unsigned k = 0; k < 9; k++) {
			strbuf_addf(&list, "%s*a%u", k ? ", " : "", i - 1);
			strbuf_addf(&map, "%sk%u: *a%u", k ? ", " : "", k, i - 1);
			strbuf_addf(&merged, "%s*a%u", k ? ", " : "", i - 1);
		}
		strbuf_adds(&list, "]\n");
		strbuf_adds(&map, "}\n");
		strbuf_adds(&merged, "]}\n");
	}
	hostile(&list, "more than 100000 values", RC_TOO_BIG);
	hostile(&map, "more than 100000 values", RC_TOO_BIG);
	hostile(&merged, "", RC_OK); /* each holds one key */
}

static void depth_through_aliases(void **state)
{
	(void)state;
	for (unsigned depth = 14; depth <= 18; depth++) { /* twice as deep, and one list around */
		AUTO(strbuf_done) struct strbuf b = STRBUF(10000);
		strbuf_adds(&b, "a: &x ");
		for (unsigned i = 0; i < depth; i++)
			strbuf_addc(&b, '[');
		for (unsigned i = 0; i < depth; i++)
			strbuf_addc(&b, ']');
		strbuf_adds(&b, "\nb: ");
		for (unsigned i = 0; i < depth; i++)
			strbuf_addc(&b, '[');
		strbuf_adds(&b, "*x");
		for (unsigned i = 0; i < depth; i++)
			strbuf_addc(&b, ']');
		hostile(&b, depth <= 15 ? "" : "more than 32 levels",
			depth <= 15 ? RC_OK : RC_TOO_BIG);
	}
}

/* As many names as fit are found without looking through all of them each time. */
static void many_anchors(void **state)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(YAML_MAX_BYTES);

	(void)state;
	for (unsigned i = 0; i < 40000; i++)
		strbuf_addf(&b, "- &a%u x\n", i);
	for (unsigned i = 0; i < 40000; i++)
		strbuf_addf(&b, "- *a%u\n", i);
	hostile(&b, "", RC_OK);
}

/* Cut anywhere, or with any byte changed, it is read or refused with a message. */
static void damage(void **state)
{
	static const char good[] =
		"a: &x {p: [1, 'q'], t: !ref [z]}\nb:\n  <<: [*x, {r: 2}]\n  s: *x\n"
		"---\nc: &y |\n  x\nd: *y\n";
	static const char bytes[] = "\0\t\n '#&*!|>%-?:,[]{}<a\xc3\x1b~";
	char text[sizeof(good)];

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(good); i++)
		for (size_t k = 0; k <= sizeof(bytes); k++) {
			AUTO(yaml_freep) struct yaml *doc = NULL;
			struct err err = {0};
			memcpy(text, good, sizeof(good));
			if (k < sizeof(bytes))
				text[i] = bytes[k];
			struct str s = {text, k < sizeof(bytes) ? sizeof(good) - 1 : i};
			enum rc rc = yaml_read_foreign(s, "f", &doc, &err);
			assert_true(rc == RC_OK || (rc == RC_INVALID && err.msg[0]));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),
		cmocka_unit_test(refuses),
		cmocka_unit_test(ours_stay_strict),
		cmocka_unit_test(a_bomb),
		cmocka_unit_test(depth_through_aliases),
		cmocka_unit_test(many_anchors),
		cmocka_unit_test(damage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
