/* Coverage of lines, from any number of reports. */
#include "flow/2-build/reports.h"

#define LINE_MOST  2000000u
#define BYTES_MOST ((uint64_t)64 << 20)

struct coverage_file {
	char *path;
	unsigned char *lines; /* two bits a line: it counts, it was run */
	size_t size;
};

struct coverage_file *coverage_file(struct coverage *c, const char *path)
{
	struct coverage_file *f = map_get(&c->files, str_of(path));

	if (f || c->files.n >= REPORT_FILES)
		return f;
	f = xcalloc(1, sizeof(*f));
	f->path = xstrdup(path);
	map_put(&c->files, str_of(path), f);
	return f;
}

bool coverage_line(struct coverage *c, struct coverage_file *f, uint32_t line, bool hit)
{
	size_t at = line / 4;

	if (line >= LINE_MOST)
		return false;
	if (at >= f->size) {
		size_t size = MAX_OF(at + 1, MIN_OF(f->size * 2, (size_t)LINE_MOST / 4));
		if (c->bytes + size - f->size > BYTES_MOST)
			return false;
		f->lines = xrealloc(f->lines, size);
		memset(f->lines + f->size, 0, size - f->size);
		c->bytes += size - f->size;
		f->size = size;
	}
	f->lines[at] |= (unsigned char)((hit ? 3 : 1) << line % 4 * 2);
	return true;
}

static struct file_coverage count(const struct coverage_file *f)
{
	struct file_coverage ret = {.path = xstrdup(f->path)};

	for (size_t i = 0; i < f->size; i++) {
		ret.lines += (unsigned)__builtin_popcount(f->lines[i] & 0x55);
		ret.covered += (unsigned)__builtin_popcount(f->lines[i] & 0xaa);
	}
	return ret;
}

static int by_path(const void *a, const void *b)
{
	const struct file_coverage *x = a, *y = b;

	return strcmp(x->path, y->path);
}

void coverage_report(const struct coverage *c, struct report *ret)
{
	for (struct map_entry *e = NULL; (e = map_next(&c->files, e));) {
		struct file_coverage f = count(e->value);
		ret->lines += f.lines;
		ret->covered += f.covered;
		if (f.lines)
			vec_push(&ret->coverage, f);
		else
			xfree(f.path);
	}
	if (ret->coverage.n)
		qsort(ret->coverage.v, ret->coverage.n, sizeof(*ret->coverage.v), by_path);
}

void coverage_done(struct coverage *c)
{
	for (struct map_entry *e = NULL; (e = map_next(&c->files, e));) {
		struct coverage_file *f = e->value;
		xfree(f->path);
		xfree(f->lines);
		xfree(f);
	}
	map_done(&c->files);
	*c = (struct coverage){0};
}

enum rc coverage_read(struct coverage *c, struct str text, const char *unit, struct err *err)
{
	struct str front = str_trim(text);

	if (text.n > COVERAGE_MAX)
		return err_set(err, RC_TOO_BIG, "a coverage report of more than %zu MiB",
			       COVERAGE_MAX >> 20);
	while (front.n && (unsigned char)*front.p >= 0x80) /* a byte order mark */
		front.p++, front.n--;
	return front.n && *front.p == '<' ? cobertura_read(c, text, unit, err)
					  : lcov_read(c, text, unit, err);
}
