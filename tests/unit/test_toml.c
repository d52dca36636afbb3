#include "unit.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "base/toml.h"

/* A document as one line. */
static void show(struct strbuf *b, const struct toml_node *n)
{
	static const char *const marks[] = {"", "i", "f", "b", "d", "", ""};

	if (n->kind == TOML_TEXT)
		strbuf_addf(b, "'%s'", n->text.p);
	else if (n->kind < TOML_LIST)
		strbuf_addf(b, "%s:%s", marks[n->kind], n->text.p);
	else
		strbuf_addc(b, n->kind == TOML_LIST ? '[' : '{');
	for (size_t i = 0; i < n->n; i++) {
		strbuf_adds(b, i ? ", " : "");
		if (n->kind == TOML_TABLE)
			strbuf_addf(b, "%s=", n->keys[i]);
		show(b, n->items[i]);
	}
	if (n->kind >= TOML_LIST)
		strbuf_addc(b, n->kind == TOML_LIST ? ']' : '}');
}

static void reads(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"", "{}"},
		{"# x\n\n", "{}"},
		{"a = 1", "{a=i:1}"},
		{"a = 'x'\r\nb = \"y\\n\\u00e9\\\"\"\r\n", "{a='x', b='y\n\xc3\xa9\"'}"},
		{"a.b.c = true\na.d = false", "{a={b={c=b:true}, d=b:false}}"},
		{"\"a b\".'c' = 1", "{a b={c=i:1}}"},
		{"[t]\nx = 1_000\ny = -0x\n", NULL},
		{"[t]\nx = 1_000\ny = 0xdead_BEEF\nz = 6.02e+23\nw = -inf",
		 "{t={x=i:1_000, y=i:0xdead_BEEF, z=f:6.02e+23, w=f:-inf}}"},
		{"d = 1979-05-27T07:32:00-07:00\ne = 1979-05-27 07:32:00.5\nf = 07:32:00\ng = 1979-05-27",
		 "{d=d:1979-05-27T07:32:00-07:00, e=d:1979-05-27 07:32:00.5, f=d:07:32:00, g=d:1979-05-27}"},
		{"a = [1, [2, 'x'],\n # c\n ]", "{a=[i:1, [i:2, 'x']]}"},
		{"a = {b = 1, c.d = 2}", "{a={b=i:1, c={d=i:2}}}"},
		{"[[p]]\nn=1\n[p.q]\nx=1\n[[p]]\nn=2", "{p=[{n=i:1, q={x=i:1}}, {n=i:2}]}"},
		{"[a.b]\nx=1\n[a]\ny=2", "{a={b={x=i:1}, y=i:2}}"},
		{"a = \"\"\"\nx\\\n   y \"q\" z\"\"\"\"", "{a='xy \"q\" z\"'}"},
		{"a = '''\nraw \\n'''", "{a='raw \\n'}"},
		{"\xef\xbb\xbf"
		 "a=1",
		 "{a=i:1}"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct strbuf b = STRBUF(65536);
		struct toml *doc = NULL;
		struct err err = {RC_OK, ""};
		enum rc rc = toml_read(str_of(cases[i].text), "f.toml", &doc, &err);
		if (!cases[i].want) {
			CHECK(rc == RC_INVALID, cases[i].text);
			continue;
		}
		if (rc != RC_OK)
			fail_msg("%s: %s", cases[i].text, err.msg);
		show(&b, toml_root(doc));
		CHECK_STR(strbuf_cstr(&b), cases[i].want, cases[i].text);
		strbuf_done(&b);
		toml_free(doc);
	}
}

static void refuses(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"a", "f.toml:1: there is no \"=\""},
		{"\na = ", "f.toml:2: a value is missing"},
		{"a = 1\na = 2", "f.toml:2: key \"a\" stands there already"},
		{"a.b = 1\na.b.c = 2", "stands there already"},
		{"[a]\n[a]", "f.toml:2: table \"a\" stands there already"},
		{"a = {}\n[a.b]", "no table that can be added to"},
		{"a = {b=1}\na.c = 1", "stands there already"},
		{"a = []\n[[a]]", "is no list of tables"},
		{"[[a]]\n[a]", "stands there already"},
		{"a = 01", "is no value"},
		{"a = 1__0", "is no value"},
		{"a = 1.", "is no value"},
		{"a = 1979-13-01", "is no value"},
		{"a = truee", "is no value"},
		{"a = 'x", "is not closed"},
		{"a = \"x\ny\"", "no closing quote"},
		{"a = \"\\q\"", "no such escape"},
		{"a = \"\\ud800\"", "names no character"},
		{"a = \"\x01\"", "a control character"},
		{"a = 1 b = 2", "something follows"},
		{"a = [1 2]", "needs \",\" or \"]\""},
		{"a = {b=1,}", "a key is missing"},
		{"a = {b=1\n}", "needs \",\" or \"}\""},
		{"[a", "is not closed"},
		{"= 1", "a key is missing"},
		{"a = \"\xff\"", "is no UTF-8"},
		{"[a.b]\nc=1\n[a]\nb.d=1", "stands there already"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct toml *doc = NULL;
		struct err err = {RC_OK, ""};
		CHECK(toml_read(str_of(cases[i].text), "f.toml", &doc, &err) == RC_INVALID,
		      cases[i].text);
		if (!strstr(err.msg, cases[i].says))
			fail_msg("%s: says <%s>, not <%s>", cases[i].text, err.msg, cases[i].says);
		CHECK(!strncmp(err.msg, "f.toml:", 7), cases[i].text);
	}
}

static void caps(void **state)
{
	struct strbuf deep = STRBUF(1 << 20), wide = STRBUF(64 << 20);
	struct toml *doc = NULL;
	struct err err = {RC_OK, ""};

	(void)state;
	strbuf_adds(&deep, "a = ");
	for (int i = 0; i < 1000; i++)
		strbuf_addc(&deep, '[');
	assert_int_equal(toml_read(strbuf_str(&deep), "f", &doc, &err), RC_INVALID);
	assert_non_null(strstr(err.msg, "nested deeper"));
	for (int i = 0; i < 100000; i++) /* found by an index, not by a walk */
		strbuf_addf(&wide, "k%d = 1\n", i);
	assert_int_equal(toml_read(strbuf_str(&wide), "f", &doc, &err), RC_OK);
	assert_non_null(toml_get(toml_root(doc), "k99999"));
	assert_int_equal(toml_get(toml_root(doc), "k99999")->line, 100000);
	toml_free(doc);
	strbuf_done(&deep);
	strbuf_done(&wide);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(reads), cmocka_unit_test(refuses),
					   cmocka_unit_test(caps)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
