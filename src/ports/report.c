#include "ports/report.h"

const char *const test_outcome_names[] = {"passed", "failed", "skipped"};
const char *const annotation_level_names[] = {"notice", "warning", "error"};

#define T struct report_test
static const struct shape_field test_fields[] = {
	SHAPE_STR(T, name),    SHAPE_STR(T, class), SHAPE_STR(T, file),
	SHAPE_U32(T, line),    SHAPE_U64(T, usec),  SHAPE_ENUM(T, outcome, test_outcome_names),
	SHAPE_STR(T, message), SHAPE_STR(T, text),
};
const struct shape shape_report_test = SHAPE(T, test_fields);
#undef T
#define T struct annotation
static const struct shape_field annotation_fields[] = {
	SHAPE_STR(T, path),   SHAPE_U32(T, line),
	SHAPE_U32(T, column), SHAPE_ENUM(T, level, annotation_level_names),
	SHAPE_STR(T, rule),   SHAPE_STR(T, message),
	SHAPE_STR(T, source),
};
const struct shape shape_annotation = SHAPE(T, annotation_fields);
#undef T
#define T struct file_coverage
static const struct shape_field coverage_fields[] = {SHAPE_STR(T, path), SHAPE_U64(T, lines),
						     SHAPE_U64(T, covered)};
const struct shape shape_file_coverage = SHAPE(T, coverage_fields);
#undef T
#define T struct report
static const struct shape_field report_fields[] = {
	SHAPE_STR(T, job),
	SHAPE_U32(T, tests_run),
	SHAPE_U32(T, tests_failed),
	SHAPE_U32(T, tests_skipped),
	SHAPE_LIST(T, tests, shape_report_test),
	SHAPE_U32(T, errors),
	SHAPE_U32(T, warnings),
	SHAPE_LIST(T, annotations, shape_annotation),
	SHAPE_U64(T, lines),
	SHAPE_U64(T, covered),
	SHAPE_LIST(T, coverage, shape_file_coverage),
	SHAPE_STR(T, summary),
	SHAPE_STR(T, cause),
	SHAPE_STR(T, step),
};
const struct shape shape_report = SHAPE(T, report_fields);
#undef T

void report_done(struct report *r)
{
	shape_done(&shape_report, r);
}
