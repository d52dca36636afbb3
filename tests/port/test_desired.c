/* One suite for every adapter of ports/desired.h. */
#include "base/yaml.h"
#include "clients/git.h"
#include "flow/5-deploy/desired_adapters.h"
#include "port/checks.h"
#include "port/git_input.h"

#include <pthread.h>

#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static struct {
	bool fake;
	unsigned envs;
	char env[32];
	struct desired *d;
} bed;

static void bed_env(void)
{
	snprintf(bed.env, sizeof(bed.env), "env%u", ++bed.envs);
}

/* Borrowed texts: never released. */
static struct deploy deploy_of(const char *unit, const char *image, const char *previous)
{
	return (struct deploy){
		.environment = bed.env,
		.unit = (char *)(uintptr_t)unit,
		.image = (char *)(uintptr_t)image,
		.previous = (char *)(uintptr_t)previous,
		.replicas = 2,
		.port = 8080,
		.health = (char *)(uintptr_t) "/healthz",
	};
}

static char *write_ok(const struct deploy *want)
{
	struct pair said[] = {
		{(char *)(uintptr_t) "Penstock-Run", (char *)(uintptr_t) "run-7"},
		{(char *)(uintptr_t) "Reviewed-by", (char *)(uintptr_t) "Bob\nForged-by: Eve"}};
	const pairs trailers = {said, 2, 0};
	char *commit = NULL;

	OK(desired_write(bed.d, want, "orders to staging\nand more", &trailers, &commit, &err));
	assert_int_equal(strlen(commit), 40);
	return commit;
}

/* A person commits. */
static void edit(const char *unit, const char *image)
{
	if (bed.fake) {
		desired_fake_edit(bed.d, bed.env, unit, image);
		return;
	}
	sh("rm -rf person && git clone -q env/%s.git person && cd person && mkdir -p services && "
	   "printf 'service: %s\\nimage: %s\\n' > services/%s.yml && git add -A && git commit -qm 'by hand' && git push -q origin HEAD:main",
	   bed.env, unit, image, unit);
}

static void check_image(const char *unit, const char *want)
{
	AUTO(freep) char *image = NULL;

	OK(desired_image(bed.d, bed.env, unit, &image, &err));
	assert_true(streq(image, want));
}

static void nothing_yet(void **state)
{
	struct deploy a = deploy_of("orders", A, NULL);
	AUTO(strbuf_done) struct strbuf diff = STRBUF(10000);
	char hash[65];

	(void)state;
	bed_env();
	check_image("orders", NULL);
	OK(desired_plan(bed.d, &a, &diff, hash, &err));
	assert_non_null(strstr(strbuf_cstr(&diff), "--- /dev/null\n+++ b/services/orders.yml\n"));
	assert_non_null(
		strstr(strbuf_cstr(&diff),
		       "\n+image: " A
		       "\n+replicas: 2\n+port: 8080\n+health: \"/healthz\"\n+strategy: none\n"));
	check_image("orders", NULL);
}

static void plan_then_write(void **state)
{
	struct deploy a = deploy_of("orders", A, NULL), b = deploy_of("orders", B, A),
		      other = deploy_of("auth", C, NULL);
	AUTO(strbuf_done) struct strbuf diff = STRBUF(10000);
	char first[65], second[65], third[65];

	(void)state;
	bed_env();
	AUTO(freep) char *one = write_ok(&a);
	check_image("orders", A);
	AUTO(freep) char *same = write_ok(&a);
	assert_string_equal(one, same);
	OK(desired_plan(bed.d, &a, &diff, first, &err));
	assert_int_equal(diff.n, 0);
	OK(desired_plan(bed.d, &b, &diff, first, &err));
	assert_non_null(strstr(strbuf_cstr(&diff), "\n-image: " A "\n"));
	assert_non_null(strstr(strbuf_cstr(&diff), "\n+image: " B "\n"));
	OK(desired_plan(bed.d, &b, &diff, second, &err));
	assert_string_equal(first, second);
	b.replicas = 3;
	OK(desired_plan(bed.d, &b, &diff, third, &err));
	assert_string_not_equal(first, third);
	AUTO(freep) char *two = write_ok(&b);
	assert_string_not_equal(one, two);
	AUTO(freep) char *three = write_ok(&other);
	AUTO(freep)
	char *again = write_ok(&b); /* the commit that stands, though another came after it */
	assert_string_equal(two, again);
	check_image("orders", B);
	check_image("auth", C);
	AUTO(freep) char *back = write_ok(&a);
	assert_string_not_equal(back, one);
	check_image("orders", A);
}

