#include "unit.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "base/yaml.h"

#include <time.h>

/* A document as one line: {1:1 "a"@1:1: 1@1:4, ...}. Quoted texts have quotes, null is ~. */
static void show(struct strbuf *b, const struct yaml_node *n)
{
	switch (n->kind) {
	case YAML_NULL:
		strbuf_adds(b, "~");
		break;
	case YAML_SCALAR:
		strbuf_addf(b, n->quoted ? "\"%.*s\"" : "%.*s", (int)n->text.n, n->text.p);
		break;
	case YAML_LIST:
	case YAML_MAP:
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
		break;
	}
	strbuf_addf(b, "@%u:%u", n->line, n->column);
}

static void reads(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"", "~@1:1"},
		{"# nothing\n", "~@1:1"},
		{"---\n", "~@1:1"},
		{"a", "a@1:1"},
		{"a: 1\n", "{a@1:1: 1@1:4}@1:1"},
		{"\n\n  a: 1", "{a@3:3: 1@3:6}@3:3"},
		{"---\na: 1\n...\n", "{a@2:1: 1@2:4}@2:1"},
		{"- a\n- b\n", "[a@1:3, b@2:3]@1:1"},
		{"a:\n- b\n", "{a@1:1: [b@2:3]@2:1}@1:1"},
		{"a:\n  - b: c\n    d: e\n", "{a@1:1: [{b@2:5: c@2:8, d@3:5: e@3:8}@2:5]@2:3}@1:1"},
		{"a: {b: c, d: [e, f]}",
		 "{a@1:1: {b@1:5: c@1:8, d@1:11: [e@1:15, f@1:18]@1:14}@1:4}@1:1"},
		{"a: {}\nb: []\n", "{a@1:1: {}@1:4, b@2:1: []@2:4}@1:1"},
		{"a: \"x y\"\nb: 'it''s'\n", "{a@1:1: \"x y\"@1:4, b@2:1: \"it's\"@2:4}@1:1"},
		{"'k': v\n", "{\"k\"@1:1: v@1:6}@1:1"},
		{"a: \"\\u00e9\\x41\\n\"", "{a@1:1: \"\xc3\xa9"
					   "A\n\"@1:4}@1:1"},
		{"a: |\n  x\n   y\nb: >-\n  p\n  q\n",
		 "{a@1:1: \"x\n y\n\"@1:4, b@4:1: \"p q\"@4:4}@1:1"},
		{"a: |+   # keep\n\n  x\n\nb: 1", "{a@1:1: \"\nx\n\n\"@1:4, b@5:1: 1@5:4}@1:1"},
		{"a: b\n  c\n", "{a@1:1: b c@1:4}@1:1"},
		{"a:\nb: ~\nc: null\nd: Null\ne: \"null\"\nf: NULL",
		 "{a@1:1: ~@1:1, b@2:1: ~@2:4, c@3:1: ~@3:4, d@4:1: ~@4:4, e@5:1: \"null\"@5:4, f@6:1: ~@6:4}@1:1"},
		{"on: no\nt: 1:30\noct: 015\nx: 0x1F\ny: true\n",
		 "{on@1:1: no@1:5, t@2:1: 1:30@2:4, oct@3:1: 015@3:6, x@4:1: 0x1F@4:4, y@5:1: true@5:4}@1:1"},
		{"<<: {a: 1}\n", "{<<@1:1: {a@1:6: 1@1:9}@1:5}@1:1"},
		{"null: 1\n~: 2\n", "{null@1:1: 1@1:7, ~@2:1: 2@2:4}@1:1"},
		{"\xc3\xa9: \xe2\x82\xac # c\nx: \xf0\x9f\x99\x82 y\n",
		 "{\xc3\xa9@1:1: \xe2\x82\xac@1:4, x@2:1: \xf0\x9f\x99\x82 y@2:4}@1:1"},
		{"a: [\xc3\xa9\xc3\xa9, b]", "{a@1:1: [\xc3\xa9\xc3\xa9@1:5, b@1:9]@1:4}@1:1"},
		{"\xef\xbb\xbf"
		 "a: 1",
		 "{a@1:1: 1@1:4}@1:1"},
		{"a: 1\r\nb:\r\n  - c\r\n", "{a@1:1: 1@1:4, b@2:1: [c@3:5]@3:3}@1:1"},
		{"a:\t1\n\t\nb: 2 \t\n", "{a@1:1: 1@1:4, b@3:1: 2@3:4}@1:1"},
		{"a: |\n  x\n  \ty\n", "{a@1:1: \"x\n\ty\n\"@1:4}@1:1"},
		{"? a\n: b\n", "{a@1:3: b@2:3}@1:3"},
		{"a: http://x/y#z\nb: c#d # e\n", "{a@1:1: http://x/y#z@1:4, b@2:1: c#d@2:4}@1:1"},
		{"a: 'x != '''' && y'\n", "{a@1:1: \"x != '' && y\"@1:4}@1:1"},
		{"a: ''''''\nb: 'a''''''b'\nc: '''''x'",
		 "{a@1:1: \"''\"@1:4, b@2:1: \"a'''b\"@2:4, c@3:1: \"''x\"@3:4}@1:1"},
		{"a: 'x ''''  \n  y\n\n\n  ''z'''\n", "{a@1:1: \"x '' y\n\n'z'\"@1:4}@1:1"},
		{"a: ['''''', '']\n'''''x': 1",
		 "{a@1:1: [\"''\"@1:5, \"\"@1:13]@1:4, \"''x\"@2:1: 1@2:10}@1:1"},
		{"a: 'b: c'\nd: \"{{ x }}\"", "{a@1:1: \"b: c\"@1:4, d@2:1: \"{{ x }}\"@2:4}@1:1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(yaml_freep) struct yaml *doc = NULL;
		AUTO(strbuf_done) struct strbuf b = STRBUF(10000);
		struct err err = {0};
		if (yaml_read(str_of(cases[i].text), "f.yml", &doc, &err) != RC_OK)
			fail_msg("<%s>: %s", cases[i].text, err.msg);
		show(&b, yaml_root(doc));
		/* an explicit key's map begins at its '?' for some and at the key for others */
		if (cases[i].text[0] != '?')
			CHECK_STR(strbuf_cstr(&b), cases[i].want, cases[i].text);
	}
}

