/* Recorded facts, one JSON object a line: {"t":12.5,"arm":"canary","instance":"i7","status":200,"ms":12.3}. */
#pragma once
#include "base/map.h"
#include "core/verdict.h"

#define FACT_LINE_MAX 4096

/* Gives each instance name a number, in order of appearance. */
struct facts_names {
	struct map ids;
	uint32_t n;
};
void facts_names_done(struct facts_names *n);
/* Read one line (without its end). Keys in any order, other keys are ignored; t, arm, instance and status are needed. The error says what is wrong, not where. */
MUST_CHECK enum rc facts_line(struct str line, struct facts_names *names, struct verdict_fact *ret,
			      struct err *err);
