/* From a job's spec to the token that shows others who it is (struct world's id_token). */
#pragma once
#include "clients/workload.h"
#include "core/effect.h"

/* ctx: a struct workload. From any thread. */
MUST_CHECK enum rc id_token_of(void *ctx, const struct job_spec *spec, const texts *audience,
			       struct strbuf *ret, struct err *err);
