/* One suite for all providers of secrets. */
#include "secrets/adapters.h"
#include "unit/unit.h"

#include "base/mem.h"
#include "io/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/penstock-secret-XXXXXX";

static void write_secret(const char *name, struct str value, unsigned mode)
{
	AUTO(freep) char *path = xasprintf("%s/secrets/%s", folder, name);
	struct err err = {0};

	if (file_write_fast(path, value, mode, &err) != RC_OK || chmod(path, mode) != 0)
		fail_msg("%s", err.msg);
}

static void suite(struct secret *s)
{
	static const struct {
		const char *reference;
		enum rc want;
		const char *value;
	} cases[] = {
		{"file:TOKEN", RC_OK, "abc def"},    {"file:db-password", RC_OK, "p\"1\nline two"},
		{"file:NONE", RC_NOT_FOUND, NULL},   {"file:", RC_INVALID, NULL},
		{"file:../TOKEN", RC_INVALID, NULL}, {"file:a/b", RC_INVALID, NULL},
		{"file:.hidden", RC_INVALID, NULL},  {"vault:TOKEN", RC_INVALID, NULL},
		{"TOKEN", RC_INVALID, NULL},         {"", RC_INVALID, NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct strbuf value = STRBUF(1000);
		struct err err = {0};
		assert_int_equal(secret_get(s, cases[i].reference, &value, &err), cases[i].want);
		CHECK_STR(strbuf_cstr(&value), cases[i].value ? cases[i].value : "",
			  cases[i].reference);
		CHECK((cases[i].want == RC_OK) == !err.msg[0], cases[i].reference);
		strbuf_done(&value);
	}
	secret_free(s);
}

static void fake_suite(void **state)
{
	static const char *const pairs[] = {"TOKEN", "abc def", "db-password", "p\"1\nline two",
					    NULL};

	(void)state;
	suite(secret_fake_new(pairs));
}

static void file_suite(void **state)
{
	(void)state;
	write_secret("TOKEN", STR("abc def\n"), 0600);
	write_secret("db-password", STR("p\"1\nline two"), 0400);
	suite(secret_file_new(folder));
}

static void refused(void **state)
{
	static const struct {
		const char *name;
		enum rc want;
	} cases[] = {{"open", RC_DENIED},
		     {"empty", RC_INVALID},
		     {"big", RC_TOO_BIG},
		     {"folder", RC_INVALID},
		     {"link", RC_UNAVAILABLE}};
	struct secret *s = secret_file_new(folder);
	struct strbuf big = STRBUF(70000);
	AUTO(freep) char *dir = xasprintf("%s/secrets/folder", folder);
	AUTO(freep) char *link = xasprintf("%s/secrets/link", folder);

	(void)state;
	while (big.n < 66000)
		strbuf_addc(&big, 'x');
	write_secret("open", STR("abc"), 0640);
	write_secret("empty", STR("\n"), 0600);
	write_secret("big", strbuf_str(&big), 0600);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(symlink("TOKEN", link), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(freep) char *reference = xasprintf("file:%s", cases[i].name);
		struct strbuf value = STRBUF(100000);
		struct err err = {0};
		CHECK(secret_get(s, reference, &value, &err) == cases[i].want, err.msg);
		CHECK(!value.n, reference);
		strbuf_done(&value);
	}
	strbuf_done(&big);
	secret_free(s);
}

/* ---- names, and why one cannot be used; never a value ---- */

struct seen {
	struct strbuf names;
	size_t n, changed;
};

static void note(void *ctx, const char *name, usec_t changed, const char *problem)
{
	struct seen *seen = ctx;

	strbuf_addf(&seen->names, "[%s%s%.9s]", name, problem ? ": " : "",
		    !problem                       ? ""
		    : strstr(problem, "by others") ? "by others"
		    : strstr(problem, "is empty")  ? "is empty"
		    : strstr(problem, "not a reg") ? "not a reg"
						   : problem);
	seen->n++;
	seen->changed += changed > 0;
}

static void has_name(struct seen *seen, const char *want)
{
	CHECK(strstr(strbuf_cstr(&seen->names), want) != NULL, want);
}

static void names(void **state)
{
	static const char *const pairs[] = {"TOKEN", "abc def", "db-password", "x", NULL};
	static const char *const nobody[] = {NULL};
	static const char *const want[] = {
		"[TOKEN]",           "[db-password]",       "[big]",
		"[open: by others]", "[folder: not a reg]", "[link: not a reg]"};
	struct seen file = {.names = STRBUF(4096)}, fake = {.names = STRBUF(4096)};
	struct secret *s = secret_file_new(folder), *f = secret_fake_new(pairs),
		      *none = secret_fake_new(nobody), *away = secret_file_new("/nowhere/at/all");
	struct err err = {0};

	(void)state;
	write_secret(".hidden", STR("x"), 0600);
	write_secret("really-empty", STR(""), 0600);
	assert_int_equal(secret_names(s, note, &file, &err), RC_OK);
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		has_name(&file, want[i]);
	has_name(&file, "[really-empty: is empty]");
	CHECK(!strstr(strbuf_cstr(&file.names), "hidden"),
	      "what cannot be referred to is no secret");
	CHECK(!strstr(strbuf_cstr(&file.names), "abc"), "no value");
	CHECK(file.changed == file.n, "each with its time");
	assert_int_equal(secret_names(f, note, &fake, &err), RC_OK);
	CHECK_STR(strbuf_cstr(&fake.names), "[TOKEN][db-password]", "of the fake");
	size_t before = fake.n;
	assert_int_equal(secret_names(none, note, &fake, &err), RC_OK);
	assert_int_equal(secret_names(away, note, &fake, &err), RC_OK); /* nobody wrote one */
	CHECK(fake.n == before, "none");
	secret_free(s);
	secret_free(f);
	secret_free(none);
	secret_free(away);
	strbuf_done(&file.names);
	strbuf_done(&fake.names);
}

static int make_folder(void **state)
{
	AUTO(freep) char *dir = NULL;
	struct err err = {0};

	(void)state;
	assert_non_null(mkdtemp(folder));
	dir = xasprintf("%s/secrets", folder);
	return dir_make(dir, 0700, &err) == RC_OK ? 0 : -1;
}

static int remove_folder(void **state)
{
	struct err err = {0};

	(void)state;
	return tree_remove(folder, &err) == RC_OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(fake_suite),
					   cmocka_unit_test(file_suite), cmocka_unit_test(refused),
					   cmocka_unit_test(names)};

	return cmocka_run_group_tests_name("secret", tests, make_folder, remove_folder);
}
