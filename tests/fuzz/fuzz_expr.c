/* The first NUL parts an expression and the value of every name. What expr_check() takes expr_eval() computes, twice the same; what it refuses it refuses,
 * and says where. */
#include "core/expr.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool known(void *ctx, struct str name)
{
	(void)ctx;
	return name.n < 6;
}
static const struct expr_known names_known = {.name = known};

static bool value(void *ctx, struct str name, struct str *ret)
{
	*ret = *(const struct str *)ctx;
	return name.n < 6;
}

static bool is_long(void *ctx, struct str text)
{
	(void)ctx;
	return text.n > 3;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size}, text = str_cut(&rest, '\0');
	struct str of_names = rest.p ? rest : STR("");
	const struct expr_names names = {value, is_long, is_long, &of_names};
	struct err err = {0};
	size_t at = 0;
	bool yes = false, again = true;

	enum rc rc = expr_check(text, &names_known, &at, &err);
	if (at > text.n || (rc != RC_OK) != (err.rc != RC_OK))
		abort();
	if (expr_eval(text, &names, &yes, NULL) != rc)
		abort();
	if (rc == RC_OK && (expr_eval(text, &names, &again, NULL) != RC_OK || again != yes))
		abort();
	return 0;
}
