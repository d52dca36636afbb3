/* Real lockfiles, made by the tools themselves: what a unit uses, and that nothing else counts for it. */
#include "project_kit.h"

/* Names of the units that are affected, in order. */
static void affected(struct kit *k, struct strbuf *to, const char *why)
{
	const struct project_source source = kit_source(k);
	const struct project_ask ask = kit_ask(&source);
	struct project_reading r = {.has_base = false};
	struct err err = {RC_OK, ""};

	if (project_plan(&ask, &r, &err) != RC_OK)
		fail_msg("%s: %s", why, err.msg);
	CHECK(r.has_base, why);
	vec_each(u, &r.plan.units)
		if (u->affected)
			strbuf_addf(to, "%s%s", to->n ? " " : "", u->name);
	project_reading_done(&r);
}

static const struct {
	const char *why, *data, *file, *old, *new, *want;
} cases[] = {
	{"npm: of a leaf", "npm", "package-lock.json", "\"version\": \"7.0.0\"",
	 "\"version\": \"7.0.1\"", "ui web"},
	{"npm: shared by two", "npm", "package-lock.json", "sha512-sGkPx", "sha512-xxxxx",
	 "api web"},
	{"npm: one more package", "npm", "package-lock.json", "\"node_modules/debug\": {",
	 "\"node_modules/aaa\": {\"version\": \"1.0.0\"}, \"node_modules/debug\": {", ""},
	{"npm: its own version", "npm", "package-lock.json", "\"lockfileVersion\": 3",
	 "\"lockfileVersion\": 2", ""},
	{"yarn 1: of a leaf", "yarn1", "yarn.lock", "version \"7.0.0\"", "version \"7.0.1\"",
	 "ui web"},
	{"yarn 1: shared", "yarn1", "yarn.lock", "sha512-sGkPx", "sha512-xxxxx", "api web"},
	{"yarn 1: one more", "yarn1", "yarn.lock",
	 "debug@4.3.4:", "aaa@^1:\n  version \"1.0.0\"\n\ndebug@4.3.4:", ""},
	{"yarn 1: another host", "yarn1", "yarn.lock", "https://example.invalid/ms",
	 "https://other.invalid/ms", ""},
	{"yarn: of a leaf", "berry", "yarn.lock", "is-number@npm:7", "is-number@npm:8", "ui web"},
	{"yarn: shared", "berry", "yarn.lock", "resolution: \"ms@npm:2.1.2\"",
	 "resolution: \"ms@npm:2.1.3\"", "api web"},
	{"yarn: one more", "berry", "yarn.lock", "\"debug@npm:4.3.4\":",
	 "\"aaa@npm:1\":\n  version: 1.0.0\n  resolution: \"aaa@npm:1.0.0\"\n\n\"debug@npm:4.3.4\":",
	 ""},
	{"pnpm 9: of a leaf", "pnpm9", "pnpm-lock.yaml", "sha512-41Cif", "sha512-xxxxx", "ui web"},
	{"pnpm 9: shared", "pnpm9", "pnpm-lock.yaml", "sha512-sGkPx", "sha512-xxxxx", "api web"},
	{"pnpm 9: one more", "pnpm9", "pnpm-lock.yaml", "\npackages:\n",
	 "\npackages:\n\n  aaa@1.0.0:\n    resolution: {integrity: sha512-a}\n", ""},
	{"pnpm 9: settings", "pnpm9", "pnpm-lock.yaml", "autoInstallPeers: true",
	 "autoInstallPeers: false", ""},
	{"pnpm 7: of a leaf", "pnpm7", "pnpm-lock.yaml", "sha512-41Cif", "sha512-xxxxx", "ui web"},
	{"pnpm 7: shared", "pnpm7", "pnpm-lock.yaml", "sha512-sGkPx", "sha512-xxxxx", "api web"},
	{"cargo: of one", "cargo", "Cargo.lock", "version = \"1.4.0\"", "version = \"1.4.1\"",
	 "worker"},
	{"cargo: through a library", "cargo", "Cargo.lock", "b5e6163cb8c4", "aaaaaaaaaaaa",
	 "api core"},
	{"cargo: one more", "cargo", "Cargo.lock", "[[package]]\nname = \"bytes\"",
	 "[[package]]\nname = \"aaa\"\nversion = \"1.0.0\"\nsource = \"registry+x\"\nchecksum = \"1\"\n\n[[package]]\nname = \"bytes\"",
	 ""},
	{"uv: of one", "uv", "uv.lock",
	 "1e61c37477a1626458e36f7b1d82aa5c9b094fa4802892072e49de9c60c4c926", "00", "jobs"},
	{"uv: transitive", "uv", "uv.lock", "08695f5cb7ed", "aaaaaaaaaaaa", "web"},
	{"uv: through a library", "uv", "uv.lock", "814f528e8dea", "aaaaaaaaaaaa", "core web"},
	{"uv: time of upload", "uv", "uv.lock", "2022-09-14T00:24:27.719Z",
	 "2023-09-14T00:24:27.719Z", ""},
};

