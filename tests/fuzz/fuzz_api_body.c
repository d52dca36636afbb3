/* Bodies of every route that takes one: refused with a reason, or exactly what the route's row says. */
#include "api/table.h"
#include "base/json.h"
#include "base/mem.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(json_freep) struct json *body = NULL;
	struct err err = {0};

	if (size < 1)
		return 0;
	const struct api_route *r = &api_routes[data[0] % api_n_routes];
	if (json_read((struct str){(const char *)data + 1, size - 1}, (size_t)1 << 20, &body,
		      &err) != RC_OK ||
	    json_kind_of(body) != JSON_MAP)
		return 0;
	if (!table_check_body(r, body, &err)) {
		BUG_ON(err.rc != RC_INVALID || !*err.msg);
		return 0;
	}
	for (const struct api_field *f = r->body; f && f->name; f++) {
		const struct json *given = json_get(body, f->name);

		BUG_ON(f->needed && !given);
		BUG_ON(f->kind == FIELD_TEXT && given && json_kind_of(given) != JSON_STR &&
		       json_kind_of(given) != JSON_NULL);
		BUG_ON(f->kind == FIELD_BOOL && given && json_kind_of(given) != JSON_BOOL &&
		       json_kind_of(given) != JSON_NULL);
	}
	BUG_ON(!r->body && json_count(body));
	return 0;
}
