/* Any bytes are TOML or refused with name and line; what is read keeps its promises. */
#include "base/toml.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool ok)
{
	if (!ok)
		abort();
}

static void walk(const struct toml_node *n, unsigned depth)
{
	expect(n->line >= 1 && depth < 200);
	if (n->kind < TOML_LIST)
		expect(strlen(n->text.p) == n->text.n && str_is_utf8(n->text));
	for (size_t i = 0; i < n->n; i++) {
		if (n->kind == TOML_TABLE)
			expect(toml_get(n, n->keys[i]) == n->items[i]);
		walk(n->items[i], depth + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = {RC_OK, ""};
	struct toml *doc = NULL;

	if (toml_read((struct str){(const char *)data, size}, "f.toml", &doc, &err) == RC_OK)
		walk(toml_root(doc), 0);
	else
		expect(!strncmp(err.msg, "f.toml:", 7));
	toml_free(doc);
	return 0;
}