static void bumps_touch_their_users(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kit k = {.reads = 0};
		struct strbuf got = STRBUF(4096);
		kit_load(&k.commits[0], cases[i].data, "");
		kit_load(&k.commits[1], cases[i].data, "");
		kit_edit(&k.commits[0], cases[i].file, cases[i].old, cases[i].new);
		affected(&k, &got, cases[i].why);
		CHECK_STR(strbuf_cstr(&got), cases[i].want, cases[i].why);
		strbuf_done(&got);
		kit_done(&k);
	}
}

/* Cut anywhere: the plan stands, and when the file is no lockfile any more all its units are affected and say why. */
static void cut_short(void **state)
{
	static const char *const data[][2] = {{"npm", "package-lock.json"},
					      {"yarn1", "yarn.lock"},
					      {"pnpm9", "pnpm-lock.yaml"},
					      {"cargo", "Cargo.lock"},
					      {"uv", "uv.lock"}};
	(void)state;
	for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
		struct kit k = {.reads = 0};
		kit_load(&k.commits[0], data[i][0], "");
		kit_load(&k.commits[1], data[i][0], "");
		AUTO(freep) char *text = xstrdup(kit_get(&k.commits[0], data[i][1]));
		for (size_t n = strlen(text); n > 200; n -= 137) {
			struct strbuf got = STRBUF(4096);
			text[n] = '\0';
			kit_put(&k.commits[0], data[i][1], text);
			affected(&k, &got, data[i][1]);
			strbuf_done(&got);
		}
		kit_done(&k);
	}
}

static void broken_is_one_input(void **state)
{
	struct kit k = {.reads = 0};
	const struct project_source source = kit_source(&k);
	const struct project_ask ask = kit_ask(&source);
	struct project_reading r = {.has_base = false};
	struct err err = {RC_OK, ""};

	(void)state;
	kit_load(&k.commits[0], "npm", "");
	kit_load(&k.commits[1], "npm", "");
	kit_put(&k.commits[0], "package-lock.json", "{\"packages\": {\n\"a\": }");
	assert_int_equal(project_plan(&ask, &r, &err), RC_OK);
	vec_each(u, &r.plan.units) {
		assert_true(u->affected);
		CHECK(strstr(u->why, "warning: package-lock.json:2: ") != NULL, u->why);
	}
	project_reading_done(&r);
	kit_done(&k);
}

/* The order in which a lockfile lists its packages makes no difference. */
static void order_is_nothing(void **state)
{
	struct kit k = {.reads = 0};
	struct strbuf got = STRBUF(4096);

	(void)state;
	kit_load(&k.commits[0], "cargo", "");
	kit_load(&k.commits[1], "cargo", "");
	const char *text = kit_get(&k.commits[1], "Cargo.lock");
	const char *first = strstr(text, "[[package]]"), *second = strstr(first + 1, "[[package]]");
	AUTO(freep)
	char *turned = xasprintf("%.*s%s\n%.*s", (int)(first - text), text, second,
				 (int)(second - first), first);
	kit_put(&k.commits[0], "Cargo.lock", turned);
	affected(&k, &got, "turned");
	assert_string_equal(strbuf_cstr(&got), "");
	strbuf_done(&got);
	kit_done(&k);
}

/* What was parsed is not read again. */
static void cached(void **state)
{
	struct kit k = {.reads = 0};
	const struct project_source source = kit_source(&k);
	struct project_ask ask = kit_ask(&source);
	struct project_reading r = {.has_base = false};
	struct err err = {RC_OK, ""};

	(void)state;
	kit_load(&k.commits[0], "npm", "");
	kit_load(&k.commits[1], "npm", "");
	ask.cache = project_cache_new();
	assert_int_equal(project_plan(&ask, &r, &err), RC_OK);
	project_reading_done(&r);
	k.reads = 0;
	kit_edit(&k.commits[0], "libs/ui/package.json", "1.0.0", "1.0.1");
	assert_int_equal(project_plan(&ask, &r, &err), RC_OK);
	assert_true(k.reads <= 4); /* two penstock.yml, the one that is new, and its like at base */
	project_reading_done(&r);
	project_cache_free(ask.cache);
	kit_done(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bumps_touch_their_users),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(broken_is_one_input),
		cmocka_unit_test(order_is_nothing),
		cmocka_unit_test(cached),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
