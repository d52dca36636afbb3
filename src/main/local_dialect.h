/* Between the commands that speak other systems' files. */
#pragma once
#include "dialect/dialect.h"

struct import_options {
	enum dialect dialect; /* DIALECT_GITHUB, DIALECT_GITLAB */
	const char *file;
	const char *out; /* NULL: stdout */
	bool force;
};
int local_import(const struct import_options *o);

struct generate_options {
	enum dialect dialect;
	const char *repo, *base, *head; /* as of `plan` */
	bool affected;
};
int local_generate(const struct generate_options *o);

/* What did not map, a line each, on stderr. */
void local_remarks(const struct remark *v, size_t n);
