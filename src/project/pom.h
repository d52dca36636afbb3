/*
 * A parent pom.xml as what it is to its children: managed versions, properties, and the rest. Maven has no lockfile: which
 * versions a module gets through others is not written anywhere. So a managed version counts for the modules that name it
 * and, when no module of the repository names it, for all.
 */
#pragma once
#include "base/map.h"
#include "project/buildfile.h"

struct pom;
MUST_CHECK enum rc pom_read(const char *file, struct str text, struct pom **ret, struct err *err);
void pom_free(struct pom *p);
/* named: "group:artifact" that any module names. */
void pom_slice(const struct pom *p, const struct buildfile *module, const struct map *named,
	       char ret[65]);
