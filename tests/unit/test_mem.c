#include "unit.h"
#include "base/mem.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void copies(void **state)
{
	(void)state;
	AUTO(freep) char *whole = xstrdup("text"), *part = xstrndup("text", 2);
	AUTO(freep) char *longer = xstrndup("ab\0cd", 5), *made = xasprintf("%s-%d", "a", 7);
	AUTO(freep) char *none = xstrndup(NULL, 0);

	assert_string_equal(whole, "text");
	assert_string_equal(part, "te");
	assert_string_equal(longer, "ab");
	assert_string_equal(made, "a-7");
	assert_string_equal(none, "");
}

static void nothing_is_still_something(void **state)
{
	(void)state;
	void *p = xmalloc(0), *q = xcalloc(0, 8);

	assert_non_null(p);
	assert_non_null(q);
	p = xrealloc(p, 0);
	assert_non_null(p);
	xfree(p);
	xfree(q);
	xfree(NULL);
	char *nothing = NULL;
	freep(&nothing);
}

static void zeroed_and_wiped(void **state)
{
	static const char zero[16];
	AUTO(freep) char *p = xcalloc(4, 4);

	(void)state;
	assert_memory_equal(p, zero, 16);
	memset(p, 'x', 16);
	mem_wipe(p, 16);
	assert_memory_equal(p, zero, 16);
	mem_wipe(NULL, 0);
}

/* What cannot be had ends the process, with a word about it. */
static bool aborts(void (*f)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		close(STDERR_FILENO);
		f();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) ||
	       (WIFEXITED(status) && WEXITSTATUS(status) != 0);
}

static void ask_for_too_much(void)
{
	volatile size_t half = SIZE_MAX / 2 + 1;

	xfree(xcalloc(half, 2));
}

static void have_a_bug(void)
{
	BUG_ON(1 + 1 == 2);
}

static void too_much_aborts(void **state)
{
	(void)state;
	assert_true(aborts(ask_for_too_much));
	assert_true(aborts(have_a_bug));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies),
		cmocka_unit_test(nothing_is_still_something),
		cmocka_unit_test(zeroed_and_wiped),
		cmocka_unit_test(too_much_aborts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
