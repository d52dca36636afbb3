/* Any bytes of another system are read or refused with a message; what is read keeps its promises (depth, count, NUL, UTF-8). */
#include "base/yaml.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool ok)
{
	if (!ok)
		abort();
}

static size_t walk(const struct yaml_node *n, unsigned depth)
{
	size_t count = 1;

	expect(depth <= 33 && n->line >= 1 && n->column >= 1);
	if (n->kind == YAML_SCALAR || n->kind == YAML_NULL) {
		expect(n->text.n == 0 || (strlen(n->text.p) == n->text.n && str_is_utf8(n->text)));
		return count;
	}
	for (size_t i = 0; i < n->n; i++) {
		if (n->kind == YAML_MAP) {
			expect(n->keys[i].kind == YAML_SCALAR);
			count += walk(&n->keys[i], depth + 1);
		}
		count += walk(&n->items[i], depth + 1);
	}
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct yaml *doc = NULL;
	struct err err = {0};
	enum rc rc = yaml_read_foreign((struct str){(const char *)data, size}, "f.yml", &doc, &err);

	expect((rc == RC_OK) == (doc != NULL));
	if (doc)
		expect(walk(yaml_root(doc), 1) <= 100001);
	else
		expect(rc == RC_INVALID || rc == RC_TOO_BIG);
	expect(doc || (str_starts(str_of(err.msg), "f.yml:") && str_is_utf8(str_of(err.msg))));
	yaml_free(doc);
	return 0;
}
