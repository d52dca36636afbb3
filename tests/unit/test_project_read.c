/* A change read from two commits: includes, bases that are none, slices of Go workspaces, Maven parents and poetry. */
#include "project_kit.h"

static void affected(struct kit *k, struct strbuf *to, const char *why)
{
	const struct project_source source = kit_source(k);
	const struct project_ask ask = kit_ask(&source);
	struct project_reading r = {.has_base = false};
	struct err err = {RC_OK, ""};

	if (project_plan(&ask, &r, &err) != RC_OK)
		fail_msg("%s: %s", why, err.msg);
	vec_each(u, &r.plan.units)
		if (u->affected)
			strbuf_addf(to, "%s%s", to->n ? " " : "", u->name);
	project_reading_done(&r);
}

#define GO_A "module a\nrequire (\n\tx.org/x v1.2.0\n\tx.org/y v1.0.0\n)\n"
#define GO_B "module b\nrequire x.org/x v1.1.0\n"
#define GO_C "module c\nrequire x.org/z v1.0.0\n"
#define POM(name, deps)                                                                             \
	"<project><parent><groupId>g</groupId><artifactId>p</artifactId></parent><artifactId>" name \
	"</artifactId><dependencies>" deps "</dependencies></project>"
#define DEP(name) "<dependency><groupId>x</groupId><artifactId>" name "</artifactId></dependency>"
#define PARENT                                                                                                                                                                                          \
	"<project><groupId>g</groupId><artifactId>p</artifactId><packaging>pom</packaging><properties><one.v>1</one.v><two.v>1</two.v><java>17</java></properties><dependencyManagement><dependencies>" \
	"<dependency><groupId>x</groupId><artifactId>one</artifactId><version>${one.v}</version></dependency>"                                                                                          \
	"<dependency><groupId>x</groupId><artifactId>two</artifactId><version>${two.v}</version></dependency>"                                                                                          \
	"<dependency><groupId>x</groupId><artifactId>deep</artifactId><version>1.0</version></dependency></dependencies></dependencyManagement></project>"
#define POETRY \
	"[[package]]\nname = \"Click\"\nversion = \"8.1\"\nfiles = [{file = \"a\", hash = \"sha256:1\"}]\n[package.dependencies]\ncolor_ama = {version = \"*\", markers = \"x\"}\n[[package]]\nname = \"color-ama\"\nversion = \"0.4\"\n[[package]]\nname = \"six\"\nversion = \"1.16\"\n[metadata]\ncontent-hash = \"1\"\n"
#define V1 \
	"{\"lockfileVersion\": 1, \"dependencies\": {\"a\": {\"version\": \"1.0.0\", \"requires\": {\"b\": \"1\"}, \"dependencies\": {\"b\": {\"version\": \"1.1.1\"}}}, \"b\": {\"version\": \"2.2.2\"}, \"c\": {\"version\": \"3.3.3\"}}}"