static void people(void **state)
{
	struct deploy a = deploy_of("orders", A, NULL), b = deploy_of("orders", B, A),
		      c = deploy_of("orders", C, B);
	char *commit = NULL;

	(void)state;
	bed_env();
	AUTO(freep) char *one = write_ok(&a);
	edit("auth", C); /* another service: kept */
	AUTO(freep) char *two = write_ok(&b);
	check_image("auth", C);
	edit("orders", C);
	FAILS(RC_CONFLICT, desired_write(bed.d, &b, "s", NULL, &commit, &err));
	check_image("orders", C);
	AUTO(freep) char *three = write_ok(&c); /* the very image that they set */
	edit("orders", B);
	AUTO(freep) char *four = write_ok(&c); /* over the image that it comes from */
	edit("orders", A);
	struct err why = {0};
	assert_int_equal(desired_write(bed.d, &c, "s", NULL, &commit, &why), RC_CONFLICT);
	assert_non_null(strstr(why.msg, "Ann set orders"));
	assert_null(commit);
}

/* What an aborted first deploy left behind is in nobody's way. */
static void own_leftovers(void **state)
{
	struct deploy a = deploy_of("orders", A, NULL), b = deploy_of("orders", B, NULL);

	(void)state;
	bed_env();
	AUTO(freep) char *one = write_ok(&a);
	AUTO(freep) char *two = write_ok(&b);
	check_image("orders", B);
}

static void refused(void **state)
{
	static const struct {
		const char *why, *env, *unit, *image;
	} cases[] = {
		{"a path as environment", "../x", "orders", A},
		{"no environment", "", "orders", A},
		{"a path as unit", "e", "a/b", A},
		{"a hidden unit", "e", ".git", A},
		{"a tag", "e", "orders", "orders:latest"},
		{"a short digest", "e", "orders", "sha256:aaaa"},
		{"a digest without its name", "e", "orders", A + 7},
		{"no image", "e", "orders", NULL},
	};
	AUTO(strbuf_done) struct strbuf diff = STRBUF(10000);
	char hash[65], *commit = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct deploy d = deploy_of(cases[i].unit, cases[i].image, NULL);
		d.environment = (char *)(uintptr_t)cases[i].env;
		CHECK(desired_write(bed.d, &d, "s", NULL, &commit, &(struct err){0}) == RC_INVALID,
		      cases[i].why);
		CHECK(desired_plan(bed.d, &d, &diff, hash, &(struct err){0}) == RC_INVALID,
		      cases[i].why);
	}
}

/* ---- only the fake ---- */
static void failing(void **state)
{
	struct deploy a = deploy_of("orders", A, NULL);
	char *commit = NULL;

	(void)state;
	bed_env();
	desired_fake_fail(bed.d, 0, 2, RC_NO_SPACE);
	FAILS(RC_NO_SPACE, desired_write(bed.d, &a, "s", NULL, &commit, &err));
	FAILS(RC_NO_SPACE, desired_image(bed.d, bed.env, "orders", &commit, &err));
	check_image("orders", NULL);
	AUTO(freep) char *one = write_ok(&a);
}

/* ---- only the real one ---- */
static const char whole[] =
	"# Desired state of one service, written by Penstock.\n"
	"service: orders\nimage: " A
	"\nreplicas: 2\nport: 8080\nhealth: \"/healthz\"\nmemory: 1048576\n"
	"environment:\n  \"A\": \"no\"\n  \"Z\": \"say \\\"\\\\\\x0ahi\\\" \xc3\xa4\"\n"
	"secrets:\n  \"TOKEN\": \"file:token\"\ncalls:\n  - \"auth\"\nstrategy: none\n";

