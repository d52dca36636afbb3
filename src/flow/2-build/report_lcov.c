/* lcov: SF:<path>, DA:<line>,<hits>[,...], end_of_record; other records do not matter here. */
#include "flow/2-build/reports.h"

static enum rc line_of(struct coverage *c, struct coverage_file *f, struct str rest,
		       unsigned long at, struct err *err)
{
	struct str number = str_cut(&rest, ','), hits = str_trim(str_cut(&rest, ','));
	uint32_t line;
	bool hit = false;

	if (!parse_u32(str_trim(number), &line) || !hits.n)
		return err_set(err, RC_INVALID, "line %lu: DA: wants a line's number and its hits",
			       at);
	for (size_t i = 0; i < hits.n; i++)
		hit |= hits.p[i] >= '1' && hits.p[i] <= '9';
	if (*hits.p == '-') /* what broken counters give */
		hit = false;
	if (line && !coverage_line(c, f, line, hit))
		return err_set(err, RC_TOO_BIG, "line %lu: more lines than can be counted", at);
	return RC_OK;
}

enum rc lcov_read(struct coverage *c, struct str text, const char *unit, struct err *err)
{
	struct coverage_file *f = NULL;
	unsigned long at = 0;
	bool any = false;
	enum rc rc = RC_OK;

	while (text.p && rc == RC_OK) {
		struct str line = str_trim(str_cut(&text, '\n'));
		at++;
		if (str_starts(line, "SF:")) {
			AUTO(freep)
			char *path = report_path((struct str){line.p + 3, line.n - 3}, unit);
			f = path ? coverage_file(c, path) : NULL;
			if (path && !f)
				rc = err_set(err, RC_TOO_BIG, "line %lu: too many files", at);
			any = true;
		} else if (str_starts(line, "DA:") && f) {
			rc = line_of(c, f, (struct str){line.p + 3, line.n - 3}, at, err);
		} else if (str_is(line, "end_of_record")) {
			f = NULL;
		}
	}
	if (rc == RC_OK && !any)
		rc = err_set(
			err, RC_INVALID,
			"it is neither Cobertura XML nor lcov: it has no line that begins with SF:");
	return rc;
}
