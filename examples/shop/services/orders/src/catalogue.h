/* What the shop sells. */
#pragma once
#include "shared/text.h"

struct item {
	const char *name;
	long price_cents;
};

enum { QUANTITY_MAX = 100 };

const struct item *item_find(struct span name);

/* The item with this number, or NULL: orders name items by number, so numbers never change. */
const struct item *item_at(size_t number);
size_t item_number(const struct item *item);

/* Ten or more of one thing are 10 % cheaper. */
long total_cents(const struct item *item, long quantity);