static const struct {
	const char *why;
	struct {
		const char *path, *text;
	} files[8];
	const char *file, *old, *new, *want;
} cases[] = {
	{"go.work: the highest version is all users'",
	 {{"go.work", "go 1.21\nuse ./a\nuse ./b\nuse ./c\n"},
	  {"a/go.mod", GO_A},
	  {"b/go.mod", GO_B},
	  {"c/go.mod", GO_C}},
	 "a/go.mod",
	 "v1.2.0",
	 "v1.10.0",
	 "a b"},
	{"go.work: of one",
	 {{"go.work", "go 1.21\nuse ./a\nuse ./b\nuse ./c\n"},
	  {"a/go.mod", GO_A},
	  {"b/go.mod", GO_B},
	  {"c/go.mod", GO_C}},
	 "a/go.mod",
	 "x.org/y v1.0.0",
	 "x.org/y v1.0.1",
	 "a"},
	{"go.work: its Go version",
	 {{"go.work", "go 1.21\nuse ./a\nuse ./b\nuse ./c\n"},
	  {"a/go.mod", GO_A},
	  {"b/go.mod", GO_B},
	  {"c/go.mod", GO_C}},
	 "go.work",
	 "1.21",
	 "1.22",
	 "a b c"},
	{"folders of one Go module",
	 {{"penstock.yml", "version: 1\nproject: x\nservices:\n  a: {path: a}\n"},
	  {"go.mod", "module x"},
	  {"go.sum", "x v1 h1:a"},
	  {"a/main.go", ""}},
	 "go.sum",
	 "h1:a",
	 "h1:b",
	 "a"},
	{"maven: a property of one",
	 {{"pom.xml", PARENT},
	  {"a/pom.xml", POM("a", DEP("one"))},
	  {"b/pom.xml", POM("b", DEP("two"))}},
	 "pom.xml",
	 "<one.v>1",
	 "<one.v>2",
	 "a"},
	{"maven: a version that nobody names",
	 {{"pom.xml", PARENT},
	  {"a/pom.xml", POM("a", DEP("one"))},
	  {"b/pom.xml", POM("b", DEP("two"))}},
	 "pom.xml",
	 "<version>1.0",
	 "<version>1.1",
	 "a b"},
	{"maven: a property of plugins",
	 {{"pom.xml", PARENT},
	  {"a/pom.xml", POM("a", DEP("one"))},
	  {"b/pom.xml", POM("b", DEP("two"))}},
	 "pom.xml",
	 "<java>17",
	 "<java>21",
	 "a b"},
	{"poetry: transitive",
	 {{"poetry.lock", POETRY},
	  {"a/pyproject.toml",
	   "[tool.poetry]\nname = \"a\"\n[tool.poetry.dependencies]\nclick = \"8\"\n"},
	  {"b/pyproject.toml", "[project]\nname = \"b\"\ndependencies = [\"six\"]\n"}},
	 "poetry.lock",
	 "0.4",
	 "0.5",
	 "a"},
	{"poetry: a hash of the whole is nothing",
	 {{"poetry.lock", POETRY},
	  {"a/pyproject.toml",
	   "[tool.poetry]\nname = \"a\"\n[tool.poetry.dependencies]\nclick = \"8\"\n"},
	  {"b/pyproject.toml", "[project]\nname = \"b\"\ndependencies = [\"six\"]\n"}},
	 "poetry.lock",
	 "content-hash = \"1\"",
	 "content-hash = \"2\"",
	 ""},
	{"npm 1: the nested one",
	 {{"package-lock.json", V1},
	  {"a/package.json", "{\"dependencies\": {\"a\": \"1\"}}"},
	  {"b/package.json", "{\"dependencies\": {\"b\": \"2\"}}"}},
	 "package-lock.json",
	 "1.1.1",
	 "1.1.2",
	 "a"},
	{"npm 1: the one above",
	 {{"package-lock.json", V1},
	  {"a/package.json", "{\"dependencies\": {\"a\": \"1\"}}"},
	  {"b/package.json", "{\"dependencies\": {\"b\": \"2\"}}"}},
	 "package-lock.json",
	 "2.2.2",
	 "2.2.3",
	 "b"},
	{"npm: of written units",
	 {{"penstock.yml",
	   "version: 1\nproject: x\nservices:\n  a: {path: s/a}\n  b: {path: s/b}\n"},
	  {"package-lock.json", V1},
	  {"s/a/package.json", "{\"dependencies\": {\"c\": \"1\"}}"},
	  {"s/b/package.json", "{\"dependencies\": {\"b\": \"2\"}}"}},
	 "package-lock.json",
	 "3.3.3",
	 "3.3.4",
	 "a"},
	{"a lockfile of its own hides the one above",
	 {{"package-lock.json", V1},
	  {"a/package.json", "{\"dependencies\": {\"c\": \"1\"}}"},
	  {"a/package-lock.json", V1},
	  {"b/package.json", "{\"dependencies\": {\"c\": \"2\"}}"}},
	 "package-lock.json",
	 "3.3.3",
	 "3.3.4",
	 "b"},
	{"a new unit",
	 {{"a/package.json", "{}"}, {"b/package.json", "{\"name\": \"b\"}"}},
	 "a/package.json",
	 "{}",
	 "{\"dependencies\": {\"b\": \"*\"}}",
	 "a"},
};

static void slices(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kit k = {.reads = 0};
		struct strbuf got = STRBUF(4096);
		for (size_t f = 0; f < 8 && cases[i].files[f].path; f++)
			kit_put(&k.commits[1], cases[i].files[f].path, cases[i].files[f].text);
		kit_copy(&k.commits[0], &k.commits[1]);
		affected(&k, &got, "the same");
		CHECK_STR(strbuf_cstr(&got), "", cases[i].why);
		kit_edit(&k.commits[0], cases[i].file, cases[i].old, cases[i].new);
		affected(&k, &got, cases[i].why);
		CHECK_STR(strbuf_cstr(&got), cases[i].want, cases[i].why);
		strbuf_done(&got);
		kit_done(&k);
	}
}

