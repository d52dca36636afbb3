/* Closures, circles and waves. */
#include "core/plan.h"
#include "unit.h"

static void read_units(const char *text, struct config *ret)
{
	AUTO(freep) char *whole = xasprintf("version: 1\nproject: p\n%s\n", text);
	struct err err = {RC_OK, ""};

	if (config_read(str_of(whole), "penstock.yml", NULL, NULL, ret, &err) != RC_OK)
		fail_msg("%s", err.msg);
}

static void texts_done(texts *list)
{
	for (size_t i = 0; i < list->n; i++)
		xfree(list->v[i]);
	vec_done(list);
}

static char *joined(texts *list)
{
	struct strbuf b = STRBUF(4096);

	for (size_t i = 0; i < list->n; i++)
		strbuf_addf(&b, "%s%s", i ? " " : "", list->v[i]);
	return strbuf_take(&b);
}

#define DIAMOND                                                                                         \
	"libraries: {base: {path: b}, left: {path: l, deps: [base]}, right: {path: r, deps: [base]}}\n" \
	"services: {top: {path: t, deps: [right, left]}, lone: {path: x}, late: {path: z, deps: [top]}}"

static const struct {
	const char *unit, *closure, *dependents;
} diamond[] = {
	{"base", "", "late left right top"},
	{"left", "base", "late top"},
	{"top", "base left right", "late"},
	{"late", "base left right top", ""},
	{"lone", "", ""},
	{"absent", "", ""},
};

static void closure_and_dependents(void **state)
{
	AUTO(config_done) struct config c = {.project = NULL};

	(void)state;
	read_units(DIAMOND, &c);
	for (size_t i = 0; i < ARRAY_LEN(diamond); i++) {
		AUTO(texts_done) texts down = {NULL, 0, 0};
		AUTO(texts_done) texts up = {NULL, 0, 0};

		graph_closure(&c, diamond[i].unit, &down);
		graph_dependents(&c, diamond[i].unit, &up);
		AUTO(freep) char *below = joined(&down);
		AUTO(freep) char *above = joined(&up);

		CHECK_STR(below, diamond[i].closure, diamond[i].unit);
		CHECK_STR(above, diamond[i].dependents, diamond[i].unit);
	}
	assert_null(graph_cycle(&c));
}

static const struct {
	const char *why, *text;
	const char *want; /* name=wave, by name */
} waves[] = {
	{"no edges", "services: {a: {path: a}, b: {path: b}}", "a=0 b=0"},
	{"a consumer comes after its provider",
	 "services: {a: {path: a, consumes: x}, b: {path: b, provides: x}}", "a=1 b=0"},
	{"a dep between services too", "services: {a: {path: a, deps: [b]}, b: {path: b}}",
	 "a=1 b=0"},
	{"a library takes no wave",
	 "libraries: {l: {path: l}}\nservices: {a: {path: a, deps: [l]}}", "a=0 l=0"},
	{"but one lies behind it",
	 "libraries: {l: {path: l, deps: [s]}}\nservices: {a: {path: a, deps: [l]}, s: {path: s}}",
	 "a=1 l=1 s=0"},
	{"the longest way counts",
	 "services: {a: {path: a, consumes: [x, y]}, b: {path: b, provides: x, consumes: y}, c: {path: c, provides: y}, d: {path: d, consumes: y}}",
	 "a=2 b=1 c=0 d=1"},
	{"a given order wins",
	 "services: {a: {path: a, consumes: x}, b: {path: b, provides: x}, c: {path: c}}\nproduction: {order: [c, a, b]}",
	 "a=1 b=2 c=0"},
};

static void waves_of_a_deployment(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(waves); i++) {
		AUTO(config_done) struct config c = {.project = NULL};
		AUTO(strbuf_done) struct strbuf b = STRBUF(1000);
		uint32_t wave[8];

		read_units(waves[i].text, &c);
		graph_waves(&c, wave);
		for (size_t k = 0; k < c.units.n; k++)
			strbuf_addf(&b, "%s%s=%u", k ? " " : "", c.units.v[k].name, wave[k]);
		CHECK_STR(strbuf_cstr(&b), waves[i].want, waves[i].why);
	}
}

static void add_dep(struct config *c, const char *from, const char *to)
{
	for (size_t i = 0; i < c->units.n; i++)
		if (streq(c->units.v[i].name, from))
			vec_push(&c->units.v[i].deps, xstrdup(to));
}

static void circles_are_shown_as_a_path(void **state)
{
	AUTO(config_done) struct config c = {.project = NULL};
	AUTO(freep) char *cycle = NULL;

	(void)state;
	read_units(DIAMOND, &c);
	add_dep(&c, "base", "top");
	cycle = graph_cycle(&c);
	assert_string_equal(cycle, "base -> top -> left -> base");
}

/* A hostile chain must neither overflow the stack nor take forever. */
static void long_chains(void **state)
{
	struct config c = {.project = NULL};
	AUTO(texts_done) texts all = {NULL, 0, 0};
	uint32_t *wave = xcalloc(CONFIG_MAX_UNITS, sizeof(*wave));

	(void)state;
	for (int i = 0; i < CONFIG_MAX_UNITS; i++) {
		struct unit u = {.name = xasprintf("u%05d", i), .path = xasprintf("p/%d", i)};

		if (i)
			vec_push(&u.deps, xasprintf("u%05d", i - 1));
		vec_push(&c.units, u);
	}
	assert_null(graph_cycle(&c));
	graph_closure(&c, "u19999", &all);
	assert_int_equal(all.n, CONFIG_MAX_UNITS - 1);
	graph_waves(&c, wave);
	assert_int_equal(wave[CONFIG_MAX_UNITS - 1], CONFIG_MAX_UNITS - 1);
	vec_push(&c.units.v[0].deps, xstrdup("u19999"));
	char *cycle = graph_cycle(&c);

	assert_non_null(cycle);
	assert_true(strlen(cycle) < 300);
	assert_non_null(strstr(cycle, "more) -> u"));
	xfree(cycle);
	xfree(wave);
	config_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closure_and_dependents),
		cmocka_unit_test(waves_of_a_deployment),
		cmocka_unit_test(circles_are_shown_as_a_path),
		cmocka_unit_test(long_chains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
