/* What is kept of a job that ran in the real sandbox: its log with steps and times, its reports, the likely cause. */
#include "port/exec_kit.h"

#include "base/logmark.h"
#include "clients/logfile.h"
#include "ports/report.h"

static int open_rig(void **state)
{
	struct rig *r = xcalloc(1, sizeof(*r));

	rig_open(r, false);
	*state = r;
	return 0;
}

static int close_rig(void **state)
{
	struct rig *r = *state;

	vec_done(&r->spec.def.steps);
	rig_close(r);
	xfree(r);
	return 0;
}

static void add_step(struct rig *r, const char *name, const char *run, usec_t timeout)
{
	struct step_def s = {lit(name), lit(run), timeout};

	vec_push(&r->spec.def.steps, s);
}

static struct logfile *open_log(struct rig *r)
{
	struct logfile *l = NULL;
	int fd = -1;

	OK(blobs_open(r->blobs, r->end.log, &fd, &err));
	OK(logfile_open(fd, &l, &err));
	return l;
}

static void kept_report(struct rig *r, struct report *ret)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(REPORT_MAX);

	assert_non_null(r->end.report.blob);
	OK(blobs_get(r->blobs, r->end.report.blob, REPORT_MAX, &text, &err));
	OK(shape_parse(strbuf_str(&text), REPORT_MAX, &shape_report, ret, &err));
}

static void steps(void **state)
{
	struct rig *r = *state;

	spec_new(r, NULL);
	add_step(r, "first", "echo one; echo 1 > /tmp/a; echo 2 > here", 0);
	add_step(r, "second", "cat /tmp/a here; cd ..; exit 7", 0);
	add_step(r, "third", "echo never", 0);
	vec_push(&r->spec.def.finally, lit("echo last"));
	job_run(r);
	CHECK_END(r, FAILURE_EXIT, 7, "the second step failed");
	CHECK_STR(r->end.error, "step \"second\": exit 7", "error");
	CHECK_STR(strbuf_cstr(&r->log), "one\n1\n2\nlast\n", "log");
	AUTO(logfile_freep) struct logfile *l = open_log(r);
	AUTO(log_marks_done) struct log_marks m = {0};
	log_marks_add(&m, logfile_marks(l));
	CHECK_STR(log_marks_step(&m, 0)->name, "first", "step of byte 0");
	CHECK_STR(log_marks_step(&m, 4)->name, "second", "step of byte 4");
	CHECK_STR(log_marks_step(&m, 8)->name, "finally", "step of byte 8");
	CHECK(log_marks_time(&m, 4) >= r->end.started_at &&
		      log_marks_time(&m, 4) <= r->end.ended_at,
	      "time");
	CHECK_STR(r->end.report.cause, "1\n2", "of the failed step only");
}

static void step_times_out(void **state)
{
	struct rig *r = *state;

	spec_new(r, NULL);
	add_step(r, "waits", "echo begun; sleep 300", 200 * USEC_MS);
	job_run(r);
	CHECK_END(r, FAILURE_TIMEOUT, -1, "step time-out");
	CHECK_STR(r->end.error, "step \"waits\": it did not end within 200 ms", "error");
	vec_done(&r->spec.def.steps);
	for (usec_t most = 300 * USEC_MS; most < PATIENCE; most *= 4) {
		spec_new(r, NULL);
		add_step(r, "a", "sleep 0.1", 0);
		add_step(r, "b", "sleep 300", 200 * USEC_SEC);
		r->spec.def.timeout = most;
		job_run(r);
		CHECK_END(r, FAILURE_TIMEOUT, -1, "job time-out");
		CHECK(r->took < most + PATIENCE, "in time");
		if (!strstr(r->end.error, "step \"a\""))
			break; /* or it came no further */
		vec_done(&r->spec.def.steps);
	}
	CHECK(strstr(r->end.error, "step \"b\": the job did not end within "), r->end.error);
}

