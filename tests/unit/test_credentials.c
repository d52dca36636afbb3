/* Tokens kept by server, and where a token may go. */
#include "cli/credentials.h"
#include "unit.h"

#include "base/mem.h"
#include "io/files.h"

#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/penstock-credentials-XXXXXX";

static void urls(void **state)
{
	static const struct {
		const char *url;
		bool safe, insecure;
	} cases[] = {
		{"https://ci.example", true, true},
		{"http://127.0.0.1:7400", true, true},
		{"http://127.0.0.1", true, true},
		{"http://localhost/x", true, true},
		{"http://[::1]:7400", true, true},
		{"http://ci.example", false, true},
		{"http://localhost.ci.example", false, true},
		{"http://127.0.0.1.ci.example", false, true},
		{"http://127.0.0.10", false, true},
		{"http://127.0.0.1:1@ci.example", false, false},
		{"https://ann:word@ci.example", false, false},
		{"https://ci.example/a@b", true, true},
		{"ftp://127.0.0.1", false, false},
		{"ci.example", false, false},
		{"", false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};

		CHECK((url_is_safe(cases[i].url, false, &err) == RC_OK) == cases[i].safe,
		      cases[i].url);
		CHECK((url_is_safe(cases[i].url, true, &err) == RC_OK) == cases[i].insecure,
		      cases[i].url);
	}
}

static void kept(void **state)
{
	struct credentials c = {0}, again = {0};
	struct err err = {0};
	struct stat st;

	(void)state;
	assert_int_equal(credentials_read(&c, &err), RC_OK);
	CHECK(!c.list.n, "no file: none");
	credentials_set(&c, "https://a/", "pst_1", "tok-1");
	credentials_set(&c, "https://b", "pst_2", NULL);
	credentials_set(&c, "https://a", "pst_3", "tok-3");
	CHECK(c.list.n == 2, "one for each server, with or without a slash");
	assert_int_equal(credentials_write(&c, &err), RC_OK);
	assert_int_equal(stat(c.path, &st), 0);
	CHECK((st.st_mode & 0777) == 0600, "nobody else reads it");
	assert_int_equal(credentials_read(&again, &err), RC_OK);
	const struct credential *a = credentials_find(&again, "https://a//"),
				*b = credentials_find(&again, "https://b");
	assert_non_null(a);
	assert_non_null(b);
	CHECK_STR(a->token, "pst_3", "the newest");
	CHECK_STR(a->id, "tok-3", "with its id");
	CHECK(!b->id, "one that was brought has none");
	CHECK(!credentials_find(&again, "https://c"), "another server");
	credentials_drop(&again, a);
	CHECK(!credentials_find(&again, "https://a"), "dropped");
	credentials_done(&c);
	credentials_done(&again);
}

static void broken(void **state)
{
	static const struct {
		const char *text;
		unsigned mode;
		enum rc want;
	} cases[] = {
		{"{\"servers\":[]}", 0600, RC_OK},
		{"{}", 0600, RC_OK},
		{"{\"servers\":[{\"server\":\"https://a\",\"token\":\"x\"}]}", 0644, RC_DENIED},
		{"{\"servers\":[{\"server\":\"https://a\"}]}", 0600, RC_CORRUPT},
		{"{\"servers\":[{\"token\":\"x\"}]}", 0600, RC_CORRUPT},
		{"{\"servers\":[{\"server\":\"https://a\",\"token\":\"x\\r\\ny: z\"}]}", 0600,
		 RC_CORRUPT},
		{"{\"servers\":[7]}", 0600, RC_CORRUPT},
	};
	AUTO(freep) char *path = xasprintf("%s/penstock/credentials.json", folder);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct credentials c = {0};
		struct err err = {0};

		assert_int_equal(file_write(path, str_of(cases[i].text), 0600, &err), RC_OK);
		assert_int_equal(chmod(path, cases[i].mode), 0);
		CHECK(credentials_read(&c, &err) == cases[i].want, cases[i].text);
		CHECK(cases[i].want == RC_OK || strstr(err.msg, path), "it says which file");
		credentials_done(&c);
	}
}

static int make_folder(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	return setenv("XDG_CONFIG_HOME", folder, 1);
}

static int remove_folder(void **state)
{
	struct err err = {0};

	(void)state;
	return tree_remove(folder, &err) == RC_OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(urls), cmocka_unit_test(kept),
					   cmocka_unit_test(broken)};

	return cmocka_run_group_tests_name("credentials", tests, make_folder, remove_folder);
}
