#include "unit.h"
#include "base/vec.h"

struct point {
	int x, y;
};

static void grows(void **state)
{
	VEC(struct point) points = {0};
	VEC(char *) texts = {0};

	(void)state;
	for (int i = 0; i < 1000; i++)
		vec_push(&points, ((struct point){i, -i}));
	assert_int_equal(points.n, 1000);
	int seen = 0;
	vec_each(p, &points) {
		assert_int_equal(p->x, seen);
		assert_int_equal(p->y, -seen);
		seen++;
	}
	assert_int_equal(seen, 1000);
	vec_each(t, &texts)
		fail_msg("an empty one has no elements");
	vec_push(&texts, xstrdup("a"));
	assert_string_equal(*vec_last(&texts), "a");
	xfree(texts.v[0]);
	vec_done(&texts);
	assert_null(texts.v);
	vec_done(&points);
	vec_done(&points);
}

static void adds_zeroed(void **state)
{
	VEC(struct point) points = {0};

	(void)state;
	for (int i = 0; i < 100; i++) {
		vec_add(&points);
		assert_int_equal(vec_last(&points)->x, 0);
		vec_last(&points)->x = 7;
	}
	vec_done(&points);
}

static void removes(void **state)
{
	VEC(int) n = {0};

	(void)state;
	for (int i = 0; i < 5; i++)
		vec_push(&n, i);
	vec_remove(&n, 0);
	vec_remove(&n, 1);
	vec_remove(&n, n.n - 1);
	assert_int_equal(n.n, 2);
	assert_int_equal(n.v[0], 1);
	assert_int_equal(n.v[1], 3);
	vec_done(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows),
		cmocka_unit_test(adds_zeroed),
		cmocka_unit_test(removes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
