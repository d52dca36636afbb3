/* The likely cause, out of logs as the tools print them. */
#include "unit/unit.h"

#include "base/mem.h"
#include "flow/2-build/reports.h"

struct known {
	const char *tool, *log, *want;
};

static const struct known
	logs
		[] =
			{
				{"make, gcc",
				 "make[1]: Entering directory '/repo/a'\ncc -c -o main.o main.c\n"
				 "main.c: In function 'main':\n"
				 "main.c:7:2: warning: implicit declaration of function 'puts'\n"
				 "main.c:9:9: error: 'x' undeclared (first use in this function)\n    9 |  return x;\n      |         ^\n"
				 "main.c:9:9: note: each undeclared identifier is reported only once\n"
				 "main.c:12:1: error: expected ';' before '}' token\n"
				 "make[1]: *** [Makefile:3: main.o] Error 1\nmake: *** [Makefile:9: all] Error 2\n",
				 "main.c:9:9: error: 'x' undeclared (first use in this function)\n    9 |  return x;\n      |         ^\n"
				 "main.c:12:1: error: expected ';' before '}' token"},
				{"clang, in colour",
				 "\033[1mmain.c:3:5: \033[0m\033[0;1;31merror: \033[0m\033[1muse of undeclared identifier 'y'\033[0m\r\n    y = 1;\r\n\033[0;1;32m    ^\r\n1 error generated.\n",
				 "main.c:3:5: error: use of undeclared identifier 'y'"},
				{"the linker",
				 "cc -o app main.o\n/usr/bin/ld: main.o: in function `main':\nmain.c:(.text+0x5): undefined reference to `twice'\n"
				 "collect2: error: ld returned 1 exit status\nmake: *** [Makefile:2: app] Error 1\n",
				 "main.c:(.text+0x5): undefined reference to `twice'"},
				{"tsc",
				 "> web@1.0.0 build\n> tsc -p .\n\nsrc/app.ts(12,7): error TS2322: Type 'string' is not assignable to type 'number'.\n"
				 "src/b.ts:3:1 - error TS2304: Cannot find name 'q'.\nnpm ERR! code ELIFECYCLE\nnpm ERR! errno 2\n",
				 "src/app.ts(12,7): error TS2322: Type 'string' is not assignable to type 'number'.\n"
				 "src/b.ts:3:1 - error TS2304: Cannot find name 'q'."},
				{"eslint",
				 "\n/repo/web/src/a.js\n  3:5   error    'x' is not defined  no-undef\n  9:1   warning  Unexpected console  no-console\n\n2 problems (1 error, 1 warning)\n",
				 "/repo/web/src/a.js\n  3:5   error    'x' is not defined  no-undef"},
				{"jest",
				 "FAIL src/sum.test.js\n  \xe2\x9c\x95 adds (3 ms)\n\n  \xe2\x97\x8f sum \xe2\x80\xba adds\n\n    expect(received).toBe(expected) // Object.is equality\n\n"
				 "    Expected: 4\n    Received: 3\n\n      2 | test('adds', () => {\n    > 3 |   expect(sum(1, 2)).toBe(4);\n        |                     ^\n\n"
				 "      at Object.toBe (src/sum.test.js:3:21)\n      at internal (node:1:2)\n\nTest Suites: 1 failed, 1 total\nTests:       1 failed, 1 total\n",
				 "  \xe2\x97\x8f sum \xe2\x80\xba adds\n    expect(received).toBe(expected) // Object.is equality\n    Expected: 4\n    Received: 3\n"
				 "      2 | test('adds', () => {\n    > 3 |   expect(sum(1, 2)).toBe(4);\n        |                     ^\n      at Object.toBe (src/sum.test.js:3:21)"},
				{"vitest",
				 " \xe2\x9d\xaf src/sum.test.ts (1 test | 1 failed) 5ms\n\n\xe2\x8e\xaf\xe2\x8e\xaf Failed Tests 1 \xe2\x8e\xaf\xe2\x8e\xaf\n\n FAIL  src/sum.test.ts > sum > adds\n"
				 "AssertionError: expected 3 to be 4 // Object.is equality\n\n- Expected\n+ Received\n\n- 4\n+ 3\n\n \xe2\x9d\xaf src/sum.test.ts:5:19\n"
				 "\xe2\x8e\xaf\xe2\x8e\xaf[1/1]\xe2\x8e\xaf\n\n Test Files  1 failed (1)\n",
				 " FAIL  src/sum.test.ts > sum > adds\nAssertionError: expected 3 to be 4 // Object.is equality\n- Expected\n+ Received\n- 4\n+ 3\n"
				 " \xe2\x9d\xaf src/sum.test.ts:5:19"},
				{"pytest",
				 "collected 2 items\n\ntests/test_sum.py .F   [100%]\n\n=========== FAILURES ===========\n___________ test_adds __________\n\n    def test_adds():\n"
				 ">       assert add(1, 2) == 4\nE       assert 3 == 4\nE        +  where 3 = add(1, 2)\n\ntests/test_sum.py:5: AssertionError\n"
				 "=========== short test summary info ==========\nFAILED tests/test_sum.py::test_adds - assert 3 == 4\n1 failed, 1 passed in 0.02s\n",
				 "test_adds\n>       assert add(1, 2) == 4\nE       assert 3 == 4\nE        +  where 3 = add(1, 2)\ntests/test_sum.py:5: AssertionError"},
				{"go test",
				 "ok  \texample.org/a\t0.002s\n--- FAIL: TestAdd (0.00s)\n    --- FAIL: TestAdd/negative (0.00s)\n        add_test.go:12: got 3, want 4\nFAIL\nFAIL\texample.org/b\t0.003s\nFAIL\n",
				 "--- FAIL: TestAdd (0.00s)\n    --- FAIL: TestAdd/negative (0.00s)\n        add_test.go:12: got 3, want 4"},
				{"go build",
				 "# example.org/b\n./b.go:7:9: undefined: foo\nmake: *** [Makefile:1: b] Error 1\n",
				 "./b.go:7:9: undefined: foo"},
				{"go panic",
				 "panic: runtime error: index out of range [3] with length 3\n\ngoroutine 1 [running]:\nmain.main()\n\t/repo/main.go:6 +0x1d\nexit status 2\n",
				 "panic: runtime error: index out of range [3] with length 3\ngoroutine 1 [running]:\nmain.main()\n\t/repo/main.go:6 +0x1d"},
				{"cargo test",
				 "running 2 tests\ntest tests::ok ... ok\ntest tests::adds ... FAILED\n\nfailures:\n\n---- tests::adds stdout ----\n\n"
				 "thread 'tests::adds' panicked at src/lib.rs:12:9:\nassertion `left == right` failed\n  left: 3\n right: 4\nnote: run with `RUST_BACKTRACE=1`\n\n\n"
				 "failures:\n    tests::adds\n\ntest result: FAILED. 1 passed; 1 failed\n\nerror: test failed, to rerun pass `--lib`\n",
				 "---- tests::adds stdout ----\nthread 'tests::adds' panicked at src/lib.rs:12:9:\nassertion `left == right` failed\n  left: 3\n right: 4"},
				{"rustc",
				 "   Compiling a v0.1.0 (/repo)\nerror[E0308]: mismatched types\n --> src/main.rs:2:18\n  |\n2 |     let x: i32 = \"a\";\n  |            ---   ^^^ expected `i32`, found `&str`\n\n"
				 "error: could not compile `a` (bin \"a\") due to 1 previous error\n",
				 "error[E0308]: mismatched types\n --> src/main.rs:2:18\n  |\n2 |     let x: i32 = \"a\";\n  |            ---   ^^^ expected `i32`, found `&str`"},
				{"maven",
				 "[INFO] Running org.x.SumTest\n[ERROR] Tests run: 2, Failures: 1, Errors: 0, Skipped: 0, Time elapsed: 0.05 s <<< FAILURE! -- in org.x.SumTest\n"
				 "[ERROR] org.x.SumTest.adds -- Time elapsed: 0.01 s <<< FAILURE!\norg.opentest4j.AssertionFailedError: expected: <4> but was: <3>\n"
				 "\tat org.junit.jupiter.api.AssertEquals.fail(AssertEquals.java:1)\n\tat org.x.SumTest.adds(SumTest.java:12)\n\n[ERROR] Failures: \n[ERROR]   SumTest.adds:12 expected: <4> but was: <3>\n[INFO] BUILD FAILURE\n",
				 "[ERROR] org.x.SumTest.adds -- Time elapsed: 0.01 s <<< FAILURE!\norg.opentest4j.AssertionFailedError: expected: <4> but was: <3>\n"
				 "\tat org.junit.jupiter.api.AssertEquals.fail(AssertEquals.java:1)"},
				{"maven's compiler",
				 "[ERROR] COMPILATION ERROR : \n[ERROR] /repo/src/main/java/App.java:[12,9] cannot find symbol\n[ERROR]   symbol: class Foo\n[INFO] BUILD FAILURE\n", "[ERROR] /repo/src/main/java/App.java:[12,9] cannot find symbol"},
				{"gradle",
				 "> Task :test FAILED\n\nSumTest > adds() FAILED\n    org.opentest4j.AssertionFailedError: expected: <4> but was: <3>\n        at app//SumTest.adds(SumTest.java:9)\n\n2 tests completed, 1 failed\n\n"
				 "FAILURE: Build failed with an exception.\n",
				 "SumTest > adds() FAILED\n    org.opentest4j.AssertionFailedError: expected: <4> but was: <3>\n        at app//SumTest.adds(SumTest.java:9)"},
				{"ctest",
				 "Test project /repo/build\n    Start 1: sum\n1/2 Test #1: sum ..............***Failed    0.01 sec\nwanted 4, got 3\n    Start 2: ok\n2/2 Test #2: ok ...............   Passed    0.01 sec\n\n"
				 "50% tests passed, 1 tests failed out of 2\n\nThe following tests FAILED:\n\t  1 - sum (Failed)\nErrors while running CTest\n",
				 "1/2 Test #1: sum ..............***Failed    0.01 sec\nwanted 4, got 3"},
				{"cmocka",
				 "[==========] Running 2 test(s).\n[ RUN      ] adds\n[  ERROR   ] --- 0x3 != 0x4\n[   LINE   ] --- ../tests/t.c:9: error: Failure!\n[  FAILED  ] adds\n"
				 "[ RUN      ] ok\n[       OK ] ok\n[==========] 2 test(s) run.\n[  FAILED  ] 1 test(s), listed below:\n[  FAILED  ] adds\n",
				 "[  ERROR   ] --- 0x3 != 0x4\n[   LINE   ] --- ../tests/t.c:9: error: Failure!\n[  FAILED  ] adds"},
				{"googletest",
				 "[ RUN      ] Sum.Adds\n/repo/t.cc:8: Failure\nExpected equality of these values:\n  add(1, 2)\n    Which is: 3\n  4\n[  FAILED  ] Sum.Adds (0 ms)\n",
				 "/repo/t.cc:8: Failure\nExpected equality of these values:\n  add(1, 2)\n    Which is: 3\n  4\n[  FAILED  ] Sum.Adds (0 ms)"},
				{"unittest",
				 "F.\n======\nFAIL: test_add (t.T.test_add)\n----------------------------------------------------------------------\nTraceback (most recent call last):\n"
				 "  File \"/repo/t.py\", line 5, in test_add\n    self.assertEqual(3, 4)\nAssertionError: 3 != 4\n\n------\nRan 2 tests\n",
				 "FAIL: test_add (t.T.test_add)\n  File \"/repo/t.py\", line 5, in test_add\n    self.assertEqual(3, 4)\nAssertionError: 3 != 4"},
				{"mocha",
				 "  sum\n    1) adds\n\n\n  0 passing (5ms)\n  1 failing\n\n  1) sum\n       adds:\n\n      AssertionError [ERR_ASSERTION]: 3 == 4\n      + expected - actual\n\n      -3\n      +4\n\n"
				 "      at Context.<anonymous> (test/sum.js:5:12)\n      at process (node:1:1)\n",
				 "  1 failing\n  1) sum\n       adds:\n      AssertionError [ERR_ASSERTION]: 3 == 4\n      + expected - actual\n      -3\n      +4\n      at Context.<anonymous> (test/sum.js:5:12)"},
				{"node --test",
				 "# Subtest: adds\nnot ok 1 - adds\n  ---\n  error: '3 != 4'\n  code: 'ERR_ASSERTION'\n  ...\n1..1\n",
				 "not ok 1 - adds\n  error: '3 != 4'\n  code: 'ERR_ASSERTION'"},
				{"a traceback of Python",
				 "starting\nTraceback (most recent call last):\n  File \"/repo/a.py\", line 9, in <module>\n    main()\n  File \"/repo/a.py\", line 5, in main\n    open('x')\n"
				 "FileNotFoundError: [Errno 2] No such file or directory: 'x'\nmake: *** [Makefile:1: run] Error 1\n",
				 "Traceback (most recent call last):\n  File \"/repo/a.py\", line 9, in <module>\n    main()\n  File \"/repo/a.py\", line 5, in main\n    open('x')\n"
				 "FileNotFoundError: [Errno 2] No such file or directory: 'x'"},
				{"Node's exception",
				 "/repo/a.js:3\n  x.y();\n    ^\n\nTypeError: x.y is not a function\n    at Object.<anonymous> (/repo/a.js:3:5)\n    at Module._compile (node:1:1)\n    at more (node:2:2)\n\nNode.js v18.0.0\n",
				 "/repo/a.js:3\n  x.y();\n    ^\nTypeError: x.y is not a function\n    at Object.<anonymous> (/repo/a.js:3:5)\n    at Module._compile (node:1:1)"},
				{"npm itself",
				 "npm warn config nodedir is unknown\nnpm error code EUSAGE\nnpm error\nnpm error The `npm ci` command can only install with an existing package-lock.json or\n"
				 "npm error npm-shrinkwrap.json with lockfileVersion >= 1.\nnpm notice\nnpm notice New minor version of npm available!\nnpm error A complete log of this run can be found in: /tmp/x.log\n",
				 "npm error code EUSAGE\nnpm error The `npm ci` command can only install with an existing package-lock.json or\nnpm error npm-shrinkwrap.json with lockfileVersion >= 1."},
				{"an assertion of C",
				 "app: t.c:4: main: Assertion `x == 1' failed.\nAborted (core dumped)\nmake: *** [Makefile:4: test] Error 134\n",
				 "app: t.c:4: main: Assertion `x == 1' failed."},
				{"make alone",
				 "gen > out\nnothing good came of it\nmake: *** [Makefile:7: out] Error 3\n",
				 "gen > out\nnothing good came of it\nmake: *** [Makefile:7: out] Error 3"},
				{"what npm ran",
				 "> web@1.0.0 build\n> gen\n\nnothing good came of it\nnpm error Lifecycle script `build` failed with error:\nnpm error code 1\nnpm error path /repo/web\n",
				 "> web@1.0.0 build\n> gen\nnothing good came of it\nnpm error Lifecycle script `build` failed with error:\nnpm error code 1"},
				{"a shell", "begin\nsh: 1: frobnicate: not found\n",
				 "sh: 1: frobnicate: not found"},
				{"a file that strict hides",
				 "cat: ../penstock.yml: No such file or directory\n[penstock] strict: true: this job sees only what it declares\n",
				 "cat: ../penstock.yml: No such file or directory\n[penstock] strict: true: this job sees only what it declares"},
				{"nothing known",
				 "one\ntwo\n\nthree\n[penstock] it did not end within 5 s\n",
				 "one\ntwo\nthree"},
				{"progress bars", "fetch   1%\rfetch  50%\rfetch 100%\ndone\n",
				 "fetch 100%\ndone"},
				{"an empty log", "", ""},
};

