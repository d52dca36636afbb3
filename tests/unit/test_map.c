#include "unit.h"
#include "base/map.h"
#include "base/mem.h"

#include <stdio.h>

static struct str key_of(unsigned i, char text[16])
{
	return (struct str){text, (size_t)snprintf(text, 16, "k%u", i)};
}

static void put_get_del(void **state)
{
	AUTO(map_done) struct map m = {0};
	int one, two;

	(void)state;
	assert_null(map_get(&m, STR("a")));
	assert_null(map_del(&m, STR("a")));
	assert_null(map_put(&m, STR("a"), &one));
	assert_ptr_equal(map_get(&m, STR("a")), &one);
	assert_ptr_equal(map_put(&m, STR("a"), &two), &one);
	assert_null(map_put(&m, STR(""), &one));
	assert_ptr_equal(map_get(&m, STR("")), &one);
	assert_int_equal(m.n, 2);
	assert_ptr_equal(map_del(&m, STR("a")), &two);
	assert_null(map_get(&m, STR("a")));
	assert_int_equal(m.n, 1);
}

/* Against a plain array, through growth, holes and rebuilds; the walk is in the order of insertion. */
static void like_an_array(void **state)
{
	AUTO(map_done) struct map m = {0};
	static uint64_t value[4000];
	static bool in[4000];
	unsigned random = 1;
	char text[16];
	size_t n = 0;

	(void)state;
	for (uint64_t step = 1; step < 100000; step++) {
		random = random * 1664525u + 1013904223u;
		unsigned k = random >> 20;
		if (k >= ARRAY_LEN(in))
			continue;
		struct str key = key_of(k, text);
		void *want = in[k] ? &value[k] : NULL;
		assert_ptr_equal(map_get(&m, key), want);
		if (random & 1 << 5) {
			assert_ptr_equal(map_put(&m, key, &value[k]), want);
			if (!in[k])
				value[k] = step;
			n += !in[k];
			in[k] = true;
		} else {
			assert_ptr_equal(map_del(&m, key), want);
			n -= in[k];
			in[k] = false;
		}
		assert_int_equal(m.n, n);
	}
	uint64_t last = 0;
	size_t walked = 0;
	for (struct map_entry *e = NULL; (e = map_next(&m, e));) {
		uint64_t when = *(uint64_t *)e->value;
		assert_true(when > last);
		last = when;
		walked++;
	}
	assert_int_equal(walked, n);
}

static void delete_while_walking(void **state)
{
	AUTO(map_done) struct map m = {0};
	char text[16];
	int value, left = 0;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		map_put(&m, key_of(i, text), &value);
	for (struct map_entry *e = NULL; (e = map_next(&m, e));)
		if (e->key[strlen(e->key) - 1] != '7')
			map_del(&m, str_of(e->key));
	for (struct map_entry *e = NULL; (e = map_next(&m, e)); left++)
		assert_int_equal(e->key[strlen(e->key) - 1], '7');
	assert_int_equal(left, 10);
}

static void the_caller_keeps_its_key(void **state)
{
	AUTO(map_done) struct map m = {0};
	char key[] = "abc";
	int value;

	(void)state;
	map_put(&m, (struct str){key, 2}, &value);
	key[0] = 'x';
	assert_ptr_equal(map_get(&m, STR("ab")), &value);
	map_done(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(put_get_del),
		cmocka_unit_test(like_an_array),
		cmocka_unit_test(delete_while_walking),
		cmocka_unit_test(the_caller_keeps_its_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