static void reports(void **state)
{
	struct rig *r = *state;
	struct report report = {0};

	spec_new(
		r,
		"mkdir out; echo '# All of it' >> $PENSTOCK_SUMMARY\n"
		"printf '\\033[1m/repo/services/orders/a.c:3:5: \\033[31merror: \\033[0mbad thing [-Wbad]\\n'\n"
		"echo '<testsuite><testcase classname=\"c\" name=\"ok\" time=\"0.5\" file=\"t.c\"/>"
		"<testcase classname=\"c\" name=\"b\" time=\"1.25\" file=\"t.c\" line=\"9\"><failure message=\"want 1\">t.c:9: no</failure>"
		"</testcase></testsuite>' > out/t.xml\n"
		"echo '<broken' > out/u.xml\n"
		"printf 'SF:a.c\\nDA:1,3\\nDA:2,0\\nend_of_record\\n' > out/lcov.info\n"
		"exit 1");
	r->spec.def.reports = (struct reports_def){.junit = lit("out/*.xml"),
						   .coverage = lit("out/lcov.info"),
						   .problems = lit("gcc"),
						   .sarif = lit("out/*.sarif")};
	job_run(r);
	CHECK_END(r, FAILURE_EXIT, 1, "tests failed");
	CHECK(r->end.junit.tests == 2 && r->end.junit.failed == 1, "counts");
	assert_int_equal(r->end.junit.failures.n, 1);
	CHECK_STR(r->end.junit.failures.v[0], "c.b", "failed test");
	CHECK(r->end.report.lines == 2 && r->end.report.covered == 1, "coverage");
	CHECK(r->end.report.errors == 1 && r->end.report.warnings == 1,
	      "a finding, and a report that is broken");
	assert_int_equal(r->end.times.n, 1);
	CHECK_STR(r->end.times.v[0].file, "services/orders/t.c", "file of the times");
	assert_int_equal(r->end.times.v[0].usec, 1750000);
	CHECK_STR(r->end.report.cause, "c.b (services/orders/t.c:9)\nwant 1\nt.c:9: no", "cause");
	kept_report(r, &report);
	CHECK_STR(report.summary, "# All of it", "summary");
	CHECK(report.tests.n == 2 && report.tests.v[0].outcome == TEST_FAILED, "failed ones first");
	CHECK_STR(report.coverage.v[0].path, "services/orders/a.c", "path in the repository");
	bool junit = false, gcc = false, broken = false;
	vec_each(a, &report.annotations) {
		junit |= streq(a->source, "junit") && a->line == 9 &&
			 streq(a->path, "services/orders/t.c");
		gcc |= streq(a->source, "gcc") && a->line == 3 && a->column == 5 &&
		       streq(a->rule, "-Wbad") && streq(a->path, "services/orders/a.c") &&
		       streq(a->message, "bad thing");
		broken |= streq(a->source, "penstock") &&
			  strstr(a->message, "out/u.xml is no JUnit report: line 1");
	}
	CHECK(junit && gcc && broken, "annotations");
	report_done(&report);
}

/* The log of a job that prints a lot is packed, and read from anywhere. */
static void long_log(void **state)
{
	struct rig *r = *state;
	AUTO(strbuf_done) struct strbuf piece = STRBUF(1000);

	spec_new(r, "seq 1 2000000");
	job_run(r);
	CHECK_END(r, FAILURE_NONE, 0, "a long log");
	AUTO(logfile_freep) struct logfile *l = open_log(r);
	CHECK(logfile_size(l) == r->log.n && r->log.n == 14888896, "size");
	OK(logfile_read(l, 14888896 - 16, 100, &piece, &err));
	CHECK_STR(strbuf_cstr(&piece), "1999999\n2000000\n", "its end");
	AUTO(fd_close) int fd = -1;
	OK(blobs_open(r->blobs, r->end.log, &fd, &err));
	CHECK(lseek(fd, 0, SEEK_END) < 14888896 / 2, "packed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(steps, open_rig, close_rig),
		cmocka_unit_test_setup_teardown(step_times_out, open_rig, close_rig),
		cmocka_unit_test_setup_teardown(reports, open_rig, close_rig),
		cmocka_unit_test_setup_teardown(long_log, open_rig, close_rig),
	};

	if (access("/usr/bin/bwrap", X_OK) != 0) {
		printf("skipped: sandbox (bubblewrap is not installed)\n");
		return 0;
	}
	return cmocka_run_group_tests_name("exec_logs", tests, NULL, NULL);
}