static void real_file(void **state)
{
	struct deploy a = deploy_of("orders", A, NULL);
	struct pair env[] = {
		{(char *)(uintptr_t) "Z", (char *)(uintptr_t) "say \"\\\nhi\" \xc3\xa4"},
		{(char *)(uintptr_t) "A", (char *)(uintptr_t) "no"}};
	struct pair secrets[] = {{(char *)(uintptr_t) "TOKEN", (char *)(uintptr_t) "file:token"}};
	char *calls[] = {(char *)(uintptr_t) "auth"};
	AUTO(strbuf_done) struct strbuf text = STRBUF(10000);
	AUTO(yaml_freep) struct yaml *doc = NULL;

	(void)state;
	bed_env();
	a.memory = 1048576;
	a.env = (pairs){env, 2, 0};
	a.secrets = (pairs){secrets, 1, 0};
	a.consumers = (texts){calls, 1, 0};
	AUTO(freep) char *commit = write_ok(&a);
	sh("git -C env/%s.git show main:services/orders.yml > file", bed.env);
	OK(file_read("file", 10000, &text, &err));
	assert_string_equal(strbuf_cstr(&text), whole);
	OK(yaml_read(strbuf_str(&text), "file", &doc, &err));
	const struct yaml_node *z = yaml_get(yaml_get(yaml_root(doc), "environment"), "Z");
	assert_true(str_is(z->text, "say \"\\\nhi\" \xc3\xa4"));
	assert_string_equal(
		sh("git -C env/%s.git log -1 --format='%%an %%ae %%cn %%ce %%s' main", bed.env),
		"Penstock penstock@localhost Penstock penstock@localhost orders to staging and more");
	assert_string_equal(
		sh("git -C env/%s.git log -1 --format='%%(trailers:only,unfold)' main | tr '\\n' '|'",
		   bed.env),
		"Penstock-Run: run-7|Reviewed-by: Bob Forged-by: Eve||");
	assert_string_equal(sh("git -C env/%s.git rev-parse main", bed.env), commit);
	sh("git -C env/%s.git fsck --full --strict", bed.env);
}

static void real_broken(void **state)
{
	struct deploy a = deploy_of("orders", A, NULL);
	char *commit = NULL;

	(void)state;
	bed_env();
	AUTO(freep) char *one = write_ok(&a);
	sh("rm -rf person && git clone -q env/%s.git person && cd person && printf 'image: [\\n' > services/orders.yml && git commit -qam x && "
	   "git push -q origin HEAD:main",
	   bed.env);
	FAILS(RC_CONFLICT, desired_write(bed.d, &a, "s", NULL, &commit, &err));
	FAILS(RC_INVALID, desired_image(bed.d, bed.env, "orders", &commit, &err));
	assert_null(commit);
}

#define WRITERS 4
#define WRITES  10

static void *write_many(void *ctx)
{
	struct desired *d = NULL;
	AUTO(freep) char *dir = xasprintf("%s/env", input_dir);
	size_t failures = desired_git_new(dir, &d, NULL) != RC_OK;

	for (unsigned i = 0; i < WRITES && !failures; i++) {
		char unit[32], *commit = NULL;
		snprintf(unit, sizeof(unit), "unit-%u-%u", *(unsigned *)ctx, i);
		struct deploy a = deploy_of(unit, A, NULL);
		failures += desired_write(d, &a, "s", NULL, &commit, NULL) != RC_OK;
		xfree(commit);
	}
	desired_free(d);
	return failures ? ctx : NULL;
}

/* Nobody's file is lost when several write at once. */
static void real_race(void **state)
{
	pthread_t threads[WRITERS];
	unsigned ids[WRITERS];
	struct deploy first = deploy_of("first", A, NULL);
	bool failed = false;

	(void)state;
	bed_env();
	first.environment = bed.env;
	AUTO(freep) char *one = write_ok(&first);
	for (unsigned i = 0; i < WRITERS; i++) {
		ids[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, write_many, &ids[i]), 0);
	}
	for (unsigned i = 0; i < WRITERS; i++) {
		void *ret = NULL;
		pthread_join(threads[i], &ret);
		failed |= ret != NULL;
	}
	assert_false(failed);
	assert_string_equal(sh("git -C env/%s.git ls-tree -r main | wc -l", bed.env), "41");
	assert_string_equal(sh("git -C env/%s.git rev-list main | wc -l", bed.env), "41");
}

static int begin_git(void **state)
{
	input_begin(state);
	AUTO(freep) char *dir = xasprintf("%s/env", input_dir);
	bed.fake = false;
	OK(desired_git_new(dir, &bed.d, &err));
	return 0;
}

static int begin_fake(void **state)
{
	input_begin(state);
	bed.fake = true;
	OK(desired_fake_new(&bed.d, &err));
	return 0;
}

static int end(void **state)
{
	desired_free(bed.d);
	return input_end(state);
}

#define SUITE                                                              \
	cmocka_unit_test(nothing_yet), cmocka_unit_test(plan_then_write),  \
		cmocka_unit_test(people), cmocka_unit_test(own_leftovers), \
		cmocka_unit_test(refused)

int main(void)
{
	const struct CMUnitTest git[] = {SUITE, cmocka_unit_test(real_file),
					 cmocka_unit_test(real_broken),
					 cmocka_unit_test(real_race)};
	const struct CMUnitTest fake[] = {SUITE, cmocka_unit_test(failing)};

	return cmocka_run_group_tests_name("git", git, begin_git, end) +
	       cmocka_run_group_tests_name("fake", fake, begin_fake, end);
}