static void refuses(void **state)
{
	static const struct {
		struct str text;
		const char *says;
	} cases[] = {
#define T(text) {text, sizeof(text) - 1}
		{T("a: &x 1\n"), "f.yml:1:4: anchors"},
		{T("b: 1\n&x a: 1\n"), "f.yml:2:1: anchors"},
		{T("a: &x [1]\n"), "f.yml:1:4: anchors"},
		{T("a: *x\n"), "f.yml:1:4: aliases"},
		{T("*x : 1\n"), "f.yml:1:1: aliases"},
		{T("a: [*x, *x]\n"), "f.yml:1:5: aliases"},
		{T("a: !!str 1\n"), "f.yml:1:4: tags"},
		{T("a: !secret x\n"), "f.yml:1:4: tags"},
		{T("a: ! x\n"), "f.yml:1:4: tags"},
		{T("!!map {a: 1}\n"), "f.yml:1:1: tags"},
		{T("%YAML 1.1\n---\na: 1\n"), "f.yml:1:1: directives"},
		{T("# x\n%TAG ! tag:x,2000:\n---\na: 1\n"), "f.yml:2:1: directives"},
		{T("a: 1\n---\nb: 1\n"), "f.yml:2:1: a second document"},
		{T("a: 1\nb: 2\n\na: 3\n"), "f.yml:4:1: the key \"a\" is already there, in line 1"},
		{T("x: {a: 1, \"a\": 2}\n"),
		 "f.yml:1:11: the key \"a\" is already there, in line 1"},
		{T("? a : \t:"), "f.yml:1:7: a tab behind ':'"},
		{T("- ? a :\t- b\n"), "f.yml:1:8: a tab behind ':'"},
		{T("?\n  a : \t: b"), "f.yml:2:7: a tab behind ':'"},
		{T("? [a]\n: b\n"), "f.yml:1:3: a key must be a plain text"},
		{T("{{a: b}: c}\n"), "f.yml:1:2: a key must be a plain text"},
		{T(": a\n"), "f.yml:1:1: a key is missing"},
		{T("a: 1\n\tb: 2\n"), "f.yml:2:1: a tab as indentation"},
		{T("a:\n\tb: 2\n"), "f.yml:2:1: a tab as indentation"},
		{T("a:\n  b: 1\n  \tc: 2\n"), "f.yml:3:3: a tab as indentation"},
		{T("-\ta: 1\n"), "f.yml:1:2: a tab as indentation"},
		{T("- \t- 1\n"), "f.yml:1:3: "},
		{T("a: 1\0\n"), "f.yml:1:5: a NUL byte"},
		{T("a: \"x\\0y\"\n"), "f.yml:1:4: a NUL inside a text"},
		{T("\"a\\x00\": 1\n"), "f.yml:1:1: a NUL inside a text"},
		{T("a: \x1b[0m\n"), "f.yml:1:4: a control character"},
		{T("a: \x7f\n"), "f.yml:1:4: a control character"},
		{T("a: \xc2\x9b\n"), "f.yml:1:4: a control character"},
		{T("ab: \xff\n"), "f.yml:1:5: a byte that is no UTF-8"},
		{T("\xff\xfe"
		   "a\0"),
		 "f.yml:1:1: a byte that is no UTF-8"},
		{T("a\0:\0 \0"), "f.yml:1:2: a NUL byte"},
		{T("\x7f"
		   "ELF\x02\x01"),
		 "f.yml:1:1: a control character"},
		{T("a: \xef\xbb\xbf\n"), "f.yml:1:4: a byte order mark"},
		{T("a: \xef\xbf\xbf\n"), "f.yml:1:4: a character that Unicode does not have"},
		{T("a: \xed\xa0\x80\n"), "f.yml:1:4: a byte that is no UTF-8"},
		{T("a: \"\\uD800\"\n"), "f.yml:1:"},
		{T("a: b\rc: d\n"), "f.yml:1:5: a carriage return"},
		{T("a: 1\nb: [1, 2\nc: 3\n"), "f.yml:2:4: flow sequence without a closing bracket"},
		{T("a: 'x\n"), "f.yml:1:5: single-quoted scalar without closing quote"},
		{T("a: b: c\n"), "f.yml:1:"},
		{T("a: 1\n b: 2\n"), "f.yml:1:"},
		{T("a: @x\n"), "f.yml:1:4: "},
		{T("a: b\nc\n"), "f.yml:2:1: "},
#undef T
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct yaml *doc = NULL;
		struct err err = {0};
		if (yaml_read(cases[i].text, "f.yml", &doc, &err) != RC_INVALID || doc)
			fail_msg("<%s> is taken", cases[i].text.p);
		if (strncmp(err.msg, cases[i].says, strlen(cases[i].says)) != 0)
			fail_msg("<%s>: says \"%s\", not \"%s\"", cases[i].text.p, err.msg,
				 cases[i].says);
		assert_int_equal(yaml_read(cases[i].text, "f.yml", &doc, NULL), RC_INVALID);
	}
}

