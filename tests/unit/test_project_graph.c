/* Manifests of every kind, as people write them, and the graph that comes of them. */
#include "project_kit.h"
#include "project/buildfile.h"

/* "web*(apps/web)->ui@apps/web/package.json:3; ui(libs/ui)": a star marks services. */
static char *graph_of(struct kit *k, struct err *err)
{
	const struct project_source source = kit_source(k);
	const struct project_ask ask = kit_ask(&source);
	struct project_reading r = {.has_base = false};
	struct strbuf to = STRBUF(65536);

	if (project_read(&ask, &r, err) != RC_OK) {
		strbuf_addf(&to, "error: %s", err->msg);
		return strbuf_take(&to);
	}
	vec_each(u, &r.head.config.units) {
		const struct project_unit *f = NULL;
		vec_each(one, &r.head.graph.units)
			if (streq(one->path, u->path))
				f = one;
		strbuf_addf(&to, "%s%s%s(%s)", to.n ? "; " : "", u->name, u->library ? "" : "*",
			    u->path);
		for (size_t i = 0; i < u->deps.n; i++)
			strbuf_addf(&to, "%s%s", i ? "," : "->", u->deps.v[i]);
		for (size_t i = 0; f && i < f->deps.n; i++)
			strbuf_addf(&to, "@%s:%u", path_base(f->deps.v[i].file), f->deps.v[i].line);
	}
	vec_each(n, &r.head.graph.notes)
		strbuf_addf(&to, "; note %s", *n);
	project_reading_done(&r);
	return strbuf_take(&to);
}