#define HEX "0123456789012345678901234567890123456789"
static void includes(void **state)
{
	struct kit k = {.reads = 0};
	const struct project_source source = kit_source(&k);
	struct project_ask ask = kit_ask(&source);
	struct project_reading r = {.has_base = false};
	struct err err = {RC_OK, ""};

	(void)state;
	ask.without_file = false;
	kit_put(&k.commits[0], "penstock.yml",
		"version: 1\nproject: x\ninclude: [ci/own.yml, templates//node.yml@" HEX "]\n"
		"services:\n  a: {path: a}\nci:\n  one: {each: a, extends: own}\n  two: {each: a, extends: node}\n");
	kit_put(&k.commits[0], "ci/own.yml",
		"version: 1\ntemplates:\n  own: {run: \"echo own\"}\n");
	kit_put(&k.commits[0], "a/x", "");
	if (project_plan(&ask, &r, &err) != RC_OK)
		fail_msg("%s", err.msg);
	assert_false(r.has_base); /* it has no penstock.yml */
	assert_int_equal(r.head.config.includes.n, 2);
	assert_string_equal(r.head.config.includes.v[1].from, "templates//node.yml@" HEX);
	assert_int_equal(strlen(r.head.config.includes.v[1].digest), 64);
	assert_string_equal(config_job(&r.head.config, STAGE_CI, "one")->run, "echo own");
	assert_string_equal(config_job(&r.head.config, STAGE_CI, "two")->run, "echo 0123");
	project_reading_done(&r);
	kit_edit(&k.commits[0], "penstock.yml", "ci/own.yml", "ci/none.yml");
	assert_int_equal(project_plan(&ask, &r, &err), RC_INVALID);
	assert_non_null(strstr(err.msg, "penstock.yml: include \"ci/none.yml\""));
	kit_done(&k);
}

/* An include that changes is a change of what penstock.yml says. */
static void include_changes(void **state)
{
	struct kit k = {.reads = 0};
	const struct project_source source = kit_source(&k);
	const struct project_ask ask = kit_ask(&source);
	struct project_reading r = {.has_base = false};
	struct err err = {RC_OK, ""};

	(void)state;
	kit_put(&k.commits[1], "penstock.yml",
		"version: 1\nproject: x\ninclude: ci.yml\nservices:\n  a: {path: a}\nci:\n  one: {each: a, extends: own}\n");
	kit_put(&k.commits[1], "ci.yml", "version: 1\ntemplates:\n  own: {run: \"echo own\"}\n");
	kit_put(&k.commits[1], "a/x", "");
	kit_copy(&k.commits[0], &k.commits[1]);
	assert_int_equal(project_plan(&ask, &r, &err), RC_OK);
	assert_true(r.has_base && r.same_config);
	assert_int_equal(r.plan.jobs.v[0].state, PLAN_UNAFFECTED);
	project_reading_done(&r);
	kit_edit(&k.commits[0], "ci.yml", "echo own", "echo new");
	assert_int_equal(project_plan(&ask, &r, &err), RC_OK);
	assert_true(r.has_base && !r.same_config);
	assert_int_equal(r.plan.jobs.v[0].state, PLAN_MISS);
	project_reading_done(&r);
	kit_done(&k);
}

static void no_base(void **state)
{
	struct kit k = {.reads = 0};
	const struct project_source source = kit_source(&k);
	const struct project_ask ask = kit_ask(&source);
	struct project_reading r = {.has_base = false};
	struct err err = {RC_OK, ""};

	(void)state;
	kit_put(&k.commits[0], "a/package.json", "{}");
	kit_put(&k.commits[1], "a/package.json", "{");
	assert_int_equal(project_plan(&ask, &r, &err), RC_OK);
	assert_false(r.has_base); /* a base that cannot be read is none */
	assert_true(r.plan.units.v[0].affected);
	project_reading_done(&r);
	kit_put(&k.commits[0], "a/package.json", "{");
	assert_int_equal(project_plan(&ask, &r, &err), RC_INVALID);
	assert_non_null(strstr(err.msg, "a/package.json:1: "));
	kit_done(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(slices), cmocka_unit_test(includes),
					   cmocka_unit_test(include_changes),
					   cmocka_unit_test(no_base)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
