#include "unit.h"
#include "base/shape.h"

#include <math.h>

enum color { COLOR_NONE, COLOR_RED, COLOR_BLUE };
static const char *const color_names[] = {"none", "red", "blue"};

struct leaf {
	char *name;
	uint32_t weight;
};
static const struct shape_field leaf_fields[] = {
	SHAPE_STR(struct leaf, name),
	SHAPE_U32(struct leaf, weight),
};
static const struct shape shape_leaf = SHAPE(struct leaf, leaf_fields);

struct tree {
	char *id;
	bool alive;
	uint64_t born;
	uint32_t rings;
	int64_t depth;
	double height;
	enum color color;
	struct leaf top;
	VEC(struct leaf) leaves;
	VEC(char *) tags;
	int not_described;
};
static const struct shape_field tree_fields[] = {
	SHAPE_STR(struct tree, id),
	SHAPE_BOOL(struct tree, alive),
	SHAPE_U64(struct tree, born),
	SHAPE_U32(struct tree, rings),
	SHAPE_I64(struct tree, depth),
	SHAPE_REAL(struct tree, height),
	SHAPE_ENUM(struct tree, color, color_names),
	SHAPE_SUB(struct tree, top, shape_leaf),
	SHAPE_LIST(struct tree, leaves, shape_leaf),
	SHAPE_STRS(struct tree, tags),
};
static const struct shape shape_tree = SHAPE(struct tree, tree_fields);

static const char full[] =
	"{\"id\":\"t1\",\"alive\":true,\"born\":\"18446744073709551615\",\"rings\":4294967295,"
	"\"depth\":-9223372036854775808,\"height\":0.1,\"color\":\"blue\",\"top\":{\"name\":\"\",\"weight\":1},"
	"\"leaves\":[{\"name\":\"a\"},{},{\"weight\":7}],\"tags\":[\"x\",null,\"\"]}";

static void check_text(const struct tree *t, const char *want)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(10000);
	struct json_out o = JSON_OUT(&b);

	shape_write(&o, NULL, &shape_tree, t);
	assert_string_equal(strbuf_cstr(&b), want);
}

static void there_and_back(void **state)
{
	struct tree t = {0}, copy = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(shape_parse(STR(full), 10000, &shape_tree, &t, &err), RC_OK);
	assert_true(t.born == UINT64_MAX);
	assert_int_equal(t.color, COLOR_BLUE);
	assert_int_equal(t.leaves.n, 3);
	assert_null(t.leaves.v[1].name);
	assert_null(t.tags.v[1]);
	assert_string_equal(t.tags.v[2], "");
	check_text(&t, full);

	shape_copy(&shape_tree, &copy, &t);
	assert_true(shape_equal(&shape_tree, &t, &copy));
	assert_ptr_not_equal(copy.leaves.v[0].name, t.leaves.v[0].name);
	shape_done(&shape_tree, &t);
	assert_null(t.leaves.v);
	check_text(&copy, full);
	shape_done(&shape_tree, &copy);
	shape_done(&shape_tree, &copy);
	shape_done(&shape_tree, NULL);
}

static void empty_is_left_out(void **state)
{
	struct tree t = {0}, back = {0};
	struct err err = {0};

	(void)state;
	check_text(&t, "{}");
	assert_int_equal(
		shape_parse(
			STR("{\"unknown\":[{}],\"id\":null,\"top\":{},\"tags\":[],\"color\":\"none\"}"),
			100, &shape_tree, &back, &err),
		RC_OK);
	assert_true(shape_equal(&shape_tree, &t, &back));
	shape_done(&shape_tree, &back);
}

static void reals_by_their_bits(void **state)
{
	const double values[] = {-0.0,        (double)INFINITY, -(double)INFINITY,
				 (double)NAN, 5e-324,           1e22};
	static const char *const want[] = {
		"{\"height\":-0.0}",
		"{\"height\":\"inf\"}",
		"{\"height\":\"-inf\"}",
		"{\"height\":\"nan\"}",
		"{\"height\":4.94065645841247e-324}",
		"{\"height\":1e+22}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		struct tree t = {.height = values[i]}, back = {0};
		check_text(&t, want[i]);
		assert_int_equal(shape_parse(str_of(want[i]), 100, &shape_tree, &back, NULL),
				 RC_OK);
		CHECK(shape_equal(&shape_tree, &t, &back), want[i]);
	}
}