#define FILES 12
static const struct {
	const char *why;
	struct {
		const char *path, *text;
	} files[FILES];
	const char *want;
} cases[] = {
	{"npm workspaces",
	 {{"package.json",
	   "{\"workspaces\": {\"packages\": [\"apps/*\", \"libs/*\", \"!libs/old\"]}}"},
	  {"apps/web/package.json",
	   "{\"name\": \"@s/web\", \"bin\": \"x\",\n\"dependencies\": {\n\"@s/ui\": \"*\", \"react\": \"18\"}}"},
	  {"libs/ui/package.json", "{\"name\": \"@s/ui\"}"},
	  {"libs/old/package.json", "{\"name\": \"old\"}"},
	  {"libs/ui/test/fixture/package.json", "{\"name\": \"fixture\"}"},
	  {"node_modules/x/package.json", "{\"name\": \"x\"}"}},
	 "ui(libs/ui); web*(apps/web)->ui@package.json:3"},
	{"pnpm, file: and link:",
	 {{"pnpm-workspace.yaml", "packages:\n  - 'packages/**'\n  - '!**/test/**'\n"},
	  {"package.json", "{}"},
	  {"packages/a/package.json",
	   "{\"dependencies\": {\"b\": \"link:../b\", \"c\": \"file:../x/c\"}, \"scripts\": {\"start\": \"x\"}}"},
	  {"packages/b/package.json", "{\"name\": \"b\"}"},
	  {"packages/x/c/package.json", "{\"name\": \"c\"}"},
	  {"packages/b/test/p/package.json", "{\"name\": \"p\"}"}},
	 "a*(packages/a)->b,c@package.json:1@package.json:1; b(packages/b); c(packages/x/c)"},
	{"npm without workspaces",
	 {{"package.json", "{\"name\": \"tools\"}"},
	  {"a/package.json", "{\"name\": \"a\"}"},
	  {"b/package.json", "{\"devDependencies\": {\"a\": \"1\"}}"}},
	 "a(a); b(b)->a@package.json:1"},
	{"a single package",
	 {{"package.json", "{\"name\": \"x\", \"scripts\": {\"start\": \"x\"}}"}},
	 "root*(.)"},
	{"dev edges do not close a circle",
	 {{"a/package.json", "{\"name\": \"a\", \"dependencies\": {\"b\": \"*\"}}"},
	  {"b/package.json", "{\"name\": \"b\", \"devDependencies\": {\"a\": \"*\"}}"}},
	 "a(a)->b@package.json:1; b(b); note b/package.json:1: b needs a only to build and test itself, and a needs it: left out"},
	{"a circle",
	 {{"a/package.json", "{\"name\": \"a\",\n\"dependencies\": {\"b\": \"*\"}}"},
	  {"b/package.json", "{\"name\": \"b\", \"dependencies\": {\"a\": \"*\"}}"}},
	 "error: the units depend on each other in a circle: a -> b -> a (a/package.json:2, b/package.json:1); take one of these out, or write the deps of one of the units in penstock.yml"},
	{"go.work, replace, require",
	 {{"go.work", "go 1.21\nuse (\n\t./auth\n\t./shared // x\n)\n"},
	  {"auth/go.mod",
	   "module example.org/auth\n\nrequire (\n\texample.org/shared v0.0.0\n\tgolang.org/x/y v1.0.0 // indirect\n)\nreplace example.org/log => ../log\n"},
	  {"auth/cmd/auth/main.go", "package main"},
	  {"shared/go.mod", "module example.org/shared\n"},
	  {"log/go.mod", "module \"example.org/log\"\n"}},
	 "auth*(auth)->log,shared@go.mod:7@go.mod:4; log(log); shared(shared)"},
	{"cargo",
	 {{"Cargo.toml", "[workspace]\nmembers = [\"crates/*\"]\nexclude = [\"crates/x\"]\n"},
	  {"crates/a/Cargo.toml",
	   "[package]\nname = \"a\"\n[dependencies]\nb.path = \"../b\"\nserde = \"1\"\n[dev-dependencies]\nc = {workspace = true}\n"},
	  {"crates/a/src/main.rs", ""},
	  {"crates/b/Cargo.toml",
	   "[package]\nname = \"b\"\n[target.'cfg(unix)'.dependencies]\nd = {path = \"../../d\"}\n"},
	  {"crates/c/Cargo.toml", "[package]\nname = \"c\"\n[[bin]]\nname = \"c\"\n"},
	  {"crates/x/Cargo.toml", "[package]\nname = \"x\"\n"},
	  {"d/Cargo.toml", "[package]\nname = \"d\"\n"}},
	 "a*(crates/a)->b,c@Cargo.toml:4@Cargo.toml:7; b(crates/b)->d@Cargo.toml:4; c*(crates/c); d(d)"},
	{"maven",
	 {{"pom.xml",
	   "<project><groupId>g</groupId><artifactId>p</artifactId><packaging>pom</packaging><modules><module>a</module></modules></project>"},
	  {"a/pom.xml",
	   "<project xmlns='x'>\n<parent><groupId>g</groupId><artifactId>p</artifactId></parent><artifactId>a</artifactId>\n<dependencies>\n<dependency><groupId>${project.groupId}</groupId><artifactId>b</artifactId></dependency></dependencies>\n<build><plugins><plugin><artifactId>spring-boot-maven-plugin</artifactId></plugin></plugins></build></project>"},
	  {"b/pom.xml",
	   "<project><parent><groupId>g</groupId></parent><artifactId>b</artifactId></project>"}},
	 "a*(a)->b@pom.xml:4; b(b)"},
	{"gradle, Groovy",
	 {{"settings.gradle",
	   "rootProject.name = 'x'\n// include ':no'\ninclude ':app', ':libs:core'\ninclude 'log'\nproject(':log').projectDir = new File(settingsDir, 'other/log')\n"},
	  {"build.gradle", "allprojects {}"},
	  {"app/build.gradle",
	   "plugins { id 'application' }\ndependencies {\n  implementation project(':libs:core')\n  implementation(project(path: ':log'))\n}"},
	  {"libs/core/build.gradle", "/* project(':app') */"},
	  {"other/log/build.gradle", ""}},
	 "app*(app)->core,log@build.gradle:3@build.gradle:4; core(libs/core); log(other/log)"},
	{"gradle, Kotlin",
	 {{"settings.gradle.kts", "include(\":app\", \":libs:shared-model\")"},
	  {"app/build.gradle.kts",
	   "plugins {\n  id(\"org.springframework.boot\") version \"3\"\n}\ndependencies {\n  implementation(projects.libs.sharedModel)\n}"},
	  {"libs/shared-model/build.gradle.kts", ""}},
	 "app*(app)->shared-model@build.gradle.kts:5; shared-model(libs/shared-model)"},
	{"uv and poetry",
	 {{"pyproject.toml", "[tool.uv.workspace]\nmembers = [\"p/*\"]\n"},
	  {"p/web/pyproject.toml",
	   "[project]\nname = \"web\"\ndependencies = [\"My.Core>=1\", \"x\"]\n[project.scripts]\nweb = \"web:main\"\n"},
	  {"p/core/pyproject.toml", "[project]\nname = \"my_core\"\n"},
	  {"p/old/pyproject.toml",
	   "[tool.poetry]\nname = \"old\"\n[tool.poetry.dependencies]\npython = \"*\"\ncore = {path = \"../core\"}\n"}},
	 "core(p/core); old(p/old)->core@pyproject.toml:5; web*(p/web)->core@pyproject.toml:3"},
	{"cmake",
	 {{"CMakeLists.txt",
	   "project(x)\nadd_subdirectory(app) # add_subdirectory(no)\nadd_subdirectory(lib)\n"},
	  {"app/CMakeLists.txt",
	   "add_executable(app main.c)\ntarget_link_libraries(app\n  PRIVATE util ${X} m)\nadd_subdirectory(src)\n"},
	  {"app/src/CMakeLists.txt", "add_library(inner STATIC x.c)\n"},
	  {"lib/CMakeLists.txt",
	   "add_library(x::util ALIAS util)\nadd_library(util x.c)\n#[[ add_executable(no) ]]\n"}},
	 "app*(app)->lib@CMakeLists.txt:3; lib(lib)"},
	{"bazel",
	 {{"BUILD.bazel", "exports_files([\"x\"])"},
	  {"app/BUILD",
	   "load(\"//tools:x.bzl\", \"y\")\ncc_binary(\n  name = \"app\",\n  deps = [\"//lib:util\", \":inner\", \"@other//x\"],\n  visibility = [\"//third:__pkg__\"],\n)"},
	  {"third/BUILD", "cc_library(name = 'third')"},
	  {"tools/BUILD", ""},
	  {"lib/BUILD",
	   "cc_library(name = \"util\", srcs = glob([\"*.c\"])) # deps = [\"//app\"]\n"}},
	 "app*(app)->lib@BUILD:4; lib(lib); third(third)"},
	{"docker",
	 {{"api/Dockerfile", "FROM x"},
	  {"api/docker/Dockerfile", "FROM x"},
	  {"web/Dockerfile", "FROM x"},
	  {"web/package.json", "{}"}},
	 "api*(api); web*(web)"},
	{"two with the same folder name",
	 {{"services/api/package.json", "{}"}, {"libs/api/go.mod", "module x"}},
	 "libs-api(libs/api); services-api(services/api)"},
	{"what penstock.yml says wins",
	 {{"penstock.yml",
	   "version: 1\nproject: x\nprojects: infer\nservices:\n  gate: {path: a, port: 80}\nlibraries:\n  c: {path: c, deps: [b]}\n"},
	  {"a/package.json", "{\"name\": \"a\", \"dependencies\": {\"b\": \"*\"}}"},
	  {"b/package.json", "{\"name\": \"b\", \"scripts\": {\"start\": \"x\"}}"},
	  {"c/package.json", "{\"name\": \"c\", \"dependencies\": {\"a\": \"*\"}}"}},
	 "b*(b); c(c)->b@package.json:1; gate*(a)->b@package.json:1"},
	{"services that are written are all",
	 {{"penstock.yml", "version: 1\nproject: x\nservices:\n  a: {path: a}\n"},
	  {"a/package.json", "{}"},
	  {"b/package.json", "{}"}},
	 "a*(a)"},
	{"a dep that is none",
	 {{"penstock.yml",
	   "version: 1\nproject: x\nprojects: infer\nservices:\n  a: {path: a, deps: [z]}\n"},
	  {"a/package.json", "{}"}},
	 "error: penstock.yml:5: unit \"a\" depends on \"z\", which is no unit: `penstock graph` lists them"},
	{"an if about no unit",
	 {{"penstock.yml",
	   "version: 1\nproject: x\nci:\n  t: {run: x, if: \"affected('b')\"}\n"},
	  {"a/package.json", "{}"}},
	 "error: penstock.yml:4: \"if\" of job \"t\": there is no unit \"b\" (at character 10): `penstock graph` lists the units"},
	{"broken",
	 {{"a/go.mod", "module x\nrequire (\n"}},
	 "error: a/go.mod:3: the bracket of \"require\" is not closed; fix it, or write the unit in penstock.yml and take `projects: infer` out"},
	{"a broken fixture harms nobody",
	 {{"a/go.mod", "module x"}, {"a/test/bad/package.json", "{"}},
	 "a(a); note a/test/bad/package.json:1: string or '}' expected near end of file: left out"},
};

