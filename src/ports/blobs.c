#include "ports/blobs.h"

static const struct shape_field result_fields[] = {
	SHAPE_STR(struct result, key),   SHAPE_STR(struct result, outputs),
	SHAPE_STR(struct result, image), SHAPE_STR(struct result, log),
	SHAPE_STR(struct result, run),   SHAPE_I64(struct result, exit),
	SHAPE_U64(struct result, usec),
};
const struct shape shape_result = SHAPE(struct result, result_fields);