static void every_member_counts(void **state)
{
	static const char *const differing[] = {
		"{}",
		"{\"id\":\"\"}",
		"{\"id\":\"x\"}",
		"{\"alive\":true}",
		"{\"born\":1}",
		"{\"rings\":1}",
		"{\"depth\":1}",
		"{\"height\":1}",
		"{\"color\":\"red\"}",
		"{\"top\":{\"weight\":1}}",
		"{\"leaves\":[{}]}",
		"{\"leaves\":[{\"weight\":1}]}",
		"{\"leaves\":[{},{}]}",
		"{\"tags\":[null]}",
		"{\"tags\":[\"\"]}",
	};
	struct tree t[ARRAY_LEN(differing)] = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		assert_int_equal(shape_parse(str_of(differing[i]), 100, &shape_tree, &t[i], NULL),
				 RC_OK);
		check_text(&t[i], differing[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		for (size_t j = 0; j < ARRAY_LEN(t); j++)
			CHECK(shape_equal(&shape_tree, &t[i], &t[j]) == (i == j), differing[i]);
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		shape_done(&shape_tree, &t[i]);
}

static void refuses(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"[]", "should be a map, is a list"},
		{"null", "should be a map, is null"},
		{"{\"id\":1}", "id: should be a text, is an integer"},
		{"{\"id\":\"a\\u0000b\"}", "id: the text holds a NUL"},
		{"{\"alive\":1}", "alive: should be a truth value, is an integer"},
		{"{\"born\":-1}", "born: -1 is below 0"},
		{"{\"born\":1.5}", "born: should be an integer, is a number"},
		{"{\"born\":\"12\"}", "born: should be an integer, is a text"},
		{"{\"born\":\"99999999999999999999\"}", "born: should be an integer, is a text"},
		{"{\"rings\":4294967296}", "rings: 4294967296 is above 4294967295"},
		{"{\"depth\":\"9223372036854775808\"}", "depth: should be an integer, is a text"},
		{"{\"height\":\"high\"}", "height: should be a number, is a text"},
		{"{\"color\":\"green\"}", "color: \"green\" is no known name"},
		{"{\"color\":1}", "color: should be a name, is an integer"},
		{"{\"top\":{\"name\":{}}}", "top.name: should be a text, is a map"},
		{"{\"leaves\":{}}", "leaves: should be a list, is a map"},
		{"{\"id\":\"x\",\"tags\":[\"a\",\"b\"],\"leaves\":[{\"name\":\"a\"},{\"name\":\"b\"},{},{\"weight\":-3}]}",
		 "leaves[3].weight: -3 is below 0"},
		{"{\"leaves\":[null]}", "leaves[0]: should be a map, is null"},
		{"{\"leaves\":[{\"name\":\"a\"}],\"tags\":[\"x\",{}]}",
		 "tags[1]: should be a text, is a map"},
		{"{\"id\":", "JSON, line 1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		static const struct tree zero;
		struct tree t = {0};
		struct err err = {0};
		CHECK(shape_parse(str_of(cases[i].text), 1000, &shape_tree, &t, &err) == RC_INVALID,
		      cases[i].text);
		if (strncmp(err.msg, cases[i].says, strlen(cases[i].says)) != 0)
			fail_msg("%s: says \"%s\", not \"%s\"", cases[i].text, err.msg,
				 cases[i].says);
		assert_memory_equal(&t, &zero, sizeof(t));
	}
	struct tree t = {0};
	assert_int_equal(shape_parse(STR(full), 20, &shape_tree, &t, NULL), RC_TOO_BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(empty_is_left_out),
		cmocka_unit_test(reals_by_their_bits),
		cmocka_unit_test(every_member_counts),
		cmocka_unit_test(refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