static void find(const char *log, const struct report *r, struct strbuf *out)
{
	struct cause_ask ask = {.log = str_of(log), .report = r, .exit = 1};

	cause_find(&ask, out);
}

static void tools(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(logs); i++) {
		AUTO(strbuf_done) struct strbuf out = STRBUF(CAUSE_MAX);
		find(logs[i].log, NULL, &out);
		CHECK_STR(strbuf_cstr(&out), logs[i].want, logs[i].tool);
	}
}

/* The same behind and before thousands of lines of other output. */
static void among_much_else(void **state)
{
	(void)state;
	for (size_t i = 0; i + 8 < ARRAY_LEN(logs); i++) {
		AUTO(strbuf_done) struct strbuf log = STRBUF(1 << 20), out = STRBUF(CAUSE_MAX);
		for (int k = 0; k < 4000; k++)
			strbuf_addf(&log, "step %d of something went well\n", k);
		strbuf_adds(&log, logs[i].log);
		find(strbuf_cstr(&log), NULL, &out);
		CHECK_STR(strbuf_cstr(&out), logs[i].want, logs[i].tool);
	}
}

static void report_first(void **state)
{
	struct report r = {.tests_run = 4, .tests_failed = 3};
	AUTO(strbuf_done) struct strbuf out = STRBUF(CAUSE_MAX);

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct report_test t = {
			.name = xasprintf("t%d", i),
			.class = xstrdup("C"),
			.file = xstrdup("a/t.js"),
			.line = 7,
			.outcome = TEST_FAILED,
			.message = xstrdup("want 4"),
			.text = xstrdup(
				"Error: want 4\n    at f (a/t.js:7:3)\n    at g (b.js:1:1)")};
		vec_push(&r.tests, t);
	}
	find(logs[0].log, &r, &out);
	CHECK_STR(
		strbuf_cstr(&out),
		"C.t0 (a/t.js:7)\nError: want 4\n    at f (a/t.js:7:3)\nC.t1 (a/t.js:7)\nError: want 4\n    at f (a/t.js:7:3)\nand 1 more failed",
		"two tests, and how many more");
	report_done(&r);
}

static void caps(void **state)
{
	AUTO(strbuf_done) struct strbuf log = STRBUF(4 << 20), out = STRBUF(CAUSE_MAX);
	size_t lines = 1;

	(void)state;
	for (int i = 0; i < 300; i++) {
		strbuf_addf(&log, "a.c:%d:1: error: ", i + 1);
		for (int k = 0; k < 500; k++)
			strbuf_adds(&log, "\xc3\xa4");
		strbuf_addc(&log, '\n');
	}
	find(strbuf_cstr(&log), NULL, &out);
	for (size_t i = 0; i < out.n; i++)
		lines += out.p[i] == '\n';
	CHECK(!strbuf_failed(&out) && out.n <= CAUSE_MAX && lines <= CAUSE_LINES, "capped");
	CHECK(str_is_utf8(strbuf_str(&out)), "between characters");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(tools),
					   cmocka_unit_test(among_much_else),
					   cmocka_unit_test(report_first), cmocka_unit_test(caps)};

	return cmocka_run_group_tests_name("report_cause", tests, NULL, NULL);
}