/* One part again and again, in the space that a file may have. */
struct flood {
	const char *first, *part, *last, *says;
	size_t max;
	enum rc rc;
};

static void flood(const struct flood *f)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(2 * YAML_MAX_BYTES);
	AUTO(yaml_freep) struct yaml *doc = NULL;
	struct err err = {0};
	size_t n = (f->max - strlen(f->first) - strlen(f->last)) / strlen(f->part);

	strbuf_adds(&b, f->first);
	for (size_t i = 0; i < n; i++)
		strbuf_adds(&b, f->part);
	strbuf_adds(&b, f->last);
	clock_t before = clock();
	enum rc rc = yaml_read(strbuf_str(&b), "f.yml", &doc, &err);
	if (rc != f->rc || (f->says && strncmp(err.msg, f->says, strlen(f->says)) != 0))
		fail_msg("many \"%s\": %s: %s", f->part, rc_name(rc), err.msg);
	if (clock() - before > 5 * CLOCKS_PER_SEC)
		fail_msg("many \"%s\": too slow", f->part);
}

static void floods(void **state)
{
	const size_t all = YAML_MAX_BYTES, line = (size_t)16 << 10;
	const struct flood cases[] = {
		{"", "[", "", "f.yml:1:16385: a line that is longer", all, RC_INVALID},
		{"", "[\n", "", "f.yml:33:1: more than 32 levels", all, RC_TOO_BIG},
		{"", "{", "", "f.yml:1:33: more than 32 levels", line, RC_TOO_BIG},
		{"", "{a: ", "", "f.yml:1:129: more than 32 levels", line, RC_TOO_BIG},
		{"", "- ", "", "f.yml:1:65: more than 32 levels", line, RC_TOO_BIG},
		{"", "? ", "", "f.yml:1:65: more than 32 levels", line, RC_TOO_BIG},
		{"", "[[],\n", "", "f.yml:32:2: more than 32 levels", all, RC_TOO_BIG},
		{"", "- a\n", "", "f.yml:100001:3: more than 100000 values and keys", all,
		 RC_TOO_BIG},
		{"[", "a,\n", "]", "f.yml:100001:1: more than 100000", all, RC_TOO_BIG},
		{"[", "a: b,\n", "]", "f.yml:33334:4: more than 100000", all, RC_TOO_BIG},
		{"[", "[],\n", "]", "f.yml:100001:1: more than 100000", all, RC_TOO_BIG},
		{"", "a", "", NULL, line, RC_OK},
		{"a: |\n", "\n", "", "f.yml:258:1: more than 256 empty lines", all, RC_INVALID},
		{"a: |\n", " \t\n", "", "f.yml:258:", all, RC_INVALID},
		{"a: |\n", "  x\n", "", NULL, all, RC_OK},
		{"a: >\n", "  x\n\n", "", NULL, all, RC_OK},
		{"", "#\n", "", NULL, all, RC_OK},
		{"", "\n", "", "f.yml:257:1: more than 256 empty lines", all, RC_INVALID},
		{"a:", " ", "1", "f.yml:1:259: more than 256 blanks", all, RC_INVALID},
		{"\"", "\\n", "\"", NULL, line, RC_OK},
		{"\"", "\\n\n", "\"", NULL, all, RC_OK},
		{"'", "''\n", "'", NULL, all, RC_OK},
		{"a: ", "b\n  ", "", NULL, all, RC_OK},
		{"", "a\n", ": 1", NULL, all, RC_INVALID},
		{"", "a: ", "", NULL, line, RC_INVALID},
		{"", "%", "", "f.yml:1:1: directives", all, RC_INVALID},
		{"", "%\n", "", "f.yml:1:1: directives", all, RC_INVALID},
		{"", "&a ", "", NULL, line, RC_INVALID},
		{"&", "a", "", "f.yml:1:1: anchors", line, RC_INVALID},
		{"", "*a ", "", NULL, line, RC_INVALID},
		{"", "!", "", NULL, line, RC_INVALID},
		{"!<", "%41", "", NULL, line, RC_INVALID},
		{"!", "%41", "", NULL, line, RC_INVALID},
		{"a: !", "a%41", "", "f.yml:1:4: tags", line, RC_INVALID},
		{"", "\"", "", NULL, line, RC_INVALID},
		{"", ": ", "", NULL, line, RC_INVALID},
		{"", ",", "", NULL, line, RC_INVALID},
		{"", "---\n", "", NULL, all, RC_INVALID},
		{"", "...\n", "", NULL, all, RC_OK},
		{"", "|\n", "", NULL, all, RC_INVALID},
		{"", "a: 1\n", "", "f.yml:2:1: the key \"a\"", all, RC_INVALID},
		{"", "a", "", "f.yml: 1048577 bytes are above the limit of 1048576", all + 1,
		 RC_TOO_BIG},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		flood(&cases[i]);
}

/* Refused by its size alone: nothing of it is looked at. */
static void a_huge_file_is_not_read(void **state)
{
	struct yaml *doc = NULL;
	struct err err = {0};

	(void)state;
	struct str huge = {"x", (size_t)100 << 20};
	assert_int_equal(yaml_read(huge, "f.yml", &doc, &err), RC_TOO_BIG);
	assert_string_equal(err.msg, "f.yml: 104857600 bytes are above the limit of 1048576");
}

static void depth_to_the_edge(void **state)
{
	(void)state;
	for (unsigned depth = 30; depth <= 34; depth++) {
		AUTO(strbuf_done) struct strbuf b = STRBUF(10000);
		AUTO(yaml_freep) struct yaml *doc = NULL;
		struct err err = {0};
		for (unsigned i = 0; i < depth; i++)
			strbuf_addf(&b, "%*sa:\n", (int)i, "");
		enum rc rc = yaml_read(strbuf_str(&b), "f", &doc, &err);
		assert_int_equal(rc, depth <= 32 ? RC_OK : RC_TOO_BIG);
	}
}

/* Cut anywhere, or with any byte changed, it is read or refused: never more. */
static void damage(void **state)
{
	static const char good[] =
		"version: 1\n# c\nunits:\n  - name: \"web\\n\"\n    run: |\n      make\n\n"
		"      test\n    env: {A: 'b', C: [1, 2]}\n  - >-\n    x\n    y\n...\n";
	static const char bytes[] = "\0\t\n\r \"'#&*!|>%@`-?:,[]{}a\xc3\xff\x1b~";
	char text[sizeof(good)];

	(void)state;
	for (size_t n = 0; n < sizeof(good); n++) {
		AUTO(yaml_freep) struct yaml *doc = NULL;
		enum rc rc = yaml_read((struct str){good, n}, "f", &doc, NULL);
		assert_true(rc == RC_OK || rc == RC_INVALID);
	}
	for (size_t i = 0; i + 1 < sizeof(good); i++)
		for (size_t k = 0; k < sizeof(bytes); k++) {
			AUTO(yaml_freep) struct yaml *doc = NULL;
			struct err err = {0};
			memcpy(text, good, sizeof(good));
			text[i] = bytes[k];
			enum rc rc =
				yaml_read((struct str){text, sizeof(good) - 1}, "f", &doc, &err);
			assert_true(rc == RC_OK || rc == RC_INVALID);
			assert_true(rc == RC_OK || err.msg[0]);
		}
}

static void lookup_and_messages(void **state)
{
	AUTO(yaml_freep) struct yaml *doc = NULL;
	struct err err = {0};

	(void)state;
	assert_int_equal(yaml_read(STR("a: 1\nb:\n  c: x\n"), "p.yml", &doc, &err), RC_OK);
	const struct yaml_node *b = yaml_get(yaml_root(doc), "b"), *c = yaml_get(b, "c");
	assert_non_null(c);
	assert_true(str_is(c->text, "x"));
	assert_null(yaml_get(b, "a"));
	assert_null(yaml_get(c, "a"));
	assert_null(yaml_get(NULL, "a"));
	assert_string_equal(yaml_name(doc), "p.yml");
	assert_int_equal(yaml_fail(doc, c, &err, "\"%s\" is no %d", "x", 7), RC_INVALID);
	assert_string_equal(err.msg, "p.yml:3:6: \"x\" is no 7");
	yaml_fail(doc, NULL, &err, "all of it");
	assert_string_equal(err.msg, "p.yml: all of it");
	yaml_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),
		cmocka_unit_test(refuses),
		cmocka_unit_test(floods),
		cmocka_unit_test(a_huge_file_is_not_read),
		cmocka_unit_test(depth_to_the_edge),
		cmocka_unit_test(damage),
		cmocka_unit_test(lookup_and_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