static void fill(struct kit *k, size_t i)
{
	for (size_t f = 0; f < FILES && cases[i].files[f].path; f++)
		kit_put(&k->commits[0], cases[i].files[f].path, cases[i].files[f].text);
}

static void kinds(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kit k = {.reads = 0};
		struct err err = {RC_OK, ""};
		fill(&k, i);
		AUTO(freep) char *got = graph_of(&k, &err);
		CHECK_STR(got, cases[i].want, cases[i].why);
		kit_done(&k);
	}
}

static void any_order(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (unsigned round = 0; round < 20; round++) {
			struct kit k = {.reads = 0};
			struct err err = {RC_OK, ""};
			fill(&k, i);
			for (size_t n = k.commits[0].files.n; n > 1; n--) {
				seed = seed * 1664525 + 1013904223;
				size_t at = (seed >> 8) % n;
				struct kit_file file = k.commits[0].files.v[at];
				k.commits[0].files.v[at] = k.commits[0].files.v[n - 1];
				k.commits[0].files.v[n - 1] = file;
			}
			AUTO(freep) char *got = graph_of(&k, &err);
			CHECK_STR(got, cases[i].want, cases[i].why);
			kit_done(&k);
		}
}

/* Cut anywhere, a manifest is read or refused with its name and line; never more. */
static void cut_short(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t f = 0; f < FILES && cases[i].files[f].path; f++) {
			const char *path = cases[i].files[f].path;
			enum buildfile_kind kind;
			for (size_t n = 0; n < strlen(cases[i].files[f].text); n++) {
				struct buildfile b;
				struct err err = {RC_OK, ""};
				if (!buildfile_is(path, &kind))
					continue;
				if (buildfile_read(path, (struct str){cases[i].files[f].text, n},
						   &b, &err) == RC_OK)
					buildfile_done(&b);
				else
					CHECK(!strncmp(err.msg, path, strlen(path)), err.msg);
			}
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(kinds), cmocka_unit_test(any_order),
					   cmocka_unit_test(cut_short)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
